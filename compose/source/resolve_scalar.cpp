#include "compose/source/resolve_scalar.hpp"

#include "runtime/base/concat.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace berth::compose {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// [-+]? ( "." digits | digits ("." digits?)? ) ( [eE] [-+]? digits )?
bool looks_like_real(std::string_view text) {
    std::size_t i = 0;
    const auto digits = [&] {
        const std::size_t start = i;
        while (i < text.size() && is_digit(text[i]))
            ++i;
        return i - start;
    };
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (i < text.size() && text[i] == '.') {
        ++i;
        if (digits() == 0) return false;
    } else {
        if (digits() == 0) return false;
        if (i < text.size() && text[i] == '.') {
            ++i;
            digits();
        }
    }
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
        if (digits() == 0) return false;
    }
    return i == text.size();
}

// Decimal text of an integer in any of the bases, or empty.
std::string integer_text(std::string_view text) {
    bool negative = false;
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
    }
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        base = 16;
    else if (text.size() > 2 && text[0] == '0' && (text[1] == 'b' || text[1] == 'B'))
        base = 2;
    else if (text.size() > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'O'))
        base = 8;
    if (base != 10)
        text.remove_prefix(2);
    else if (text.size() > 1 && text[0] == '0')
        base = 8;
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, base);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return {};
    if (negative && value > std::uint64_t{1} << 63) return {};
    return negative && value != 0 ? concat("-", value) : concat(value);
}

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

} // namespace

std::string format_real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
    char buffer[400];
    const double magnitude = std::fabs(value);
    // From a million on, as the reference does: 1e6 reaches a container as "1e+06".
    const bool exponent = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e6);
    const auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr;
    std::string out(buffer, end);
    return out == "-0" ? "0" : out;
}

ResolvedScalar resolve_plain_scalar(std::string_view text) {
    if (text.empty() || one_of(text, {"~", "null", "Null", "NULL"})) return {Kind::null, {}};
    const char first = text[0];
    if (one_of(text, {"true", "True", "TRUE"})) return {Kind::boolean, "true"};
    if (one_of(text, {"false", "False", "FALSE"})) return {Kind::boolean, "false"};
    if (!is_digit(first) && first != '.' && first != '-' && first != '+')
        return {Kind::string, std::string(text)};
    if (one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return {Kind::real, "+Inf"};
    if (one_of(text, {"-.inf", "-.Inf", "-.INF"})) return {Kind::real, "-Inf"};
    if (one_of(text, {".nan", ".NaN", ".NAN"})) return {Kind::real, "NaN"};
    std::string digits(text);
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    if (auto whole = integer_text(digits); !whole.empty()) return {Kind::integer, std::move(whole)};
    if (looks_like_real(digits)) {
        double value = 0;
        const char* start = digits.data() + (digits[0] == '+' ? 1 : 0);
        const auto parsed = std::from_chars(start, digits.data() + digits.size(), value);
        if (parsed.ec == std::errc()) return {Kind::real, format_real(value)};
    }
    return {Kind::string, std::string(text)};
}

} // namespace berth::compose
