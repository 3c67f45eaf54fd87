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
        } else if (c != '\t' && (byte < 0x20 || byte == 0x7f)) {
            out.plain = out.single = out.block = false;
        }
    }
    // A byte order mark, line separators and what lies above the basic plane are written as escapes.
    for (const std::string_view special : {"\xEF\xBB\xBF", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xC2\x85"})
        if (text.find(special) != std::string_view::npos) out.plain = out.single = out.block = false;
    return out;
}

void append_double_quoted(std::string& out, std::string_view text) {
    constexpr std::string_view k_hex = "0123456789ABCDEF";
    out += '"';
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
        case '"':
            out += "\\\"";
            continue;
        case '\\':
            out += "\\\\";
            continue;
        case '\n':
            out += "\\n";
            continue;
        case '\t':
            out += "\\t";
            continue;
        case '\r':
            out += "\\r";
            continue;
        default:
            break;
        }
        if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += k_hex[byte >> 4];
            out += k_hex[byte & 15];
        } else if (text.substr(i, 3) == "\xEF\xBB\xBF") {
            out += "\\uFEFF";
            i += 2;
        } else if (text.substr(i, 3) == "\xE2\x80\xA8" || text.substr(i, 3) == "\xE2\x80\xA9") {
            out += text[i + 2] == '\xA8' ? "\\L" : "\\P";
            i += 2;
        } else if (text.substr(i, 2) == "\xC2\x85") {
            out += "\\N";
            ++i;
        } else {
            out += c;
        }
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
