#include "compose/ui/table.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::ui {

std::string Table::to_string() const {
    std::vector<std::size_t> widths;
    for (const auto& row : rows_) {
        if (row.size() > widths.size()) widths.resize(row.size(), layout_.least_width);
        for (std::size_t i = 0; i + 1 < row.size(); ++i)
            widths[i] = std::max(widths[i], display_width(row[i]) + layout_.padding);
    }
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - display_width(row[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

std::string align_tabs(const std::string& text) {
    Table table;
    auto lines = split(text, '\n');
    if (!lines.empty() && lines.back().empty()) lines.pop_back();
    for (const auto& line : lines)
        table.add(split(line, '\t'));
    return table.to_string();
}

} // namespace berth::ui
