// lexer.hpp - a Dockerfile's text into logical lines: parser directives, comments, continuation, heredocs.
// Every byte of a logical line knows where in the file it stands, so errors can point at the exact column
// across continued lines. Knows no instruction beyond which of them take heredocs. Pure.
#pragma once

#include "runtime/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

struct Heredoc {
    std::string word;        // "EOF"
    std::string marker;      // as written, "<<-'EOF'"
    std::string body;        // lines with their breaks, unchanged
    bool expand = true;      // false: the word was quoted
    bool strip_tabs = false; // <<-
    // What the program or the file gets: leading tabs gone where "<<-" asks for it.
    [[nodiscard]] std::string content() const;
};

struct LogicalLine {
    struct Piece {
        std::size_t offset = 0; // in `text`
        std::uint32_t line = 0, column = 0;
    };
    std::shared_ptr<const SourceFile> file;
    std::string text; // continued lines joined, comments out, no break at the end
    std::vector<Piece> pieces;
    std::vector<Heredoc> heredocs;
    std::vector<std::string> comments; // right above it, without '#'
    bool empty_continuation = false;   // an empty line stands among those that it continues on
    std::uint32_t first_line = 0, last_line = 0;

    // Where text[offset] stands in the file; `length` is cut at the end of that physical line.
    [[nodiscard]] SourcePos at(std::size_t offset, std::size_t length = 1) const;
};

struct LexedFile {
    std::shared_ptr<const SourceFile> file;
    char escape = '\\';
    std::string syntax; // "# syntax=": an external front end's image; empty: none
    std::string check;  // "# check="
    std::vector<LogicalLine> lines;
};

[[nodiscard]] Result<LexedFile> lex(std::shared_ptr<const SourceFile> file);
// Text that is not a file of its own (an ONBUILD trigger): one instruction, no directives.
[[nodiscard]] Result<LexedFile> lex_fragment(std::shared_ptr<const SourceFile> file, char escape);

} // namespace berth::build
