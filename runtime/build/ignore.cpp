#include "runtime/build/ignore.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::build {

bool has_wildcard(std::string_view text) {
    return text.find_first_of("*?[\\") != std::string_view::npos;
}

namespace {

// The character at `at`, which moves behind it. A byte that begins none counts as one that nothing else
// equals.
char32_t next_character(std::string_view text, std::size_t& at) {
    constexpr char32_t k_raw = 0x110000;
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) return lead;
    const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (more == 0 || lead > 0xf4 || text.size() - at < more) return k_raw + lead;
    char32_t out = lead & (0x3fU >> more);
    for (std::size_t i = 0; i < more; ++i) {
        const auto byte = static_cast<unsigned char>(text[at + i]);
        if ((byte & 0xc0U) != 0x80) return k_raw + lead;
        out = out << 6U | (byte & 0x3fU);
    }
    at += more;
    return out;
}

} // namespace

Status Pattern::add_set(std::string_view text, std::size_t& at) {
    const auto bad = [&] {
        return fail(ErrorCode::invalid_input, concat("pattern '", text, "' has a '[' that is not closed"));
    };
    Token token;
    token.kind = Token::Kind::set;
    ++at; // '['
    if (at < text.size() && text[at] == '^') {
        token.negated = true;
        ++at;
    }
    const auto one = [&](char32_t& out) {
        if (at < text.size() && text[at] == '\\') ++at;
        if (at >= text.size()) return false;
        out = next_character(text, at);
        return true;
    };
    while (at < text.size() && (text[at] != ']' || token.ranges.empty())) {
        Range range{};
        if (!one(range.low)) return bad();
        range.high = range.low;
        if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
            ++at;
            if (!one(range.high)) return bad();
        }
        token.ranges.push_back(range);
    }
    if (at >= text.size()) return bad();
    ++at; // ']'
    tokens_.push_back(std::move(token));
    return {};
}

Result<Pattern> Pattern::compile(std::string_view text, bool crosses) {
    Pattern out;
    std::size_t at = 0;
    const auto add = [&](Token::Kind kind, char32_t c = 0) {
        Token token;
        token.kind = kind;
        token.c = c;
        out.tokens_.push_back(std::move(token));
    };
    while (at < text.size()) {
        const char c = text[at];
        if (crosses && text.substr(at).starts_with("**")) {
            at += 2;
            // "**.log": as in Docker nothing but a name's end, whatever stands before it.
            const bool ending = at == 2 && at < text.size() && text[at] != '/' &&
                                text.find_first_of("*?[]\\", at) == std::string_view::npos;
            if (at < text.size() && text[at] == '/') ++at;
            // Everything at the end; any number of whole folders, also none, elsewhere.
            add(ending || at == text.size() ? Token::Kind::all : Token::Kind::folders);
        } else if (c == '*') {
            ++at;
            add(Token::Kind::star);
        } else if (c == '?') {
            ++at;
            add(Token::Kind::any);
        } else if (c == '[') {
            BERTH_TRY(out.add_set(text, at));
        } else if (c == '\\') {
            if (at + 1 >= text.size())
                return fail(ErrorCode::invalid_input,
                            concat("pattern '", text, "' ends in a lone backslash"));
            ++at;
            add(Token::Kind::literal, next_character(text, at));
        } else {
            add(Token::Kind::literal, next_character(text, at));
        }
    }
    return out;
}

bool Pattern::accepts(const Token& token, char32_t c) {
    using Kind = Token::Kind;
    switch (token.kind) {
    case Kind::literal:
        return token.c == c;
    case Kind::any:
    case Kind::star:
        return c != '/';
    case Kind::all:
    case Kind::folders:
        return true;
    case Kind::set: {
        const bool inside = std::any_of(token.ranges.begin(), token.ranges.end(),
                                        [&](const Range& r) { return r.low <= c && c <= r.high; });
        return inside != token.negated && c != '/';
    }
    }
    return false;
}

