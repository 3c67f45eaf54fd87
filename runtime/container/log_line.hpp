// log_line.hpp - one line of a log file:
// {"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"}. A parser of its own because a
// million of them are to be read in half a second; members in any order and unknown ones (docker's "attrs")
// are fine. Pure.
#pragma once

#include "runtime/container/logs.hpp"

#include <string>
#include <string_view>

namespace berth::runtime {

// false: not such a line (a torn write at a power cut); readers pass over it. `scratch` holds unescaped text;
// what `out` points to lives until the next call with the same scratch or buffer.
[[nodiscard]] bool parse_log_line(std::string_view json, std::string& scratch, LogLine& out);

} // namespace berth::runtime
