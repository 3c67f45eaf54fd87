// concat.hpp - text from strings and integers without fmt or locale, because the static programs (berth-monitor)
// may link neither. Elsewhere fmt::format is free to use.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace berth {

namespace detail {
inline void append(std::string& out, std::string_view text) { out += text; }
inline void append(std::string& out, char c) { out += c; }
inline void append(std::string& out, bool value) { out += value ? "true" : "false"; }
template <std::integral T> void append(std::string& out, T value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}
} // namespace detail

template <class... Parts> [[nodiscard]] std::string concat(const Parts&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

} // namespace berth
