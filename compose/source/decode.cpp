#include "compose/source/decode.hpp"

#include <algorithm>
#include <cmath>

namespace berth::compose {

namespace {

Failure wrong(const SourceNode& node, std::string_view expected) {
    const std::string found =
        node.is_scalar() && !node.is_null() ? in_quotes(node.text) : kind_name(node.kind);
    return fail(
        Error(ErrorCode::invalid_input, concat("must be ", expected, ", not ", found)).at(node.pos()));
}

Failure at_node(Error error, const SourceNode& node) {
    return fail(std::move(error).at(node.pos()));
}

} // namespace

std::string in_quotes(std::string_view text) {
    constexpr std::size_t k_longest = 80;
    if (text.size() <= k_longest) return concat("'", text, "'");
    // Never cut inside a UTF-8 sequence.
    std::size_t head = 50;
    while (head > 0 && (static_cast<unsigned char>(text[head]) & 0xC0) == 0x80)
        --head;
    std::size_t tail = text.size() - 20;
    while (tail < text.size() && (static_cast<unsigned char>(text[tail]) & 0xC0) == 0x80)
        ++tail;
    return concat("'", text.substr(0, head), "...", text.substr(tail), "'");
}

Result<bool> read_bool(const SourceNode& node) {
    if (node.kind == Kind::boolean) return node.text == "true";
    if (node.kind == Kind::string) {
        const std::string word = to_lower(node.text);
        // What YAML 1.1 took for booleans; a variable often holds one of them.
        for (const auto* yes : {"true", "yes", "y", "on", "1", "t"})
            if (word == yes) return true;
        for (const auto* no : {"false", "no", "n", "off", "0", "f"})
            if (word == no) return false;
    }
    return wrong(node, "true or false");
}

Result<std::int64_t> read_integer(const SourceNode& node, std::int64_t least, std::int64_t most) {
    std::string text = node.text;
    if (node.kind == Kind::real) {
        double value = 0;
        const auto parsed = parse_double(text);
        if (parsed) value = *parsed;
        if (!parsed || value != std::trunc(value) || std::fabs(value) > 9e15)
            return wrong(node, "an integer");
        text = concat(static_cast<std::int64_t>(value));
    } else if (node.kind != Kind::integer && node.kind != Kind::string) {
        return wrong(node, "an integer");
    }
    if (!parse_integer(text)) return wrong(node, "an integer");
    auto value = parse_integer(text, least, most);
    if (!value) return at_node(std::move(value).error(), node);
    return *value;
}

Result<double> read_real(const SourceNode& node) {
    if (node.kind != Kind::integer && node.kind != Kind::real && node.kind != Kind::string)
        return wrong(node, "a number");
    const auto value = parse_double(node.text);
    if (!value || !std::isfinite(*value)) return wrong(node, "a number");
    return *value;
}

Result<std::int64_t> read_bytes(const SourceNode& node) {
    if (node.kind != Kind::integer && node.kind != Kind::real && node.kind != Kind::string)
        return wrong(node, "a size in bytes such as 64m or 1g");
    const auto value = parse_bytes(node.text);
    if (!value) return wrong(node, "a size in bytes such as 64m or 1g");
    return *value;
}

Result<Duration> read_duration(const SourceNode& node) {
    if (node.kind == Kind::integer || node.kind == Kind::real) {
        auto error = wrong(node, "a duration with a unit");
        return fail(
            std::move(error.value()).hint(concat("write it with a unit, for example ", node.text, "s")));
    }
    if (node.kind != Kind::string) return wrong(node, "a duration such as 1m30s");
    const auto value = parse_duration(node.text);
    if (!value) return wrong(node, "a duration such as 1m30s");
    return *value;
}

Result<std::int64_t> read_file_mode(const SourceNode& node) {
    if (node.kind == Kind::integer) return read_integer(node, 0, 07777);
    std::int64_t value = 0;
    std::string_view digits = node.text;
    if (digits.substr(0, 2) == "0o") digits.remove_prefix(2);
    if (node.kind != Kind::string || digits.empty() || digits.size() > 5)
        return wrong(node, "a file mode such as 0440");
    for (const char c : digits) {
        if (c < '0' || c > '7') return wrong(node, "a file mode such as 0440");
        value = value * 8 + (c - '0');
    }
    return value;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& words) {
    const std::string lower = to_lower(word);
    for (const auto& known : words) // other spellings first: memLimit, mem-limit, MEM_LIMIT
        if (known != word && to_lower(known) == lower) return concat("did you mean '", known, "'?");
    std::string plain;
    for (const char c : lower)
        plain += c == '-' || c == ' ' ? '_' : c;
    for (const auto& known : words)
        if (known == plain && known != word) return concat("did you mean '", known, "'?");
    auto near = nearest_word(word, words);
    if (near.empty()) near = nearest_word(lower, words);
    return near.empty() || near == word ? std::string() : concat("did you mean '", near, "'?");
}

Error unknown_key(const SourceEntry& entry, const std::vector<std::string>& known) {
    Error error(ErrorCode::invalid_input, concat("unknown key ", in_quotes(entry.key)));
    error.at(entry.key_at.pos());
    error.hint(did_you_mean(entry.key, known));
    return error;
}

Error unknown_word(const SourceNode& node, std::string_view what, const std::vector<std::string>& words) {
    Error error(ErrorCode::invalid_input,
                concat(in_quotes(node.text), " is no ", what, "; it must be one of ", join(words, ", ")));
    error.at(node.pos());
    error.hint(did_you_mean(node.text, words));
    return error;
}

} // namespace berth::compose
