#include "compose/cli/log_flags.hpp"

#include <algorithm>
#include <ctime>

namespace berth::cli {

void declare_log_flags(Flags& flags, LogFlags& into) {
    flags.toggle("-f,--follow", into.follow, "Follow log output");
    flags.text("-n,--tail", into.tail, "Number of lines to show from the end of the logs");
    flags.toggle("-t,--timestamps", into.timestamps, "Show timestamps");
    flags.text("--since", into.since,
               "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)");
    flags.text(
        "--until", into.until,
        "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 minutes)");
}

namespace {

// A clock's reading without a zone was read as UTC: as docker, it is one of where we are.
WallTime from_local(WallTime time) {
    const std::time_t reading = time.seconds;
    std::tm fields{};
    ::gmtime_r(&reading, &fields);
    fields.tm_isdst = -1;
    time.seconds = ::mktime(&fields);
    return time;
}

} // namespace

Result<WallTime> parse_time_or_age(const std::string& text) {
    if (auto age = parse_duration(text); age && text.find_first_of("smhdw") != std::string::npos) {
        auto time = wall_now();
        time.seconds -= std::chrono::duration_cast<std::chrono::seconds>(*age).count();
        return time;
    }
    if (text.find_first_not_of("0123456789.") == std::string::npos && !text.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto seconds, parse_double(text));
        WallTime time;
        time.seconds = static_cast<std::int64_t>(seconds);
        time.nanoseconds = static_cast<std::int32_t>((seconds - static_cast<double>(time.seconds)) * 1e9);
        return time;
    }
    // Parts that are left out are filled from this.
    static constexpr std::string_view whole = "0000-01-01T00:00:00";
    std::string full = text;
    if (full.size() >= 10 && full.size() < whole.size()) full += whole.substr(full.size());
    const bool has_zone =
        full.find_first_of("Zz+-", std::min<std::size_t>(full.size(), 11)) != std::string::npos;
    auto time = parse_rfc3339(has_zone ? full : full + "Z");
    if (!time)
        return fail(Error(ErrorCode::usage, concat("'", text, "' is not a time"))
                        .hint("write 2026-01-02T15:04:05Z, seconds since 1970, or an age such as 42m"));
    return has_zone ? *time : from_local(*time);
}

Result<ui::LogQuery> log_query(const LogFlags& flags) {
    ui::LogQuery query;
    query.follow = flags.follow;
    if (flags.tail != "all" && !flags.tail.empty()) {
        auto count = parse_integer(flags.tail);
        if (!count)
            return fail(Error(ErrorCode::usage, concat("'", flags.tail, "' is not a number of lines"))
                            .hint("use a number or all"));
        if (*count >= 0) query.tail = *count; // negative: all, as docker
    }
    if (!flags.since.empty()) {
        BERTH_ASSIGN_OR_RETURN(query.since, parse_time_or_age(flags.since));
    }
    if (!flags.until.empty()) {
        BERTH_ASSIGN_OR_RETURN(query.until, parse_time_or_age(flags.until));
    }
    return query;
}

} // namespace berth::cli
