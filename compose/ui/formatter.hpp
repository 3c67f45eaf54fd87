// formatter.hpp - `--format`: one list of objects as docker's default table, `table TEMPLATE`, `json` or a
// template. Each row is a JSON object of field name to value; columns name the fields of the default table
// and the headers.
#pragma once

#include "compose/ui/table.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::ui {

struct Column {
    std::string field, header; // "ID", "CONTAINER ID"
};
struct Row {
    Json fields;  // what {{json .}} shows
    Json methods; // further fields for templates only: {{.Label "k"}}
};
struct ListFormat {
    std::string format;                         // of the user; empty or "table": the default table
    std::vector<Column> columns;                // of the default table
    std::map<std::string, std::string> headers; // of further fields, for `table TEMPLATE`
    TableLayout layout = k_list_layout;         // of the default table
    bool json_array = false;                    // one array instead of an object a line (compose ls, images)
};
[[nodiscard]] Result<std::string> format_rows(const ListFormat& format, const std::vector<Row>& rows);
// `inspect -f`: each object by the template, a line each; empty: one indented JSON array.
[[nodiscard]] Result<std::string> format_objects(const std::string& format, const std::vector<Json>& objects);

} // namespace berth::ui
