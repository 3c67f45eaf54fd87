#include "compose/load/dotenv.hpp"

#include "compose/load/context.hpp"

#include <algorithm>
#include <unordered_map>

namespace berth::compose::load {

namespace {

std::string_view without_bom(std::string_view text) {
    return text.substr(0, 3) == "\xEF\xBB\xBF" ? text.substr(3) : text;
}

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}
bool is_octal(char c) {
    return c >= '0' && c <= '7';
}
bool is_key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-[]").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
}

// The escapes of a double-quoted value. "\$" becomes "$$", which the substitution after this turns into "$".
std::string expand_escapes(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char next = text[i + 1];
        constexpr std::string_view k_names = "abfnrtv\\\"";
        constexpr std::string_view k_values = "\a\b\f\n\r\t\v\\\"";
        if (const auto found = k_names.find(next); found != std::string_view::npos) {
            out += k_values[found];
            ++i;
        } else if (next == '$') {
            out += "$$";
            ++i;
        } else if (next == '0' && i + 4 < text.size() && is_octal(text[i + 2]) && is_octal(text[i + 3]) &&
                   is_octal(text[i + 4])) {
            const int value = (text[i + 2] - '0') * 64 + (text[i + 3] - '0') * 8 + (text[i + 4] - '0');
            out += static_cast<char>(value);
            i += 4;
        } else {
            out += text[i];
        }
    }
    return out;
}

class Parser {
  public:
    Parser(const SourceHandle& source, const VariableLookup& lookup, const VariableLookup& behind)
        : source_(source), text_(without_bom(source.file->text)), lookup_(lookup), behind_(behind) {}

    Result<std::vector<DotenvEntry>> run() {
        while (skip_to_statement())
            BERTH_TRY(statement());
        return std::move(entries_);
    }

  private:
    [[nodiscard]] Failure refuse(std::string message, std::string hint, std::uint32_t line) const {
        return fail(Error(ErrorCode::invalid_input, std::move(message))
                        .at({source_.file, line, 1, 1})
                        .hint(std::move(hint)));
    }

