// concat.hpp - text from strings and integers without fmt or locale, because the static programs (berth-monitor)
// may link neither. Elsewhere fmt::format is free to use.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace berth {

namespace detail {
inline void append(std::string& out, std::string_view text) {
    out += text;
}
// A template, so that a string literal does not decay into a bool on the way.
template <std::integral T> void append(std::string& out, T value) {
    if constexpr (std::same_as<T, char>) {
        out += value;
    } else if constexpr (std::same_as<T, bool>) {
        out += value ? "true" : "false";
    } else {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
        out.append(digits, end);
    }
}
} // namespace detail

template <class... Parts> [[nodiscard]] std::string concat(const Parts&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

} // namespace berth
