// inspect.hpp - Docker-shaped JSON of a container, its processes and its cgroup's figures.
#pragma once

#include "runtime/container/store.hpp"

namespace berth::runtime {

// networks: docker's NetworkSettings.Networks object, made by the caller (the runtime knows no networks).
[[nodiscard]] Result<Json> inspect(const Context& context, const Container& container, const Json& networks,
                                   const Json& ports);

// One process, with the host's numbers and names.
struct ProcessRow {
    std::int64_t pid = 0, parent = 0, process_group = 0, session = 0, threads = 0;
    std::int64_t uid = 0, gid = 0;
    std::string user, tty, name, command; // name: the program's, command: with its arguments
    std::string flags;                    // "Ss+", as ps shows the state
    std::string waits_in;                 // function of the kernel that it sleeps in, "-" when in none
    std::int64_t kernel_flags = 0;        // PF_*
    std::int64_t nice = 0, priority = 0;  // priority: the kernel's, 20 is that of nice 0
    std::int64_t started_at = 0;          // seconds since 1970
    std::int64_t elapsed_seconds = 0, cpu_seconds = 0;
    std::int64_t cpu_per_mille = 0, memory_per_mille = 0; // of one CPU since its start; of the host's memory
    std::int64_t vsz_kib = 0, rss_kib = 0;
};
[[nodiscard]] Result<std::vector<ProcessRow>> top(const Context& context, const Container& container);

struct Stats {
    std::uint64_t cpu_ns = 0;
    std::uint64_t memory = 0, memory_limit = 0;
    std::uint64_t pids = 0;
    std::uint64_t read_bytes = 0, written_bytes = 0;
    std::uint64_t received_bytes = 0, sent_bytes = 0;
};
[[nodiscard]] Result<Stats> stats(const Context& context, const Container& container);

// "Up 3 minutes (healthy)", "Exited (0) 2 hours ago", "Created": docker ps's words.
[[nodiscard]] std::string status_words(const ContainerState& state, std::int64_t now_seconds);

} // namespace berth::runtime
