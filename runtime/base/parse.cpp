#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace berth {

namespace {

Failure not_a(std::string_view text, std::string_view what) {
    return fail(ErrorCode::invalid_input, concat("'", text, "' is not ", what));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

struct Unit {
    std::string_view name;
    double factor;
};

// Kept in two parts, because a double loses bytes and nanoseconds beyond 2^53.
struct Decimal {
    std::int64_t whole = 0;
    double value = 0; // all of it
    bool has_point = false;
    [[nodiscard]] double fraction() const { return value - static_cast<double>(whole); }
};

// Digits with at most one point; `text` becomes what follows them. Empty optional: no number there, or one too large.
std::optional<Decimal> take_decimal(std::string_view& text) {
    std::size_t size = 0;
    bool digits = false;
    Decimal out;
    while (size < text.size() && (is_digit(text[size]) || (text[size] == '.' && !out.has_point))) {
        digits = digits || is_digit(text[size]);
        out.has_point = out.has_point || text[size] == '.';
        ++size;
    }
    if (!digits) return std::nullopt;
    const std::string_view number = text.substr(0, size);
    // from_chars reads "5." and ".5" alike, as Go does.
    const auto [end, error] = std::from_chars(number.data(), number.data() + size, out.value);
    if (error != std::errc() || end != number.data() + size) return std::nullopt;
    if (number.front() != '.' &&
        std::from_chars(number.data(), number.data() + size, out.whole).ec != std::errc())
        return std::nullopt;
    text.remove_prefix(size);
    return out;
}

std::string short_number(double value, int precision) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                   std::chars_format::general, precision)
                         .ptr;
    return {digits.data(), end};
}

std::string format_scaled(double bytes, double base, int precision, const std::array<const char*, 6>& units) {
    std::size_t unit = 0;
    while (bytes >= base && unit + 1 < units.size()) {
        bytes /= base;
        ++unit;
    }
    return short_number(bytes, precision) + units[unit];
}

} // namespace

Result<std::int64_t> parse_integer(std::string_view text, std::int64_t least, std::int64_t most) {
    std::string_view digits = text;
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool whole = error == std::errc() && end == digits.data() + digits.size() &&
                       (text == digits || is_digit(digits.front()));
    if (!whole && error != std::errc::result_out_of_range) return not_a(text, "a whole number");
    if (!whole || value < least || value > most)
        return not_a(text, concat("a number from ", least, " to ", most));
    return value;
}

Result<std::int64_t> parse_bytes(std::string_view text) {
    static constexpr std::array<Unit, 7> units{{{"", 1},
                                                {"k", 1024.0},
                                                {"m", 1048576.0},
                                                {"g", 1073741824.0},
                                                {"t", 1099511627776.0},
                                                {"p", 1125899906842624.0},
                                                {"e", 1152921504606846976.0}}};
    std::string_view rest = trim(text);
    if (rest == "-1") return -1;
    const auto value = take_decimal(rest);
    if (!value)
        return fail(Error(ErrorCode::invalid_input, concat("'", text, "' is not a size"))
                        .hint("write sizes as 512k, 64m or 1.5g"));
    std::string suffix = to_lower(trim(rest));
    if (suffix == "b") suffix.clear();
    if (suffix.size() == 3 && suffix.ends_with("ib")) suffix.resize(1);
    if (suffix.size() == 2 && suffix.ends_with('b')) suffix.resize(1);
    for (const auto& unit : units) {
        if (suffix != unit.name) continue;
        const double bytes = value->value * unit.factor;
        std::int64_t exact = 0;
        const bool fits =
            !value->has_point &&
            !__builtin_mul_overflow(value->whole, static_cast<std::int64_t>(unit.factor), &exact);
        if (fits) return exact;
        if (!value->has_point || bytes >= 9.2e18) return not_a(text, "a size below 8 EiB");
        return static_cast<std::int64_t>(bytes);
    }
    return fail(Error(ErrorCode::invalid_input, concat("'", text, "' is not a size"))
                    .hint("write sizes as 512k, 64m or 1.5g"));
}

Result<Duration> parse_duration(std::string_view text) {
    static constexpr std::array<Unit, 9> units{{{"ns", 1},
                                                {"us", 1e3},
                                                {"\u00b5s", 1e3},
                                                {"ms", 1e6},
                                                {"s", 1e9},
                                                {"m", 60e9},
                                                {"h", 3600e9},
                                                {"d", 86400e9},
                                                {"w", 604800e9}}};
    const auto bad = [&] {
        return fail(Error(ErrorCode::invalid_input, concat("'", text, "' is not a duration"))
                        .hint("write durations as 10s, 1m30s or 500ms"));
    };
    std::string_view rest = text;
    const bool negative = !rest.empty() && rest.front() == '-';
    if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) rest.remove_prefix(1);
    if (rest == "0") return Duration(0);
    if (rest.empty()) return bad();
    const auto too_long = [&] { return not_a(text, "a duration below 292 years"); };
    std::int64_t total = 0;
    while (!rest.empty()) {
        const auto value = take_decimal(rest);
        if (!value) return bad();
        std::size_t length = 0;
        while (length < rest.size() && !is_digit(rest[length]) && rest[length] != '.')
            ++length;
        const auto unit = std::find_if(units.begin(), units.end(),
                                       [&](const Unit& u) { return u.name == rest.substr(0, length); });
        if (unit == units.end()) return bad();
        std::int64_t part = 0;
        if (__builtin_mul_overflow(value->whole, static_cast<std::int64_t>(unit->factor), &part) ||
            __builtin_add_overflow(total, part, &total) ||
            __builtin_add_overflow(total, std::llround(value->fraction() * unit->factor), &total))
            return too_long();
        rest.remove_prefix(length);
    }
    return Duration(negative ? -total : total);
}

