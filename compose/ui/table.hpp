// table.hpp - columns as docker prints them: cells of a least width, some spaces between, the last column
// unpadded.
#pragma once

#include <string>
#include <vector>

namespace berth::ui {

struct TableLayout {
    std::size_t least_width = 10, padding = 3;
};
inline constexpr TableLayout k_list_layout{}, k_wide_layout{20, 3}, k_dense_layout{4, 2};

class Table {
  public:
    explicit Table(std::vector<std::string> header, TableLayout layout = k_list_layout) : layout_(layout) {
        rows_.push_back(std::move(header));
    }
    Table() = default; // without a header
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    [[nodiscard]] std::string to_string() const;

  private:
    TableLayout layout_ = k_list_layout;
    std::vector<std::vector<std::string>> rows_;
};
// Lines whose cells are separated by tabs ("{{.ID}}\t{{.Names}}").
[[nodiscard]] std::string align_tabs(const std::string& text);

} // namespace berth::ui
