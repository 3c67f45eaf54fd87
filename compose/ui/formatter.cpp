#include "compose/ui/formatter.hpp"

#include "compose/ui/go_template.hpp"
#include "compose/ui/go_template_functions.hpp"
#include "compose/ui/render_error.hpp"
#include "compose/ui/table.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <cctype>

namespace berth::ui {

namespace {

// "CreatedAt" -> "CREATED AT": docker's way of naming a header that is not listed.
std::string header_of_field(std::string_view field) {
    std::string out;
    for (std::size_t i = 0; i < field.size(); ++i) {
        const auto c = static_cast<unsigned char>(field[i]);
        if (i > 0 && std::isupper(c) != 0 && std::islower(static_cast<unsigned char>(field[i - 1])) != 0)
            out += ' ';
        out += static_cast<char>(std::toupper(c));
    }
    return out;
}

std::string default_table(const ListFormat& format, const std::vector<Row>& rows) {
    std::vector<std::string> header;
    for (const auto& column : format.columns)
        header.push_back(column.header);
    Table table(header, format.layout);
    for (const auto& row : rows) {
        std::vector<std::string> cells;
        for (const auto& column : format.columns) {
            const Json* value = row.fields.find(column.field);
            if (value == nullptr) value = row.methods.find(column.field);
            // Histories, labels and comments are an image's words, and a table is for a terminal (S89).
            cells.push_back(value != nullptr && !value->is_null() ? printable(tmpl::print_value(*value))
                                                                  : std::string());
        }
        table.add(std::move(cells));
    }
    return table.to_string();
}

Json sorted(const Json& object) {
    Json out = object;
    if (auto* members = out.as_object())
        std::stable_sort(members->begin(), members->end(),
                         [](const auto& a, const auto& b) { return a.key < b.key; });
    return out;
}

// Docker reads \t and \n in a format as the characters that they stand for.
std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 't' || text[i + 1] == 'n')) {
            out += text[++i] == 't' ? '\t' : '\n';
        } else {
            out += text[i];
        }
    }
    return out;
}

Result<std::string> header_line(const GoTemplate& line, const ListFormat& format) {
    Json headers = Json::object();
    for (const auto& use : line.uses())
        if (use.key.empty()) headers.set(use.field, header_of_field(use.field));
    for (const auto& [field, header] : format.headers)
        headers.set(field, header);
    for (const auto& column : format.columns)
        headers.set(column.field, column.header);
    for (const auto& use : line.uses()) { // {{.Label "com.example.tier"}}: its last part
        if (use.key.empty()) continue;
        if (headers.find(use.field) == nullptr || headers.find(use.field)->as_object() == nullptr)
            headers.set(use.field, Json::object());
        headers.find(use.field)->set(use.key, use.key.substr(use.key.rfind('.') + 1));
    }
    auto text = line.execute(headers);
    // A template that calls methods or ranges has no header that could be computed.
    return text ? *text : std::string();
}

} // namespace

Result<std::string> format_rows(const ListFormat& format, const std::vector<Row>& rows) {
    const auto wanted = std::string(trim(format.format));
    if (wanted.empty() || wanted == "table") return default_table(format, rows);
    if (wanted == "json") {
        std::string out;
        if (format.json_array) {
            Json array = Json::array();
            for (const auto& row : rows)
                array.push(row.fields);
            return array.to_text() + "\n";
        }
        for (const auto& row : rows)
            out += sorted(row.fields).to_text() + "\n";
        return out;
    }
    const bool table = wanted.rfind("table ", 0) == 0;
    BERTH_ASSIGN_OR_RETURN(const auto line,
                           GoTemplate::parse(unescape(table ? std::string(trim(wanted.substr(6))) : wanted)));
    std::string out;
    if (table) {
        BERTH_ASSIGN_OR_RETURN(const auto header, header_line(line, format));
        out = header + "\n";
    }
    for (const auto& row : rows) {
        BERTH_ASSIGN_OR_RETURN(const auto text, line.execute(sorted(row.fields), row.methods));
        out += text + "\n";
    }
    return table ? align_tabs(out) : out;
}

Result<std::string> format_objects(const std::string& format, const std::vector<Json>& objects) {
    if (format.empty()) {
        Json array = Json::array();
        for (const auto& object : objects)
            array.push(object);
        return array.to_text(4) + "\n";
    }
    std::string out;
    if (format == "json") {
        for (const auto& object : objects)
            out += object.to_text() + "\n";
        return out;
    }
    BERTH_ASSIGN_OR_RETURN(const auto line, GoTemplate::parse(unescape(format)));
    for (const auto& object : objects) {
        BERTH_ASSIGN_OR_RETURN(const auto text, line.execute(object));
        out += text + "\n";
    }
    return out;
}

} // namespace berth::ui