Result<bool> parse_bool(std::string_view text) {
    for (const auto* word : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == word) return true;
    for (const auto* word : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == word) return false;
    return not_a(text, "true or false");
}

Result<double> parse_double(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return not_a(text, "a number");
    return value;
}

std::string format_bytes_decimal(double bytes, int precision) {
    return format_scaled(bytes, 1000, precision, {"B", "kB", "MB", "GB", "TB", "PB"});
}
std::string format_bytes_binary(double bytes) {
    return format_scaled(bytes, 1024, 4, {"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
}

std::string format_duration(Duration duration) {
    const std::int64_t total = duration.count();
    if (total == 0) return "0s";
    std::string out = total < 0 ? "-" : "";
    const auto magnitude = static_cast<std::uint64_t>(total < 0 ? -total : total);
    const auto with_fraction = [](std::uint64_t value, std::uint64_t unit) {
        std::string digits = concat(value / unit);
        if (const auto rest = value % unit; rest != 0) {
            std::string fraction = concat(unit + rest).substr(1);
            fraction.erase(fraction.find_last_not_of('0') + 1);
            digits += '.';
            digits += fraction;
        }
        return digits;
    };
    if (magnitude < 1'000) return out + concat(magnitude, "ns");
    if (magnitude < 1'000'000) return out + with_fraction(magnitude, 1'000) + "\u00b5s";
    if (magnitude < 1'000'000'000) return out + with_fraction(magnitude, 1'000'000) + "ms";
    const std::uint64_t minutes = magnitude / 60'000'000'000;
    if (minutes >= 60) out += concat(minutes / 60, "h");
    if (minutes > 0) out += concat(minutes % 60, "m");
    return out + with_fraction(magnitude % 60'000'000'000, 1'000'000'000) + "s";
}

std::string format_age(std::chrono::seconds age) {
    const std::int64_t seconds = std::max<std::int64_t>(age.count(), 0);
    const std::int64_t minutes = seconds / 60;
    const std::int64_t hours = (minutes + 30) / 60;
    if (seconds < 1) return "Less than a second";
    if (seconds == 1) return "1 second";
    if (seconds < 60) return concat(seconds, " seconds");
    if (minutes == 1) return "About a minute";
    if (minutes < 60) return concat(minutes, " minutes");
    if (hours == 1) return "About an hour";
    if (hours < 48) return concat(hours, " hours");
    if (hours < 24 * 7 * 2) return concat(hours / 24, " days");
    if (hours < 24 * 30 * 2) return concat(hours / 24 / 7, " weeks");
    if (hours < 24 * 365 * 2) return concat(hours / 24 / 30, " months");
    return concat(hours / 24 / 365, " years");
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.emplace_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view space = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(space);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += separator;
        out += parts[i];
    }
    return out;
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xc0u) == 0x80u; };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (!tail(1) || !tail(2)) return 0;
        if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f)) return 0;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        if ((first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) return 0;
        return 4;
    }
    return 0;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                current[j] = std::min(current[j], before[j - 2] + 1);
        }
        before.swap(previous);
        previous.swap(current);
    }
    return previous[b.size()];
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& words) {
    if (word.size() > 64) return {};
    std::string best;
    std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const auto& candidate : words) {
        if (candidate.size() > 64) continue;
        const auto distance = edit_distance(to_lower(word), to_lower(candidate));
        if (distance < best_distance) {
            best_distance = distance;
            best = candidate;
        }
    }
    return best;
}

Result<std::vector<std::string>> split_shell_words(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    bool in_word = false;
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == '\'') {
            if (c == '\'')
                quote = '\0';
            else
                word += c;
        } else if (c == '\\') {
            if (i + 1 >= text.size()) return not_a(text, "a complete command: it ends with a backslash");
            const char next = text[++i];
            // Inside double quotes a backslash escapes only these (POSIX shell, 2.2.3).
            if (quote == '"' && next != '"' && next != '\\' && next != '$' && next != '`' && next != '\n')
                word += c;
            if (next != '\n') word += next;
            in_word = true;
        } else if (quote == '"') {
            if (c == '"')
                quote = '\0';
            else
                word += c;
        } else if (c == '\'' || c == '"') {
            quote = c;
            in_word = true;
        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            if (in_word) words.push_back(std::move(word));
            word.clear();
            in_word = false;
        } else {
            word += c;
            in_word = true;
        }
    }
    if (quote != '\0') return not_a(text, "a complete command: a quote is not closed");
    if (in_word) words.push_back(std::move(word));
    return words;
}

} // namespace berth
