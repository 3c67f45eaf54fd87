// The canonical model as YAML: block style, two spaces, strings quoted only where a reader would take them
// for something else. Reading it back gives the same model.
#include "compose/load/loader.hpp"
#include "compose/source/resolve_scalar.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// 12:30 and 190:20:30 are numbers to YAML 1.1 readers.
bool looks_like_base60(std::string_view text) {
    std::size_t i = 0;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (i >= text.size() || !is_digit(text[i])) return false;
    while (i < text.size() && (is_digit(text[i]) || text[i] == '_'))
        ++i;
    int groups = 0;
    while (i < text.size() && text[i] == ':') {
        std::size_t digits = 0;
        ++i;
        const bool small = i < text.size() && text[i] <= '5';
        while (i < text.size() && is_digit(text[i]) && digits < 2) {
            ++i;
            ++digits;
        }
        if (digits == 0 || (digits == 2 && !small)) return false;
        ++groups;
    }
    if (groups == 0) return false;
    if (i < text.size() && text[i] == '.')
        for (++i; i < text.size() && (is_digit(text[i]) || text[i] == '_');)
            ++i;
    return i == text.size();
}

bool looks_like_date(std::string_view text) {
    if (text.size() < 8 || text[4] != '-') return false;
    for (std::size_t i = 0; i < 4; ++i)
        if (!is_digit(text[i])) return false;
    const auto rest = text.substr(5);
    const auto dash = rest.find('-');
    if (dash == std::string_view::npos || dash == 0 || dash > 2 || !is_digit(rest[0])) return false;
    std::size_t end = dash + 1;
    while (end < rest.size() && is_digit(rest[end]) && end - dash <= 2)
        ++end;
    return end > dash + 1 && (end == rest.size() || rest[end] == 'T' || rest[end] == 't' || rest[end] == ' ');
}

bool is_old_boolean(std::string_view text) {
    for (const auto* word :
         {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "n", "N", "no", "No", "NO", "off", "Off", "OFF"})
        if (text == word) return true;
    return false;
}

struct CodePoint {
    std::uint32_t point;
    std::size_t length; // in bytes
};
// The first one of a text that is valid UTF-8.
CodePoint code_point(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t first = byte(0);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (length == 1 || text.size() < length) return {first, 1};
    std::uint32_t point = first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i)
        point = point << 6 | (byte(i) & 0x3FU);
    return {point, length};
}

// To the reference: control characters, line separators, a byte order mark and what lies above the basic
// plane are written as escapes.
bool is_printable(std::uint32_t point) {
    if (point < 0x20 || (point >= 0x7F && point < 0xA0)) return false;
    return point != 0x2028 && point != 0x2029 && point != 0xFEFF && point < 0xFFFE;
}

void append_hexadecimal(std::string& out, std::uint32_t point) {
    const std::size_t digits = point <= 0xFF ? 2 : point <= 0xFFFF ? 4 : 8;
    out.append({'\\', digits == 2 ? 'x' : digits == 4 ? 'u' : 'U'});
    for (std::size_t i = digits; i-- > 0;)
        out += "0123456789ABCDEF"[point >> (4 * i) & 15U];
}

struct Analysis {
    bool plain = true, single = true, block = true, multiline = false;
};

Analysis analyse(std::string_view text) {
    Analysis out;
    if (text.empty()) {
        out.plain = out.block = false;
        return out;
    }
    if (text.substr(0, 3) == "---" || text.substr(0, 3) == "...") out.plain = false;
    const auto is_space = [](char c) { return c == ' '; };
    if (is_space(text.front()) || is_space(text.back())) out.plain = false;
    if (is_space(text.back())) out.block = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        const bool before_blank =
            i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n' || text[i + 1] == '\t';
        if (i == 0 && std::string_view("#,[]{}&*!|>'\"%@`").find(c) != std::string_view::npos)
            out.plain = false;
        if (i == 0 && (c == '?' || c == '-') && before_blank) out.plain = false;
        if (c == ':' && before_blank) out.plain = false;
        if (c == '#' && i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\n')) out.plain = false;
        if (c == '\t') out.plain = out.single = false;
        if (c == '\n') {
            out.multiline = true;
            out.plain = false;
            if (i > 0 && text[i - 1] == ' ') out.single = out.block = false;
        } else if (c != '\t' && (byte < 0x20 || byte >= 0x7f) && (byte & 0xC0) != 0x80 &&
                   !is_printable(code_point(text.substr(i)).point)) {
            out.plain = out.single = out.block = false;
        }
    }
    return out;
}

