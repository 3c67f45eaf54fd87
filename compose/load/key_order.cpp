#include "compose/load/key_order.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Bytes of other alphabets count as letters.
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

std::string_view digits_at(std::string_view text, std::size_t start) {
    std::size_t end = start;
    while (end < text.size() && is_digit(text[end]))
        ++end;
    return text.substr(start, end - start);
}

std::string_view without_zeros(std::string_view digits) {
    return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

// The digits from the first difference on. In the middle of a number its zeros count: 100 is less than 1010.
bool number_before(std::string_view a, std::string_view b, std::size_t at) {
    bool inside = false;
    for (std::size_t i = at; i > 0 && is_digit(a[i - 1]); --i)
        inside = inside || a[i - 1] != '0';
    const auto left = digits_at(a, at);
    const auto right = digits_at(b, at);
    const auto x = inside ? left : without_zeros(left);
    const auto y = inside ? right : without_zeros(right);
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
    if (left.size() != right.size()) return left.size() < right.size();
    return static_cast<unsigned char>(a[at]) < static_cast<unsigned char>(b[at]);
}

} // namespace

bool counts_before(std::string_view a, std::string_view b) {
    const std::size_t common = std::min(a.size(), b.size());
    std::size_t at = 0;
    while (at < common && a[at] == b[at])
        ++at;
    if (at == common) return a.size() < b.size();
    const bool left = is_letter(a[at]);
    const bool right = is_letter(b[at]);
    if (left && right) return static_cast<unsigned char>(a[at]) < static_cast<unsigned char>(b[at]);
    // Behind a number a letter comes first (it ends the number there), elsewhere last.
    if (left || right) return at > 0 && is_digit(a[at - 1]) ? left : right;
    return number_before(a, b, at);
}

} // namespace berth::compose::load
