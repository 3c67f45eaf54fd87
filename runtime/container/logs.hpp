// logs.hpp - reading a container's rotated log files (Docker's json-file lines) back, and following them by
// inotify.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/context.hpp"

#include <functional>
#include <optional>
#include <string>

namespace berth::runtime {

struct LogLine {
    std::string_view time; // RFC 3339 as recorded
    bool is_stderr = false;
    std::string_view text; // with its line break, unless the process wrote none
};
struct LogOptions {
    std::optional<std::int64_t> tail; // none: all
    std::optional<WallTime> since, until;
    bool follow = false; // until the container has ended and all was read
};
// Calls back for each line in order; a callback that answers false ends it. Cancelled through the context.
[[nodiscard]] berth::Status read_logs(const Context& context, const std::string& id,
                                      const LogOptions& options,
                                      const std::function<bool(const LogLine&)>& line);

} // namespace berth::runtime
