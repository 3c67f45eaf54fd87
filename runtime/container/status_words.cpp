// docker ps's words for a state.
#include "runtime/container/inspect.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <chrono>

namespace berth::runtime {

namespace {

std::string age(const std::string& since, std::int64_t now) {
    const auto time = parse_rfc3339(since);
    if (!time) return "Less than a second";
    return format_age(std::chrono::seconds(std::max<std::int64_t>(0, now - time->seconds)));
}

} // namespace

std::string status_words(const ContainerState& state, std::int64_t now_seconds) {
    switch (state.status) {
    case Status::created:
        return "Created";
    case Status::starting:
        return "Created";
    case Status::removing:
        return "Removal In Progress";
    case Status::dead:
        return state.error.empty() ? "Dead" : concat("Dead (", state.error, ")");
    case Status::exited:
        if (state.finished_at.empty()) return concat("Exited (", state.exit_code, ")");
        return concat("Exited (", state.exit_code, ") ", age(state.finished_at, now_seconds), " ago");
    case Status::restarting:
        return concat("Restarting (", state.exit_code, ") ", age(state.finished_at, now_seconds), " ago");
    case Status::paused:
        return concat("Up ", age(state.started_at, now_seconds), " (Paused)");
    case Status::running:
        break;
    }
    auto out = concat("Up ", age(state.started_at, now_seconds));
    if (state.health == Health::starting) return out + " (health: starting)";
    if (state.health != Health::none) return concat(out, " (", enum_to_name(state.health), ")");
    return out;
}

} // namespace berth::runtime
