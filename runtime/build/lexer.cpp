#include "runtime/build/lexer.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/words.hpp"

#include <algorithm>

namespace berth::build {

namespace {

constexpr std::string_view k_blanks = " \t\v\f\r";

struct PhysicalLine {
    std::string_view text; // without its break
    std::string_view raw;  // with it
    std::uint32_t number = 0;
};

std::vector<PhysicalLine> physical_lines(std::string_view text) {
    std::vector<PhysicalLine> lines;
    std::uint32_t number = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto size = end == std::string_view::npos ? text.size() : end + 1;
        auto line = text.substr(0, end == std::string_view::npos ? size : end);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        lines.push_back({line, text.substr(0, size), ++number});
        text.remove_prefix(size);
    }
    return lines;
}

std::string_view skip_blanks(std::string_view text) {
    const auto start = text.find_first_not_of(k_blanks);
    return start == std::string_view::npos ? std::string_view() : text.substr(start);
}

class Lexer {
  public:
    explicit Lexer(std::shared_ptr<const SourceFile> file) {
        out_.file = std::move(file);
        std::string_view text = out_.file->text;
        if (text.starts_with("\xEF\xBB\xBF")) {
            text.remove_prefix(3);
            bom_ = true;
        }
        lines_ = physical_lines(text);
    }

    Result<LexedFile> run(bool directives) {
        if (directives) BERTH_TRY(read_directives());
        while (next_ < lines_.size())
            BERTH_TRY(read_logical_line());
        return std::move(out_);
    }
    void set_escape(char escape) { out_.escape = escape; }

  private:
    [[nodiscard]] std::uint32_t column_of(const PhysicalLine& line, std::string_view part) const {
        const auto column = static_cast<std::uint32_t>(part.data() - line.raw.data()) + 1;
        return bom_ && line.number == 1 ? column + 3 : column;
    }
    [[nodiscard]] SourcePos pos(const PhysicalLine& line, std::string_view part) const {
        return {out_.file, line.number, column_of(line, part),
                std::max<std::uint32_t>(1, static_cast<std::uint32_t>(part.size()))};
    }

    // Only at the very top: the first line that is no directive ends them, and what follows are plain
    // comments.
    Status read_directives() {
        std::vector<std::string> seen;
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            if (i == 0 && lines_[i].text.starts_with("#!")) continue;
            auto rest = lines_[i].text;
            if (rest.empty() || rest.front() != '#') return {};
            const auto equals = rest.find('=');
            if (equals == std::string_view::npos) return {};
            const auto key = to_lower(trim(rest.substr(1, equals - 1)));
            const auto value = trim(rest.substr(equals + 1));
            if ((key != "escape" && key != "syntax" && key != "check") || value.empty()) return {};
            if (std::find(seen.begin(), seen.end(), key) != seen.end())
                return fail(
                    Error(ErrorCode::invalid_input, concat("only one ", key, " parser directive can be used"))
                        .at(pos(lines_[i], rest)));
            seen.push_back(key);
            next_ = i + 1; // no comment of what follows
            if (key == "syntax") out_.syntax = value;
            if (key == "check") out_.check = value;
            if (key != "escape") continue;
            if (value != "\\" && value != "`")
                return fail(Error(ErrorCode::invalid_input, concat("invalid escape character '", value, "'"))
                                .at(pos(lines_[i], value))
                                .hint("the escape directive takes \\ or `"));
            out_.escape = value.front();
        }
        return {};
    }

    // The line without its continuation character, or nothing when it does not continue.
    [[nodiscard]] std::optional<std::string_view> continued(std::string_view text) const {
        const auto end = text.find_last_not_of(" \t");
        if (end == std::string_view::npos || text[end] != out_.escape) return std::nullopt;
        if (end > 0 && text[end - 1] == out_.escape) return std::nullopt; // itself escaped
        return text.substr(0, end);
    }

    void append(LogicalLine& logical, const PhysicalLine& line, std::string_view part) const {
        logical.pieces.push_back({logical.text.size(), line.number, column_of(line, part)});
        logical.text += part;
        logical.last_line = line.number;
    }

