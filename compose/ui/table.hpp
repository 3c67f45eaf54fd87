// table.hpp - columns as docker prints them: cells at least ten wide, three spaces between, the last column
// unpadded.
#pragma once

#include <string>
#include <vector>

namespace berth::ui {

class Table {
  public:
    explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
    Table() = default; // without a header
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::size_t size() const { return rows_.size(); }
    [[nodiscard]] std::string to_string() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};
// Lines whose cells are separated by tabs ("{{.ID}}\t{{.Names}}").
[[nodiscard]] std::string align_tabs(const std::string& text);

} // namespace berth::ui
