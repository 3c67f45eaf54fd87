#include "runtime/registry/retry.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <ctime>

namespace berth::registry {

namespace {

// No limit lasts until then: a larger number is a point in time (September 2001 is the first of ten digits).
constexpr std::int64_t k_longest_span = 1'000'000'000;
constexpr std::int64_t k_most = 366 * 86'400; // more is a mistake

std::optional<std::int64_t> span(std::int64_t seconds) {
    return seconds > k_most ? std::nullopt : std::optional(std::max<std::int64_t>(seconds, 0));
}

std::optional<std::int64_t> from_number(const std::string& text, std::int64_t now) {
    const auto value = parse_integer(text, 0);
    if (!value) return std::nullopt;
    return span(*value > k_longest_span ? *value - now : *value);
}

// "Fri, 27 Nov 2026 15:04:05 GMT"
std::optional<std::int64_t> from_date(const std::string& text, std::int64_t now) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return span(::timegm(&parts) - now);
}

} // namespace

bool is_passing(int status) {
    return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::optional<std::int64_t> seconds_to_wait(const HttpResponse& response, std::int64_t now) {
    for (const char* name : {"retry-after", "x-retry-after", "ratelimit-reset", "x-ratelimit-reset"}) {
        const auto found = response.headers.find(name);
        if (found == response.headers.end()) continue;
        const std::string value(trim(found->second));
        if (const auto seconds = from_number(value, now)) return seconds;
        if (const auto seconds = from_date(value, now)) return seconds;
    }
    return std::nullopt;
}

} // namespace berth::registry
