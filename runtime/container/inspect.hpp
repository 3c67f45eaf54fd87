// inspect.hpp - Docker-shaped JSON of a container, its processes and its cgroup's figures.
#pragma once

#include "runtime/container/store.hpp"

namespace berth::runtime {

// networks: docker's NetworkSettings.Networks object, made by the caller (the runtime knows no networks).
[[nodiscard]] Result<Json> inspect(const Context& context, const Container& container, const Json& networks,
                                   const Json& ports);

struct ProcessRow {
    std::int64_t pid = 0, parent = 0;
    std::string user, start, tty, time, command;
    std::int64_t cpu_percent = 0;
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