    Status read_logical_line() {
        const auto& first = lines_[next_];
        const auto start = skip_blanks(first.text);
        if (start.empty() || start.front() == '#') {
            ++next_;
            const auto comment = start.empty() ? start : trim(start.substr(1));
            if (comment.empty())
                comments_.clear();
            else
                comments_.emplace_back(comment);
            return {};
        }
        LogicalLine logical;
        logical.file = out_.file;
        logical.comments = std::exchange(comments_, {});
        logical.first_line = first.number;
        auto part = start;
        while (true) {
            const auto& line = lines_[next_++];
            const auto head = continued(part);
            append(logical, line, head.value_or(part));
            if (!head || !next_content_line(logical)) break;
            part = lines_[next_].text;
        }
        const auto end = logical.text.find_last_not_of(k_blanks);
        logical.text.resize(end == std::string::npos ? 0 : end + 1);
        if (logical.text.empty()) return {};
        BERTH_TRY(read_heredocs(logical));
        out_.lines.push_back(std::move(logical));
        return {};
    }

    // Moves to the next line that belongs to a continued instruction; comments inside it vanish, empty lines
    // too.
    bool next_content_line(LogicalLine& logical) {
        for (; next_ < lines_.size(); ++next_) {
            const auto& line = lines_[next_];
            const auto text = skip_blanks(line.text);
            if (text.empty()) {
                logical.empty_continuation = true;
                continue;
            }
            if (text.front() != '#') return true;
        }
        return false;
    }

    // The offset of the arguments when the instruction takes heredocs.
    [[nodiscard]] static std::optional<std::size_t> heredoc_arguments(std::string_view text) {
        std::size_t offset = 0;
        while (true) {
            const auto end = text.find_first_of(" \t", offset);
            if (end == std::string_view::npos) return std::nullopt;
            const auto word = to_lower(text.substr(offset, end - offset));
            offset = text.find_first_not_of(" \t", end);
            if (offset == std::string_view::npos) return std::nullopt;
            if (word == "run" || word == "copy" || word == "add") return offset;
            if (word != "onbuild") return std::nullopt;
        }
    }

    Status read_heredocs(LogicalLine& logical) {
        const auto arguments = heredoc_arguments(logical.text);
        if (!arguments || logical.text.find("<<", *arguments) == std::string::npos) return {};
        if (is_json_array(std::string_view(logical.text).substr(*arguments))) return {};
        for (const auto& mark :
             find_heredocs(std::string_view(logical.text).substr(*arguments), out_.escape)) {
            Heredoc doc;
            doc.word = mark.word;
            doc.marker = logical.text.substr(*arguments + mark.offset, mark.length);
            doc.expand = mark.expand;
            doc.strip_tabs = mark.strip_tabs;
            bool closed = false;
            while (next_ < lines_.size() && !closed) {
                const auto& line = lines_[next_++];
                auto text = line.text;
                if (doc.strip_tabs) text.remove_prefix(std::min(text.find_first_not_of('\t'), text.size()));
                closed = text == doc.word;
                if (!closed) doc.body += line.raw;
                logical.last_line = line.number;
            }
            if (!closed)
                return fail(Error(ErrorCode::invalid_input, concat("unterminated heredoc '", doc.word, "'"))
                                .at(logical.at(*arguments + mark.offset, mark.length))
                                .hint(concat("end it with a line that holds only ", doc.word)));
            logical.heredocs.push_back(std::move(doc));
        }
        return {};
    }

    LexedFile out_;
    std::vector<PhysicalLine> lines_;
    std::vector<std::string> comments_; // those right above the next line
    std::size_t next_ = 0;
    bool bom_ = false;
};

} // namespace

std::string Heredoc::content() const {
    if (!strip_tabs) return body;
    std::string out;
    bool at_start = true;
    for (const char c : body) {
        if (at_start && c == '\t') continue;
        at_start = c == '\n';
        out += c;
    }
    return out;
}

SourcePos LogicalLine::at(std::size_t offset, std::size_t length) const {
    if (pieces.empty()) return {file, first_line, 1, 1};
    auto after = std::upper_bound(pieces.begin(), pieces.end(), offset,
                                  [](std::size_t value, const Piece& piece) { return value < piece.offset; });
    const auto& piece = *(after == pieces.begin() ? after : after - 1);
    const auto end = after == pieces.end() ? text.size() : after->offset;
    const auto left = end > offset ? end - offset : 1;
    const auto shown = std::max<std::size_t>(1, std::min(length, left));
    return {file, piece.line, piece.column + static_cast<std::uint32_t>(offset - piece.offset),
            static_cast<std::uint32_t>(shown)};
}

Result<LexedFile> lex(std::shared_ptr<const SourceFile> file) {
    Lexer lexer(std::move(file));
    return lexer.run(true);
}

Result<LexedFile> lex_fragment(std::shared_ptr<const SourceFile> file, char escape) {
    Lexer lexer(std::move(file));
    lexer.set_escape(escape);
    return lexer.run(false);
}

} // namespace berth::build
