#include "runtime/base/clock.hpp"

#include "runtime/base/parse.hpp"

#include <ctime>

namespace berth {

namespace {

void append_padded(std::string& out, std::int64_t value, int width) {
    const std::string digits = concat(value);
    for (int missing = width - static_cast<int>(digits.size()); missing > 0; --missing)
        out += '0';
    out += digits;
}

} // namespace

WallTime wall_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return {now.tv_sec, static_cast<std::int32_t>(now.tv_nsec)};
}

std::string to_rfc3339(const WallTime& time) {
    const std::time_t seconds = time.seconds;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::string out;
    append_padded(out, parts.tm_year + 1900, 4);
    out += '-';
    append_padded(out, parts.tm_mon + 1, 2);
    out += '-';
    append_padded(out, parts.tm_mday, 2);
    out += 'T';
    append_padded(out, parts.tm_hour, 2);
    out += ':';
    append_padded(out, parts.tm_min, 2);
    out += ':';
    append_padded(out, parts.tm_sec, 2);
    out += '.';
    append_padded(out, time.nanoseconds, 9);
    out += 'Z';
    return out;
}

Result<WallTime> parse_rfc3339(std::string_view text) {
    const auto bad = [&] {
        return fail(ErrorCode::invalid_input, concat("'", text, "' is not a time like 2026-01-02T03:04:05Z"));
    };
    std::string_view rest = text;
    const auto number = [&](std::size_t digits, std::int64_t most) -> std::optional<std::int64_t> {
        if (rest.size() < digits) return std::nullopt;
        const auto value = parse_integer(rest.substr(0, digits), 0, most);
        if (!value || rest[0] == '+' || rest[0] == '-') return std::nullopt;
        rest.remove_prefix(digits);
        return *value;
    };
    const auto skip = [&](std::string_view wanted) {
        if (rest.empty() || wanted.find(rest.front()) == std::string_view::npos) return false;
        rest.remove_prefix(1);
        return true;
    };
    std::tm parts{};
    const auto year = number(4, 9999);
    if (!year || !skip("-")) return bad();
    const auto month = number(2, 12);
    if (!month || !skip("-")) return bad();
    const auto day = number(2, 31);
    if (!day) return bad();
    parts.tm_year = static_cast<int>(*year - 1900);
    parts.tm_mon = static_cast<int>(*month - 1);
    parts.tm_mday = static_cast<int>(*day);
    WallTime out;
    std::int64_t offset = 0;
    if (!rest.empty()) {
        if (!skip("Tt ")) return bad();
        const auto hour = number(2, 23);
        if (!hour || !skip(":")) return bad();
        const auto minute = number(2, 59);
        if (!minute) return bad();
        parts.tm_hour = static_cast<int>(*hour);
        parts.tm_min = static_cast<int>(*minute);
        if (skip(":")) {
            const auto second = number(2, 60);
            if (!second) return bad();
            parts.tm_sec = static_cast<int>(*second);
        }
        if (skip(".")) {
            std::int32_t scale = 100'000'000;
            bool any = false;
            while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
                out.nanoseconds += (rest.front() - '0') * scale;
                scale /= 10;
                any = true;
                rest.remove_prefix(1);
            }
            if (!any) return bad();
        }
        if (!rest.empty() && (rest.front() == '+' || rest.front() == '-')) {
            const int sign = rest.front() == '-' ? 1 : -1;
            rest.remove_prefix(1);
            const auto hours = number(2, 23);
            if (!hours || !skip(":")) return bad();
            const auto minutes = number(2, 59);
            if (!minutes) return bad();
            offset = sign * (*hours * 3600 + *minutes * 60);
        } else if (!rest.empty() && !skip("Zz")) {
            return bad();
        }
    }
    if (!rest.empty()) return bad();
    out.seconds = ::timegm(&parts) + offset;
    return out;
}

std::chrono::nanoseconds boottime_now() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

} // namespace berth