    bool skip_to_statement() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '#') {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else if (c == '\n' || is_blank(c)) {
                if (c == '\n') ++line_;
                ++at_;
            } else {
                return true;
            }
        }
        return false;
    }

    void skip_blanks() {
        while (at_ < text_.size() && is_blank(text_[at_]))
            ++at_;
    }

    Status statement() {
        constexpr std::string_view k_export = "export";
        if (text_.substr(at_, k_export.size()) == k_export && at_ + k_export.size() < text_.size() &&
            is_blank(text_[at_ + k_export.size()])) {
            at_ += k_export.size();
            skip_blanks();
        }
        const std::uint32_t line = line_;
        const std::size_t start = at_;
        while (at_ < text_.size() && (is_key_char(text_[at_]) || is_blank(text_[at_])))
            ++at_;
        const std::string_view key = trim(text_.substr(start, at_ - start));
        const char end = at_ < text_.size() ? text_[at_] : '\n';
        if (end != '=' && end != ':' && end != '\n')
            return refuse(concat("unexpected character ", in_quotes(text_.substr(at_, 1)),
                                 " in the name of a variable, ",
                                 in_quotes(std::string(text_.substr(
                                     start, std::min(text_.find('\n', start), text_.size()) - start)))),
                          "a line is NAME=VALUE; names have letters, digits, '_', '.' and '-'", line);
        if (key.find(' ') != std::string_view::npos)
            return refuse(concat("the name of a variable cannot contain a space: ", in_quotes(key)),
                          "a line is NAME=VALUE", line);
        if (end == '\n') {
            inherit(key, line);
            return {};
        }
        ++at_;
        skip_blanks();
        return value(key, line);
    }

    void inherit(std::string_view key, std::uint32_t line) {
        DotenvEntry entry{std::string(key), std::nullopt, line, {}};
        if (const auto* variable = lookup_(key)) entry.value = variable->value;
        entries_.push_back(std::move(entry));
    }

    Status value(std::string_view key, std::uint32_t line) {
        const char quote = at_ < text_.size() ? text_[at_] : '\n';
        if (quote != '"' && quote != '\'') {
            const std::size_t end = std::min(text_.find('\n', at_), text_.size());
            std::string_view raw = text_.substr(at_, end - at_);
            raw = raw.substr(0, raw.find(" #"));
            while (!raw.empty() && is_blank(raw.back()))
                raw.remove_suffix(1);
            at_ = end;
            return store(key, std::string(raw), true, line);
        }
        BERTH_ASSIGN_OR_RETURN(std::string raw, quoted_value(quote, line));
        const bool expands = quote == '"';
        return store(key, expands ? expand_escapes(raw) : std::move(raw), expands, line);
    }

    // Backslashes stay, except in front of the quote itself.
    Result<std::string> quoted_value(char quote, std::uint32_t line) {
        std::string out;
        const std::size_t start = at_++;
        for (; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (c == quote) {
                ++at_;
                return out;
            }
            if (c == '\n') ++line_;
            if (c == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n') continue;
            if (c == '\\' && at_ + 1 < text_.size()) {
                const char next = text_[++at_];
                if (next != quote) out += c;
                if (next == '\n') ++line_;
                // An escaped double quote must survive the escapes that are expanded afterwards.
                if (next == quote && quote == '"') out += '\\';
                out += next;
                continue;
            }
            out += c;
        }
        const std::string_view shown = text_.substr(start, text_.find('\n', start) - start);
        return refuse(concat("unterminated quoted value ", in_quotes(shown)), concat("close it with ", quote),
                      line);
    }

    Status store(std::string_view key, std::string raw, bool expands, std::uint32_t line) {
        DotenvEntry entry{std::string(key), std::move(raw), line, {}};
        if (expands && entry.value->find('$') != std::string::npos) {
            const VariableLookup both = [&](std::string_view name) { return find(name); };
            auto result = substitute(*entry.value, both);
            if (result.error) return refuse(result.error->message, result.error->hint, line);
            entry.value = std::move(result.text);
            entry.uses = std::move(result.uses);
            substituted_ += entry.value->size();
            if (substituted_ > k_most_text)
                return refuse(concat("the variables of this file make more than ", k_most_text, " bytes"), "",
                              line);
        }
        latest_[entry.key] = entries_.size();
        entries_.push_back(std::move(entry));
        return {};
    }

    const Variable* find(std::string_view name) {
        if (const auto* variable = lookup_(name)) return variable;
        if (const auto found = latest_.find(std::string(name)); found != latest_.end()) {
            const auto& entry = entries_[found->second];
            earlier_ = {*entry.value, concat(source_.file->path, ":", entry.line)};
            return &earlier_;
        }
        return behind_ ? behind_(name) : nullptr;
    }

    const SourceHandle& source_;
    std::string_view text_;
    const VariableLookup& lookup_;
    const VariableLookup& behind_;
    std::size_t at_ = 0;
    std::uint32_t line_ = 1;
    std::vector<DotenvEntry> entries_;
    std::unordered_map<std::string, std::size_t> latest_; // index of the last entry that sets the key
    Variable earlier_;
    std::size_t substituted_ = 0;
};

} // namespace

Result<std::vector<DotenvEntry>> parse_dotenv(const SourceHandle& source, const VariableLookup& lookup,
                                              const VariableLookup& behind) {
    return Parser(source, lookup, behind).run();
}

Result<std::vector<DotenvEntry>> parse_raw_env(const SourceHandle& source, const VariableLookup& lookup) {
    std::vector<DotenvEntry> out;
    std::uint32_t number = 0;
    for (std::string_view rest = without_bom(source.file->text); !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        while (!line.empty() && is_blank(line.front()))
            line.remove_prefix(1);
        if (line.empty() || line.front() == '#') continue;
        const std::size_t equals = line.find('=');
        const std::string_view key = line.substr(0, equals);
        if (key.empty() || std::any_of(key.begin(), key.end(), is_blank))
            return fail(
                Error(ErrorCode::invalid_input,
                      concat("the name of a variable cannot be empty or contain a blank: ", in_quotes(line)))
                    .at({source.file, number, 1, 1}));
        DotenvEntry entry{std::string(key), std::nullopt, number, {}};
        if (equals != std::string_view::npos)
            entry.value = std::string(line.substr(equals + 1));
        else if (const auto* variable = lookup(key))
            entry.value = variable->value;
        out.push_back(std::move(entry));
    }
    return out;
}

} // namespace berth::compose::load
