// log_flags.hpp - --follow, --tail, --since, --until, --timestamps as `logs` and `compose logs` have them.
#pragma once

#include "compose/cli/flags.hpp"
#include "compose/ui/log_mux.hpp"

#include <string>

namespace berth::cli {

struct LogFlags {
    bool follow = false, timestamps = false;
    std::string tail = "all", since, until;
};
void declare_log_flags(Flags& flags, LogFlags& into);
[[nodiscard]] Result<ui::LogQuery> log_query(const LogFlags& flags);
// RFC 3339 in whole or in part ("2026-01-02", "2026-01-02T03:04"), Unix seconds, or an age ("42m").
[[nodiscard]] Result<WallTime> parse_time_or_age(const std::string& text);

} // namespace berth::cli
