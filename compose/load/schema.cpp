#include "compose/load/schema.hpp"

#include "compose/load/schema_parts.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

using namespace parts;

constexpr Field k_include_fields[] = {
    {"path", &k_text_or_texts}, {"project_directory", &k_text}, {"env_file", &k_text_or_texts}};
constexpr Shape k_include{.scalars = k_str, .fields = k_include_fields, .extensions = false};
constexpr Shape k_includes{.items = &k_include};

struct Sections {
    Shape services{.values = &service_shape()};
    Shape networks{.values = &network_shape()};
    Shape volumes{.values = &volume_shape()};
    Shape secrets{.values = &secret_shape()};
    Shape configs{.values = &config_shape()};
    Shape models{.values = &model_shape()};
    std::vector<Field> fields = {
        {"name", &k_text},
        {.key = "version", .shape = &k_text, .canonical = false},
        {.key = "include", .shape = &k_includes, .canonical = false},
        {"services", &services},
        {"networks", &networks},
        {"volumes", &volumes},
        {"secrets", &secrets},
        {"configs", &configs},
        {"models", &models},
    };
    Shape project{.fields = fields};
};

void list_paths(const Shape& shape, const std::string& path, Support support, std::vector<SchemaPath>& out) {
    if (shape.items != nullptr) list_paths(*shape.items, path + "[]", support, out);
    if (shape.values != nullptr) list_paths(*shape.values, path + ".*", support, out);
    for (const auto& field : shape.fields) {
        const std::string below = path.empty() ? field.key : path + "." + field.key;
        const Support own = support == Support::done ? field.support : support;
        out.push_back({below, own});
        list_paths(*field.shape, below, own, out);
    }
}

} // namespace

const Shape& project_shape() {
    static const Sections sections;
    return sections.project;
}

const Field* find_field(const Shape& shape, std::string_view key) {
    for (const auto& field : shape.fields)
        if (key == field.key) return &field;
    return nullptr;
}

std::vector<std::string> field_names(const Shape& shape) {
    std::vector<std::string> out;
    for (const auto& field : shape.fields)
        out.emplace_back(field.key);
    return out;
}

std::vector<SchemaPath> all_schema_paths() {
    std::vector<SchemaPath> out;
    list_paths(project_shape(), "", Support::done, out);
    return out;
}

} // namespace berth::compose::load
