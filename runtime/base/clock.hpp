// clock.hpp - wall time as RFC 3339 with nanoseconds (records, logs), and the monotonic clock that goes on in suspend.
#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace berth {

struct WallTime {
    std::int64_t seconds = 0; // since 1970, UTC
    std::int32_t nanoseconds = 0;
    friend auto operator<=>(const WallTime&, const WallTime&) = default;
};
[[nodiscard]] WallTime wall_now();
[[nodiscard]] std::string to_rfc3339(const WallTime& time); // "2026-01-02T03:04:05.000000006Z"
[[nodiscard]] Result<WallTime> parse_rfc3339(std::string_view text);
// CLOCK_BOOTTIME: time-outs and back-off survive a suspended laptop and a clock that is set.
[[nodiscard]] std::chrono::nanoseconds boottime_now();

} // namespace berth
