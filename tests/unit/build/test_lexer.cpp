#include "runtime/build/lexer.hpp"
#include "tests/unit/build/dockerfile_text.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

namespace {
LexedFile lex_good(std::string text) {
    auto out = lex(text_file(std::move(text)));
    if (!out) FAIL(out.error().to_string());
    return std::move(*out);
}
std::string lex_error(std::string text) {
    const auto out = lex(text_file(std::move(text)));
    return out ? "no error" : out.error().to_string();
}
} // namespace

TEST_CASE("a heredoc that never ends is an error at its mark", "[build]") {
    CHECK_THAT(lex_error("FROM a\nRUN <<EOF\necho\n"),
               ContainsSubstring("Dockerfile:2:5: unterminated heredoc 'EOF'"));
}

TEST_CASE("an escape directive other than backslash and backtick is an error", "[build]") {
    CHECK_THAT(lex_error("# escape=x\nFROM a\n"),
               ContainsSubstring("Dockerfile:1:10: invalid escape character 'x'"));
    CHECK_THAT(lex_error("# escape=`\n# escape=`\nFROM a\n"),
               ContainsSubstring("only one escape parser directive"));
}

TEST_CASE("continued lines join and every byte keeps its place", "[build]") {
    const auto file = lex_good("FROM a\nRUN one \\\n  # comment\n\n  two\n");
    REQUIRE(file.lines.size() == 2);
    const auto& line = file.lines[1];
    CHECK(line.text == "RUN one   two");
    CHECK(line.last_line == 5);
    const auto at = line.at(line.text.find("two"), 3);
    CHECK(at.line == 5);
    CHECK(at.column == 3);
    CHECK(at.length == 3);
    CHECK(line.empty_continuation);
}

TEST_CASE("an escaped escape character continues nothing", "[build]") {
    const auto file = lex_good("RUN a \\\\\nRUN b\n");
    REQUIRE(file.lines.size() == 2);
    CHECK(file.lines[0].text == "RUN a \\\\");
}

TEST_CASE("the backtick directive makes a backslash ordinary", "[build]") {
    const auto file = lex_good("# escape=`\nRUN a\\\nRUN b `\n c\n");
    REQUIRE(file.lines.size() == 2);
    CHECK(file.escape == '`');
    CHECK(file.lines[1].text == "RUN b  c");
}

TEST_CASE("directives end at the first line that is none", "[build]") {
    CHECK(lex_good("# note\n# escape=`\nFROM a\n").escape == '\\');
    CHECK(lex_good("# syntax=docker/dockerfile:1\nFROM a\n").syntax == "docker/dockerfile:1");
    CHECK(lex_good("\xEF\xBB\xBF# escape=`\nFROM a\n").escape == '`');
}

TEST_CASE("heredocs keep their text and say whether it is expanded", "[build]") {
    const auto file = lex_good("RUN <<A sh <<-'B'\n\tone $X\nA\n\ttwo\n\tB\nCOPY <<f /d\nx\nf\n");
    REQUIRE(file.lines.size() == 2);
    REQUIRE(file.lines[0].heredocs.size() == 2);
    CHECK(file.lines[0].heredocs[0].content() == "\tone $X\n");
    CHECK(file.lines[0].heredocs[0].expand);
    CHECK(file.lines[0].heredocs[1].content() == "two\n");
    CHECK_FALSE(file.lines[0].heredocs[1].expand);
    CHECK(file.lines[1].heredocs[0].word == "f");
}

TEST_CASE("only instructions that take heredocs have them", "[build]") {
    CHECK(lex_good("USER <<EOF\n").lines[0].heredocs.empty());
    CHECK(lex_good("RUN \"<<EOF\"\n").lines[0].heredocs.empty());
    CHECK(lex_good("RUN [\"<<EOF\"]\n").lines[0].heredocs.empty());
    CHECK(lex_good("RUN cat <<<word\n").lines[0].heredocs.empty());
    CHECK(lex_good("ONBUILD RUN <<EOF\nx\nEOF\n").lines[0].heredocs.size() == 1);
}

TEST_CASE("carriage returns before line breaks are dropped", "[build]") {
    const auto file = lex_good("FROM a\r\nRUN b \\\r\n  c\r\n");
    REQUIRE(file.lines.size() == 2);
    CHECK(file.lines[1].text == "RUN b   c");
}
