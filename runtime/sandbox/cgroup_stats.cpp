#include "runtime/sandbox/cgroup.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <unistd.h>

namespace berth::sandbox {

namespace {

std::uint64_t number(std::string_view text) {
    const auto value = parse_integer(trim(text), 0);
    return value ? static_cast<std::uint64_t>(*value) : 0;
}

std::string text_of(const std::string& folder, const char* file) {
    auto text = read_file_if_exists(join_path(folder, file), 4 << 20);
    return text && *text ? std::move(**text) : std::string();
}

std::uint64_t key_of(const std::string& text, std::string_view key) {
    for (const auto& line : split(text, '\n'))
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return number(std::string_view(line).substr(key.size() + 1));
    return 0;
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
    return a > b ? a - b : 0;
}

// Sums of all devices: v2 "8:0 rbytes=1 wbytes=2 ...", v1 "8:0 Read 1".
void add_io(CgroupStats& stats, const std::string& text) {
    for (const auto& line : split(text, '\n')) {
        const auto words = split(line, ' ');
        for (const auto& word : words) {
            if (word.starts_with("rbytes=")) stats.read_bytes += number(word.substr(7));
            if (word.starts_with("wbytes=")) stats.written_bytes += number(word.substr(7));
        }
        if (words.size() == 3 && words[1] == "Read") stats.read_bytes += number(words[2]);
        if (words.size() == 3 && words[1] == "Write") stats.written_bytes += number(words[2]);
    }
}

// Where the controller is not joined (v1 without a limit), from the processes themselves.
void add_process(CgroupStats& stats, pid_t pid, bool memory, bool threads, bool io) {
    const std::string folder = concat("/proc/", pid);
    if (memory) {
        const std::string rollup = text_of(folder, "smaps_rollup");
        for (const auto& line : split(rollup, '\n'))
            if (line.starts_with("Pss:"))
                stats.memory += 1024 * number(split(trim(std::string_view(line).substr(4)), ' ').front());
    }
    if (threads) {
        const std::string status = text_of(folder, "status");
        for (const auto& line : split(status, '\n'))
            if (line.starts_with("Threads:")) stats.processes += number(std::string_view(line).substr(8));
    }
    if (io) {
        const std::string text = text_of(folder, "io");
        for (const auto& line : split(text, '\n')) {
            if (line.starts_with("read_bytes:"))
                stats.read_bytes += number(std::string_view(line).substr(11));
            if (line.starts_with("write_bytes:"))
                stats.written_bytes += number(std::string_view(line).substr(12));
        }
    }
}

} // namespace

Result<CgroupStats> read_stats(const Cgroup& cgroup) {
    CgroupStats stats;
    const auto& unified = cgroup.unified_path();
    // cpu.stat is in every folder of a unified hierarchy, with the cpu controller or without.
    stats.cpu_ns = 1000 * key_of(text_of(unified, "cpu.stat"), "usage_usec");
    if (const auto v1 = cgroup.v1_path("cpuacct"); !v1.empty())
        stats.cpu_ns = number(text_of(v1, "cpuacct.usage"));

    bool memory = false;
    if (const auto v1 = cgroup.v1_path("memory"); !v1.empty()) {
        memory = true;
        stats.memory = minus(number(text_of(v1, "memory.usage_in_bytes")),
                             key_of(text_of(v1, "memory.stat"), "total_inactive_file"));
        stats.memory_limit = number(text_of(v1, "memory.limit_in_bytes"));
    } else if (const auto current = text_of(unified, "memory.current"); !current.empty()) {
        memory = true;
        stats.memory = minus(number(current), key_of(text_of(unified, "memory.stat"), "inactive_file"));
        stats.memory_limit = number(text_of(unified, "memory.max"));
    }
    constexpr std::uint64_t k_no_limit = 1ULL << 62; // v1 says "none" by a number near 2^63
    if (stats.memory_limit >= k_no_limit) stats.memory_limit = 0;

    const auto pids_v1 = cgroup.v1_path("pids");
    const std::string threads = text_of(pids_v1.empty() ? unified : pids_v1, "pids.current");
    stats.processes = number(threads);
    const auto io_v1 = cgroup.v1_path("blkio");
    const std::string io =
        io_v1.empty() ? text_of(unified, "io.stat") : text_of(io_v1, "blkio.throttle.io_service_bytes");
    add_io(stats, io);
    const bool no_io = io_v1.empty() && !path_exists(join_path(unified, "io.stat"));

    if (!memory || threads.empty() || no_io) {
        BERTH_ASSIGN_OR_RETURN(const auto pids, cgroup.processes());
        for (const pid_t pid : pids)
            add_process(stats, pid, !memory, threads.empty(), no_io);
    }
    return stats;
}

} // namespace berth::sandbox