// The letter behind the backslash, for what has one.
char short_escape(std::uint32_t point) {
    switch (point) {
    case 0:
        return '0';
    case 0x07:
        return 'a';
    case 0x08:
        return 'b';
    case '\t':
        return 't';
    case '\n':
        return 'n';
    case 0x0b:
        return 'v';
    case 0x0c:
        return 'f';
    case '\r':
        return 'r';
    case 0x1b:
        return 'e';
    case '"':
        return '"';
    case '\\':
        return '\\';
    case 0x85:
        return 'N';
    case 0x2028:
        return 'L';
    case 0x2029:
        return 'P';
    default:
        return '\0';
    }
}

void append_double_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const auto [point, length] = code_point(text.substr(i));
        if (const char letter = short_escape(point); letter != '\0')
            out.append({'\\', letter});
        else if (is_printable(point))
            out += text.substr(i, length);
        else
            append_hexadecimal(out, point);
        i += length;
    }
    out += '"';
}

void append_block(std::string& out, std::string_view text, std::size_t indent) {
    out += '|';
    if (text.front() == ' ' || text.front() == '\n') out += '2';
    if (text.back() != '\n')
        out += '-';
    else if (text.size() == 1 || text[text.size() - 2] == '\n')
        out += '+';
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        out += '\n';
        if (end > start) out.append(indent, ' ');
        out += text.substr(start, end - start);
        start = end + 1;
    }
}

void append_scalar(std::string& out, std::string_view text, std::size_t indent, bool key) {
    const Analysis can = analyse(text);
    const bool other_type = text.empty() || text == "<<" || resolve_plain_scalar(text).kind != Kind::string ||
                            looks_like_base60(text) || looks_like_date(text) || is_old_boolean(text);
    if (can.multiline && can.block && !key)
        append_block(out, text, indent);
    else if (other_type || can.multiline || (!can.plain && !can.single))
        append_double_quoted(out, text);
    else if (can.plain)
        out += text;
    else {
        out += '\'';
        for (const char c : text) {
            if (c == '\'') out += '\'';
            out += c;
        }
        out += '\'';
    }
}

class Writer {
  public:
    std::string out;

    void value(const Json& json, std::size_t indent, bool after_key) {
        if (const auto* members = json.as_object()) {
            if (members->empty())
                out += after_key ? " {}" : "{}";
            else
                mapping(*members, indent, after_key);
        } else if (const auto* items = json.as_array()) {
            if (items->empty())
                out += after_key ? " []" : "[]";
            else
                sequence(*items, indent, after_key);
        } else {
            if (after_key) out += ' ';
            scalar(json, indent);
        }
    }

  private:
    void scalar(const Json& json, std::size_t indent) {
        if (const auto* flag = json.as_bool())
            out += *flag ? "true" : "false";
        else if (const auto* whole = json.as_integer())
            out += concat(*whole);
        else if (const auto* large = json.as_large_integer())
            out += concat(*large);
        else if (const auto* real = json.as_double())
            out += format_real(*real);
        else if (const auto* text = json.as_string())
            append_scalar(out, *text, indent, false);
        else
            out += "null";
    }

    // Without a key before it the first line goes on behind "- "; the others are indented.
    void mapping(const Json::Object& members, std::size_t indent, bool after_key) {
        bool first = true;
        for (const auto& member : members) {
            if (!first || after_key) {
                out += '\n';
                out.append(indent, ' ');
            }
            first = false;
            append_scalar(out, member.key, indent, true);
            out += ':';
            value(member.value, indent + 2, true);
        }
    }

    void sequence(const Json::Array& items, std::size_t indent, bool after_key) {
        bool first = true;
        for (const auto& item : items) {
            if (!first || after_key) {
                out += '\n';
                out.append(indent, ' ');
            }
            first = false;
            out += "- ";
            value(item, indent + 2, false);
        }
    }
};

} // namespace

std::string to_yaml(const Json& canonical) {
    Writer writer;
    writer.value(canonical, 0, false);
    writer.out += '\n';
    return std::move(writer.out);
}

} // namespace berth::compose
