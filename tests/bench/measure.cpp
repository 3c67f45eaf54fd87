#include "tests/bench/measure.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <sys/utsname.h>
#include <thread>

namespace berth::bench {

double Series::median() const {
    auto sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const auto n = sorted.size();
    if (n == 0) return 0;
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}
double Series::least() const {
    return values.empty() ? 0 : *std::min_element(values.begin(), values.end());
}
double Series::most() const {
    return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

double seconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print_head() {
    std::printf("%-46s %-10s %30s %10s  %s\n", "work", "tool", "median (least - most)", "to berth",
                "promised");
}

void print_row(const Row& row) {
    const double ours = row.series.empty() ? 0 : row.series.front().median();
    bool first = true;
    for (const auto& series : row.series) {
        if (series.values.empty()) continue;
        char figures[64], ratio[32] = "";
        std::snprintf(figures, sizeof figures, "%.4g (%.4g - %.4g) %s", series.median(), series.least(),
                      series.most(), row.unit.c_str());
        if (!first && ours > 0) std::snprintf(ratio, sizeof ratio, "x %.2f", series.median() / ours);
        std::printf("%-46s %-10s %30s %10s  %s\n", first ? row.work.c_str() : "", series.name.c_str(),
                    figures, ratio, first ? row.promise.c_str() : "");
        first = false;
    }
    if (!row.note.empty()) std::printf("%-46s %s\n", first ? row.work.c_str() : "", row.note.c_str());
    std::fflush(stdout);
}

Memory memory_of(const std::vector<std::string>& names) {
    Memory sum;
    const auto entries = list_dir("/proc");
    if (!entries) return sum;
    for (const auto& pid : *entries) {
        if (!parse_integer(pid)) continue;
        const auto comm = read_file("/proc/" + pid + "/comm");
        // comm holds 15 bytes: "containerd-shim" is cut, so names are compared by that prefix.
        if (!comm || std::none_of(names.begin(), names.end(), [&](const std::string& name) {
                return std::string(trim(*comm)) == name.substr(0, 15);
            }))
            continue;
        const auto rollup = read_file("/proc/" + pid + "/smaps_rollup");
        if (!rollup) continue;
        ++sum.processes;
        for (const auto& line : split(*rollup, '\n')) {
            const auto field = [&](std::string_view key, double& into) {
                if (!line.starts_with(key)) return;
                std::string_view rest = trim(std::string_view(line).substr(key.size()));
                if (const auto kb = parse_integer(rest.substr(0, rest.find(' '))))
                    into += static_cast<double>(*kb) / 1024;
            };
            field("Private_Clean:", sum.private_mb);
            field("Private_Dirty:", sum.private_mb);
            field("Pss:", sum.proportional_mb);
        }
    }
    return sum;
}

std::string machine() {
    utsname name{};
    uname(&name);
    return concat("kernel ", std::string_view(name.release), ", ", std::thread::hardware_concurrency(),
                  " CPUs, load ", trim(read_file("/proc/loadavg").value_or("?")));
}

} // namespace berth::bench
