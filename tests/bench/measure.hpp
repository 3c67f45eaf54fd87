// measure.hpp - medians of runs that are taken in turn, A B A B, so that a drifting machine disturbs all alike; and
// what a tool's helper processes hold in memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace berth::bench {

struct Series {
    std::string name; // tool
    std::vector<double> values;
    [[nodiscard]] double median() const;
    [[nodiscard]] double least() const;
    [[nodiscard]] double most() const;
};
struct Row {
    std::string work, unit, promise;
    bool more_is_better = false;
    std::vector<Series> series;
    std::string note;
};
[[nodiscard]] double seconds(const std::function<void()>& work);
void print_row(const Row& row);
void print_head();
// MB: private (USS) and proportional (PSS) memory of all processes of these names.
struct Memory {
    double private_mb = 0, proportional_mb = 0;
    int processes = 0;
};
[[nodiscard]] Memory memory_of(const std::vector<std::string>& names);
[[nodiscard]] std::string machine();

} // namespace berth::bench
