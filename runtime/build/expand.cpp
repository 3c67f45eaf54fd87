#include "runtime/build/expand.hpp"

#include "runtime/build/words.hpp"

namespace berth::build {

namespace {

// Nested ${a:-${b:-...}} of a hostile file must not exhaust the stack.
constexpr int k_max_depth = 64;

// Collects one text and, beside it, the words it falls into.
class Output {
  public:
    void quoted(std::string_view part) { // also makes an empty word
        text_ += part;
        word_ += part;
        in_word_ = true;
    }
    void plain(char c) {
        text_ += c;
        if (!is_blank(c)) {
            word_ += c;
            in_word_ = true;
        } else {
            end_word();
        }
    }
    void end_word() {
        if (in_word_) words_.push_back(std::exchange(word_, {}));
        in_word_ = false;
    }
    std::string text_;
    std::vector<std::string> words_;

  private:
    std::string word_;
    bool in_word_ = false;
};

// Shortest and longest match of a pattern of `*` and `?` (escaped: themselves) at the start of `text`; npos:
// none.
struct Glob {
    struct Token {
        char c = '\0';
        enum class Kind : std::uint8_t { literal, any, star } kind = Kind::literal;
    };
    std::vector<Token> tokens;

    Glob(std::string_view pattern, char escape) {
        for (std::size_t i = 0; i < pattern.size(); ++i) {
            if (pattern[i] == escape && i + 1 < pattern.size())
                tokens.push_back({pattern[++i], Token::Kind::literal});
            else if (pattern[i] == '*')
                tokens.push_back({'*', Token::Kind::star});
            else if (pattern[i] == '?')
                tokens.push_back({'?', Token::Kind::any});
            else
                tokens.push_back({pattern[i], Token::Kind::literal});
        }
    }
    // Of a character in UTF-8, of which "?" stands for a whole one.
    static bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80; }
    // Whether exactly `text` matches: the two-pointer walk, linear but for one backtrack point.
    [[nodiscard]] bool matches(std::string_view text) const {
        std::size_t t = 0, p = 0, star = std::string_view::npos, mark = 0;
        while (t < text.size()) {
            if (p < tokens.size() && tokens[p].kind == Token::Kind::star) {
                star = p++;
                mark = t;
            } else if (p < tokens.size() && tokens[p].kind == Token::Kind::any && !is_tail(text[t])) {
                ++p;
                do
                    ++t;
                while (t < text.size() && is_tail(text[t]));
            } else if (p < tokens.size() && tokens[p].kind == Token::Kind::literal &&
                       tokens[p].c == text[t]) {
                ++p;
                ++t;
            } else if (star != std::string_view::npos) {
                p = star + 1;
                t = ++mark;
            } else {
                return false;
            }
        }
        while (p < tokens.size() && tokens[p].kind == Token::Kind::star)
            ++p;
        return p == tokens.size();
    }
};

std::string strip_prefix(const std::string& value, const Glob& glob, bool longest) {
    const auto size = value.size();
    for (std::size_t i = 0; i <= size; ++i) {
        const auto length = longest ? size - i : i;
        if (glob.matches(std::string_view(value).substr(0, length))) return value.substr(length);
    }
    return value;
}

std::string strip_suffix(const std::string& value, const Glob& glob, bool longest) {
    const auto size = value.size();
    for (std::size_t i = 0; i <= size; ++i) {
        const auto start = longest ? i : size - i;
        if (glob.matches(std::string_view(value).substr(start))) return value.substr(0, start);
    }
    return value;
}

std::string replace(const std::string& value, const Glob& glob, const std::string& by, bool all) {
    std::string out;
    std::size_t at = 0;
    while (at < value.size()) {
        std::size_t length = value.size() - at;
        while (length > 0 && !glob.matches(std::string_view(value).substr(at, length)))
            --length;
        if (length == 0) {
            out += value[at++];
            continue;
        }
        out += by;
        at += length;
        if (!all) break;
    }
    return out + value.substr(at);
}

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Walker {
  public:
    Walker(std::string_view text, const Expander& expander) : text_(text), expander_(expander) {}

    Status run(Output& out) { return until('\0', out, false); }
    [[nodiscard]] std::size_t position() const { return at_; }

  private:
    [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const { return at_end() ? '\0' : text_[at_]; }
    [[nodiscard]] static Failure wrong(std::string message) {
        return fail(ErrorCode::invalid_input, std::move(message));
    }

    // Up to an unquoted `stop`, which is consumed; '\0': up to the end. keep_escapes: patterns need them.
    Status until(char stop, Output& out, bool keep_escapes) {
        if (++depth_ > k_max_depth) return wrong("variables are nested too deeply");
        const auto start = at_;
        while (!at_end()) {
            const char c = peek();
            if (stop != '\0' && c == stop) {
                ++at_;
                --depth_;
                return {};
            }
            if (c == '\'' && !expander_.raw_quotes) {
                BERTH_TRY(single_quoted(out));
            } else if (c == '"' && !expander_.raw_quotes) {
                BERTH_TRY(double_quoted(out));
            } else if (c == '$') {
                BERTH_ASSIGN_OR_RETURN(const std::string value, dollar());
                for (const char v : value)
                    out.plain(v);
            } else if (c == expander_.escape) {
                escaped(out, keep_escapes);
            } else {
                out.plain(c);
                ++at_;
            }
        }
        if (stop != '\0') {
            at_ = start;
            return wrong("'${' is not closed by '}'");
        }
        --depth_;
        return {};
    }

    void escaped(Output& out, bool keep) {
        ++at_;
        if (at_end()) return; // at the very end it escapes nothing and vanishes
        const char c = text_[at_++];
        const char kept[] = {expander_.escape, c};
        if (keep)
            out.quoted(std::string_view(kept, 2));
        else
            out.quoted(std::string_view(&kept[1], 1));
    }

    Status single_quoted(Output& out) {
        const auto end = text_.find('\'', at_ + 1);
        if (end == std::string_view::npos) return wrong("a single quote is not closed");
        out.quoted(text_.substr(at_ + 1, end - at_ - 1));
        at_ = end + 1;
        return {};
    }

    Status double_quoted(Output& out) {
        const auto start = at_++;
        out.quoted("");
        while (!at_end()) {
            const char c = peek();
            if (c == '"') {
                ++at_;
                return {};
            }
            if (c == '$') {
                BERTH_ASSIGN_OR_RETURN(const std::string value, dollar());
                out.quoted(value);
                continue;
            }
            ++at_;
            if (c == expander_.escape && !at_end() &&
                (peek() == '"' || peek() == '$' || peek() == expander_.escape)) {
                out.quoted(text_.substr(at_++, 1));
                continue;
            }
            out.quoted(std::string_view(&c, 1));
        }
        at_ = start;
        return wrong("a double quote is not closed");
    }

    [[nodiscard]] std::string name() {
        const auto start = at_;
        if (is_name_start(peek())) {
            while (!at_end() && (is_name_start(peek()) || is_digit(peek())))
                ++at_;
        } else if (is_digit(peek())) {
            while (!at_end() && is_digit(peek()))
                ++at_;
        } else if (!at_end() && std::string_view("@*#?-$!").find(peek()) != std::string_view::npos) {
            ++at_;
        }
        return std::string(text_.substr(start, at_ - start));
    }

    [[nodiscard]] std::optional<std::string> look_up(const std::string& name, bool tolerate_unset) {
        auto value = expander_.lookup(name);
        if (!value && !tolerate_unset && expander_.unset != nullptr && is_name_start(name.front()))
            expander_.unset->push_back(name);
        return value;
    }

    Result<std::string> dollar() {
        const auto start = at_++;
        if (peek() != '{') {
            const auto variable = name();
            if (variable.empty()) return std::string("$");
            return look_up(variable, false).value_or("");
        }
        ++at_;
        const auto variable = name();
        if (variable.empty()) {
            at_ = start;
            return wrong("'${' needs the name of a variable");
        }
        return braced(variable, start);
    }

    Result<std::string> word_until(char stop, bool keep_escapes) {
        Output out;
        BERTH_TRY(until(stop, out, keep_escapes));
        return std::move(out.text_);
    }

    Result<std::string> braced(const std::string& variable, std::size_t start) {
        if (at_end()) {
            at_ = start;
            return wrong("'${' is not closed by '}'");
        }
        char modifier = text_[at_++];
        if (modifier == '}') return look_up(variable, false).value_or("");
        bool empty_is_unset = false;
        if (modifier == ':') {
            empty_is_unset = true;
            modifier = at_end() ? '\0' : text_[at_++];
        }
        if (modifier == '-' || modifier == '+' || modifier == '?')
            return default_form(variable, modifier, empty_is_unset, start);
        if (!empty_is_unset && (modifier == '#' || modifier == '%' || modifier == '/'))
            return pattern_form(variable, modifier);
        at_ = start;
        return wrong(concat("'${", variable, ":' is followed by a modifier that a Dockerfile does not know"));
    }

    Result<std::string> default_form(const std::string& variable, char modifier, bool empty_is_unset,
                                     std::size_t start) {
        BERTH_ASSIGN_OR_RETURN(std::string word, word_until('}', false));
        const auto value = look_up(variable, true);
        const bool set = value && !(empty_is_unset && value->empty());
        if (modifier == '-') return set ? *value : word;
        if (modifier == '+') return set ? word : std::string();
        if (set) return *value;
        at_ = start;
        return wrong(concat(variable, ": ", word.empty() ? std::string("must be set and is not") : word));
    }

    Result<std::string> pattern_form(const std::string& variable, char modifier) {
        const bool doubled = peek() == modifier;
        if (doubled) ++at_;
        BERTH_ASSIGN_OR_RETURN(const std::string pattern, word_until(modifier == '/' ? '/' : '}', true));
        const Glob glob(pattern, expander_.escape);
        std::string by;
        if (modifier == '/') {
            BERTH_ASSIGN_OR_RETURN(by, word_until('}', false));
        }
        const auto value = look_up(variable, false).value_or("");
        if (modifier == '#') return strip_prefix(value, glob, doubled);
        if (modifier == '%') return strip_suffix(value, glob, doubled);
        return replace(value, glob, by, doubled);
    }

    std::string_view text_;
    const Expander& expander_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

Result<Output> expand(std::string_view text, const Expander& expander, std::size_t* error_offset) {
    Output out;
    Walker walker(text, expander);
    if (auto status = walker.run(out); !status) {
        if (error_offset != nullptr) *error_offset = walker.position();
        return fail(std::move(status).error());
    }
    out.end_word();
    return out;
}

} // namespace

Result<std::string> expand_word(std::string_view text, const Expander& expander, std::size_t* error_offset) {
    BERTH_ASSIGN_OR_RETURN(auto out, expand(text, expander, error_offset));
    return std::move(out.text_);
}

Result<std::vector<std::string>> expand_words(std::string_view text, const Expander& expander,
                                              std::size_t* error_offset) {
    BERTH_ASSIGN_OR_RETURN(auto out, expand(text, expander, error_offset));
    return std::move(out.words_);
}

} // namespace berth::build
