// The figures of a container's cgroup and network namespace.
#include "runtime/container/inspect.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/cgroup_files.hpp"

#include <limits>
#include <unistd.h>

namespace berth::runtime {

namespace {

std::optional<std::string> read_text(const std::string& folder, const char* name) {
    if (folder.empty()) return std::nullopt;
    auto text = read_file_if_exists(join_path(folder, name), 1u << 20);
    return text && *text ? std::optional(std::move(**text)) : std::nullopt;
}

std::optional<std::uint64_t> read_number(const std::string& folder, const char* name) {
    const auto text = read_text(folder, name);
    if (!text) return std::nullopt;
    const auto value = parse_integer(trim(*text), 0);
    return value ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
}

std::uint64_t host_memory() {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// The container is not in a hierarchy that it set no limit in; its processes' own figures are added up
// instead.
struct ProcessSums {
    std::uint64_t cpu_ns = 0, memory = 0, read_bytes = 0, written_bytes = 0;
};

ProcessSums sum_processes(const std::vector<std::int64_t>& pids) {
    ProcessSums sums;
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    for (const auto pid : pids) {
        const auto folder = concat("/proc/", pid);
        if (const auto text = read_text(folder, "stat")) {
            const auto close = text->rfind(')');
            const auto fields = split(
                std::string_view(*text).substr(close == std::string::npos ? text->size() : close + 2), ' ');
            if (fields.size() >= 22) {
                // With the children it has waited for (fields 16, 17): those are gone from the cgroup.
                for (const std::size_t field : {14u, 15u, 16u, 17u})
                    sums.cpu_ns +=
                        static_cast<std::uint64_t>(parse_integer(fields[field - 3], 0).value_or(0)) *
                        (1'000'000'000 / ticks);
            }
        }
        // Shared pages (field 3) count once at most: resident without them.
        if (const auto text = read_text(folder, "statm")) {
            const auto fields = split(*text, ' ');
            if (fields.size() >= 3) {
                const auto resident = parse_integer(fields[1], 0).value_or(0),
                           shared = parse_integer(fields[2], 0).value_or(0);
                sums.memory += static_cast<std::uint64_t>(resident > shared ? resident - shared : 0) * page;
            }
        }
        if (const auto text = read_text(folder, "io")) {
            sums.read_bytes += keyed_value(*text, "read_bytes:");
            sums.written_bytes += keyed_value(*text, "write_bytes:");
        }
    }
    return sums;
}

// "eth0: bytes packets ... (8 fields) bytes packets ..." of the namespace of pid; loopback does not count.
void add_network(std::int64_t pid, Stats& out) {
    const auto text = read_text(concat("/proc/", pid), "net/dev");
    if (!text) return;
    for (const auto& line : split(*text, '\n')) {
        const auto colon = line.find(':');
        if (colon == std::string::npos || trim(std::string_view(line).substr(0, colon)) == "lo") continue;
        std::vector<std::uint64_t> numbers;
        for (const auto& word : split(line.substr(colon + 1), ' '))
            if (!word.empty())
                numbers.push_back(static_cast<std::uint64_t>(parse_integer(word, 0).value_or(0)));
        if (numbers.size() < 9) continue;
        out.received_bytes += numbers[0];
        out.sent_bytes += numbers[8];
    }
}

// "8:0 rbytes=1 wbytes=2 ..." (v2) or "8:0 Read 1" (v1).
void add_block_io(const ContainerCgroup& cgroup, const ProcessSums& sums, Stats& out) {
    if (const auto v2 = read_text(cgroup.folder(""), "io.stat")) {
        for (const auto& line : split(*v2, '\n'))
            for (const auto& word : split(line, ' ')) {
                if (word.starts_with("rbytes="))
                    out.read_bytes +=
                        static_cast<std::uint64_t>(parse_integer(word.substr(7), 0).value_or(0));
                if (word.starts_with("wbytes="))
                    out.written_bytes +=
                        static_cast<std::uint64_t>(parse_integer(word.substr(7), 0).value_or(0));
            }
        return;
    }
    const auto v1 = read_text(cgroup.folder("blkio"), "blkio.throttle.io_service_bytes");
    if (!v1) {
        out.read_bytes = sums.read_bytes;
        out.written_bytes = sums.written_bytes;
        return;
    }
    for (const auto& line : split(*v1, '\n')) {
        const auto words = split(line, ' ');
        if (words.size() != 3) continue;
        const auto bytes = static_cast<std::uint64_t>(parse_integer(words[2], 0).value_or(0));
        if (words[1] == "Read") out.read_bytes += bytes;
        if (words[1] == "Write") out.written_bytes += bytes;
    }
}

// As docker: without the inactive file cache, which the kernel gives back when asked.
void add_memory(const ContainerCgroup& cgroup, const ProcessSums& sums, Stats& out) {
    out.memory_limit = host_memory();
    const auto v2 = cgroup.folder(""), v1 = cgroup.folder("memory");
    auto used = read_number(v2, "memory.current");
    auto limit = read_number(v2, "memory.max");
    auto cache = keyed_value(read_text(v2, "memory.stat").value_or(""), "inactive_file");
    if (!used) {
        used = read_number(v1, "memory.usage_in_bytes");
        limit = read_number(v1, "memory.limit_in_bytes");
        cache = keyed_value(read_text(v1, "memory.stat").value_or(""), "total_inactive_file");
    }
    out.memory = used ? (*used > cache ? *used - cache : 0) : sums.memory;
    if (limit && *limit < out.memory_limit) out.memory_limit = *limit;
}

} // namespace

Result<Stats> stats(const Context& context, const Container& container) {
    Stats out;
    if (container.state.process.pid <= 0) return out;
    const auto cgroup = cgroup_of(context, container.spec);
    BERTH_ASSIGN_OR_RETURN(const auto pids, cgroup.processes());
    const auto sums = sum_processes(pids);
    const auto usage = keyed_value(read_text(cgroup.folder(""), "cpu.stat").value_or(""), "usage_usec");
    if (usage > 0)
        out.cpu_ns = usage * 1000; // in the unified hierarchy without any controller too (Linux 4.15)
    else
        out.cpu_ns = read_number(cgroup.folder("cpuacct"), "cpuacct.usage").value_or(sums.cpu_ns);
    add_memory(cgroup, sums, out);
    const auto tasks = read_number(cgroup.folder(""), "pids.current");
    const auto tasks_v1 = tasks ? tasks : read_number(cgroup.folder("pids"), "pids.current");
    out.pids = tasks_v1.value_or(pids.size());
    add_block_io(cgroup, sums, out);
    if (container.spec.network.mode != "host") add_network(container.state.process.pid, out);
    return out;
}

} // namespace berth::runtime
