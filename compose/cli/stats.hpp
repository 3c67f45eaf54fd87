// stats.hpp - `stats` and `compose stats`: a table of cgroup figures, once or repainted each second.
#pragma once

#include "compose/cli/session.hpp"
#include "runtime/container/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::cli {

struct StatsOptions {
    bool all = false, no_stream = false, no_trunc = false;
    std::string format;
};
[[nodiscard]] Result<int> show_stats(Session& session, const StatsOptions& options,
                                     const std::function<Result<std::vector<runtime::Container>>()>& list);

} // namespace berth::cli