// State i: tokens before i have matched. `folders` matches ".*/" or nothing: it may be left at its start (by
// the state set's closure) or after a '/'; state "inside folders" is kept apart as i + size.
bool Pattern::matches(std::string_view path) const {
    const auto size = tokens_.size();
    using Kind = Token::Kind;
    std::vector<char> now(size + 1), inside(size + 1), next(size + 1), next_inside(size + 1);
    const auto close = [&](std::vector<char>& states) {
        for (std::size_t i = 0; i < size; ++i)
            if (states[i] != 0 && (tokens_[i].kind == Kind::star || tokens_[i].kind == Kind::all ||
                                   tokens_[i].kind == Kind::folders))
                states[i + 1] = 1;
    };
    now[0] = 1;
    close(now);
    for (std::size_t at = 0; at < path.size();) {
        const auto c = next_character(path, at);
        std::fill(next.begin(), next.end(), 0);
        std::fill(next_inside.begin(), next_inside.end(), 0);
        for (std::size_t i = 0; i < size; ++i) {
            const auto& token = tokens_[i];
            if (token.kind == Kind::folders) {
                if (now[i] == 0 && inside[i] == 0) continue;
                next_inside[i] = 1;
                if (c == '/') next[i + 1] = 1;
            } else if (now[i] != 0 && accepts(token, c)) {
                next[token.kind == Kind::star || token.kind == Kind::all ? i : i + 1] = 1;
            }
        }
        close(next);
        std::swap(now, next);
        std::swap(inside, next_inside);
    }
    return now[size] != 0;
}

Status IgnoreRules::add(std::string_view line) {
    auto text = std::string(trim(line));
    if (text.empty()) return {};
    Rule rule;
    if (text.front() == '!') {
        rule.include = true;
        text = std::string(trim(std::string_view(text).substr(1)));
        if (text.empty()) return fail(ErrorCode::invalid_input, "'!' stands without a pattern");
    }
    text = clean_path(text);
    if (text.size() > 1 && text.front() == '/') text.erase(0, 1);
    BERTH_ASSIGN_OR_RETURN(rule.pattern, Pattern::compile(text, true));
    rule.parts = split(text, '/');
    rule.text = std::move(text);
    has_include_ = has_include_ || rule.include;
    rules_.push_back(std::move(rule));
    return {};
}

Result<IgnoreRules> IgnoreRules::from_patterns(const std::vector<std::string>& patterns) {
    IgnoreRules out;
    for (const auto& pattern : patterns)
        BERTH_TRY(out.add(pattern));
    return out;
}

Result<IgnoreRules> IgnoreRules::parse(const std::string& text, const std::string& path) {
    IgnoreRules out;
    auto file = std::make_shared<SourceFile>(SourceFile{path, text});
    std::string_view rest = text;
    if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
    std::uint32_t number = 0;
    while (!rest.empty()) {
        ++number;
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (line.starts_with("#")) continue;
        if (auto status = out.add(line); !status)
            return fail(std::move(status).error().at(
                {file, number, 1, std::max<std::uint32_t>(1, static_cast<std::uint32_t>(line.size()))}));
    }
    return out;
}

bool IgnoreRules::excludes(std::string_view path) const {
    bool excluded = false;
    for (const auto& rule : rules_) {
        // A pattern that could change nothing is not looked at.
        if (rule.include != excluded) continue;
        bool match = rule.pattern.matches(path);
        for (auto slash = path.find('/'); !match && slash != std::string_view::npos;
             slash = path.find('/', slash + 1))
            match = rule.pattern.matches(path.substr(0, slash));
        if (match) excluded = !rule.include;
    }
    return excluded;
}

bool IgnoreRules::excludes_everything() const {
    return std::any_of(rules_.begin(), rules_.end(), [](const Rule& rule) {
        return !rule.include && (rule.text == "*" || rule.text == "**" || rule.text == "**/*");
    });
}

bool IgnoreRules::may_include_below(std::string_view folder) const {
    if (!has_include_) return false;
    const auto parts = split(folder, '/');
    for (const auto& rule : rules_) {
        if (!rule.include) continue;
        bool possible = true;
        for (std::size_t i = 0; possible && i < parts.size(); ++i) {
            if (i >= rule.parts.size()) break; // the rule names a folder above: all below it is meant
            if (rule.parts[i].find("**") != std::string::npos) break;
            const auto part = Pattern::compile(rule.parts[i], false);
            possible = !part || part->matches(parts[i]);
        }
        if (possible) return true;
    }
    return false;
}

} // namespace berth::build
