// env_file and label_file of a service.
#include "compose/load/discover.hpp"
#include "compose/load/dotenv.hpp"
#include "compose/load/normalise.hpp"
#include "runtime/base/file.hpp"

namespace berth::compose::load {

namespace {

struct EnvFile {
    std::string path, format;
    bool required = true;
    SourcePos at;
};

EnvFile describe(const SourceNode& node) {
    EnvFile out;
    out.at = node.pos();
    out.path = node.is_mapping() ? std::string(node.text_of("path")) : node.text;
    out.format = node.text_of("format");
    if (const auto* required = node.find("required"))
        if (const auto value = read_bool(*required)) out.required = *value;
    if (const auto* path = node.find("path")) out.at = path->pos();
    return out;
}

// nullptr: missing and not required, or reported.
const SourceHandle* open_file(LoadContext& context, const EnvFile& file, const Path& path) {
    // Relative ones are left by --no-path-resolution.
    auto text = read_file_if_exists(absolute_path(file.path, context.directory), std::size_t{16} << 20);
    if (text && !*text) {
        if (!file.required) return nullptr;
        context.error(
            invalid(concat("env file '", display_path(context, file.path), "' does not exist"), file.at)
                .hint("create it, or write 'required: false' beside its path"),
            path);
        return nullptr;
    }
    if (!text) {
        context.error(std::move(text).error().at(file.at), path);
        return nullptr;
    }
    return &context.add_source(display_path(context, file.path), std::move(**text));
}

void put(LoadContext& context, KeyIndex& mapping, const DotenvEntry& entry, const SourceHandle& source) {
    const Place at{&source, entry.line, 1, static_cast<std::uint32_t>(entry.key.size())};
    SourceNode value = SourceNode::make_string(entry.value.value_or(""), at);
    value.implied = false;
    value.interpolated = !entry.uses.empty();
    if (!entry.uses.empty()) context.remember_variables(value, entry.uses);
    auto* earlier = mapping.find(entry.key);
    if (earlier == nullptr) {
        mapping.add({entry.key, at, std::move(value)});
        return;
    }
    context.remember(value, replacement(value, earlier->value));
    earlier->value = std::move(value);
}

void merge_under(LoadContext& context, SourceNode& service, std::string_view key, SourceNode from_files) {
    if (from_files.entries.empty()) return;
    KeyIndex known(from_files);
    if (auto* own = service.find(key))
        for (auto& entry : own->entries) {
            auto* in_file = known.find(entry.key);
            if (in_file == nullptr) {
                known.add(std::move(entry));
                continue;
            }
            context.remember(entry.value, replacement(entry.value, in_file->value));
            in_file->value = std::move(entry.value);
        }
    service.set(key, std::move(from_files));
}

// A value of a mapping as a variable, held by `out`.
const Variable* in(KeyIndex& mapping, std::string_view name, Variable& out) {
    const auto* entry = mapping.find(name);
    if (entry == nullptr || entry->value.is_null()) return nullptr;
    out = {entry->value.text, entry->value.pos().to_string()};
    return &out;
}

void read_env_files(LoadContext& context, SourceNode& service, const Path& path) {
    const auto* files = service.find("env_file");
    if (files == nullptr) return;
    SourceNode collected = SourceNode::make_mapping(files->at);
    KeyIndex known(collected);
    SourceNode nothing = SourceNode::make_mapping(files->at);
    auto* environment = service.find("environment");
    KeyIndex own(environment != nullptr ? *environment : nothing);
    Variable found_value;
    const VariableLookup lookup = [&](std::string_view name) -> const Variable* {
        if (const auto found = context.environment.find(name); found != context.environment.end())
            return &found->second;
        return in(own, name, found_value);
    };
    const VariableLookup behind = [&](std::string_view name) { return in(known, name, found_value); };
    for (std::size_t i = 0; i < files->items.size(); ++i) {
        const EnvFile file = describe(files->items[i]);
        const Path here = path[i];
        if (!file.format.empty() && file.format != "raw") {
            context.error(unknown_word(*files->items[i].find("format"), "format of an env file", {"raw"}),
                          here / "format");
            continue;
        }
        const auto* source = open_file(context, file, here);
        if (source == nullptr) continue;
        auto entries =
            file.format == "raw" ? parse_raw_env(*source, lookup) : parse_dotenv(*source, lookup, behind);
        if (!entries) {
            context.error(std::move(entries).error(), here);
            continue;
        }
        for (const auto& entry : *entries)
            if (entry.value) put(context, known, entry, *source);
    }
    merge_under(context, service, "environment", std::move(collected));
}

void read_label_files(LoadContext& context, SourceNode& service, const Path& path) {
    const auto* files = service.find("label_file");
    if (files == nullptr) return;
    SourceNode collected = SourceNode::make_mapping(files->at);
    KeyIndex known(collected);
    // Labels know no environment, only the labels of the files before and earlier ones of the same file.
    Variable earlier;
    const VariableLookup lookup = [&](std::string_view name) { return in(known, name, earlier); };
    for (std::size_t i = 0; i < files->items.size(); ++i) {
        const auto* source = open_file(context, describe(files->items[i]), path[i]);
        if (source == nullptr) continue;
        auto entries = parse_dotenv(*source, lookup);
        if (!entries) {
            context.error(std::move(entries).error(), path[i]);
            continue;
        }
        for (const auto& entry : *entries)
            if (entry.value) put(context, known, entry, *source);
    }
    merge_under(context, service, "labels", std::move(collected));
}

} // namespace

void read_service_files(LoadContext& context, SourceNode& service, const Path& path) {
    read_env_files(context, service, path / "env_file");
    read_label_files(context, service, path / "label_file");
}

} // namespace berth::compose::load
