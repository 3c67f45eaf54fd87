#include "compose/ui/render_error.hpp"

#include "compose/ui/terminal.hpp"
#include "tests/support/catch.hpp"

using namespace berth;

namespace {

SourcePos place(std::uint32_t line, std::uint32_t column, std::uint32_t length, std::string text) {
    auto file = std::make_shared<SourceFile>();
    file->path = "compose.yaml";
    file->text = std::move(text);
    return {file, line, column, length};
}

} // namespace

TEST_CASE("an error in a file shows the line and underlines what it is about") {
    const auto at = place(2, 9, 10, "ports:\n      - 8080:80800\n");
    const auto error = Error(ErrorCode::invalid_input, "port '80800' is not a number from 1 to 65535")
                           .at(at)
                           .path("services.web.ports[0]")
                           .hint("write ports as \"HOST:CONTAINER\"");
    CHECK(ui::render_error(error, false) ==
          "compose.yaml:2:9: error: services.web.ports[0]: port '80800' is not a number from 1 to 65535\n"
          "    2 |       - 8080:80800\n"
          "      |         ^~~~~~~~~~\n"
          "   hint: write ports as \"HOST:CONTAINER\"\n");
}

TEST_CASE("an error without a place is one line with the system's reason") {
    const auto error = Error(ErrorCode::failed, "open '/x'").sys_errno(2);
    CHECK(ui::render_error(error, false) == "error: open '/x': No such file or directory\n");
}

TEST_CASE("a line number of three digits moves the gutter of both lines") {
    std::string text(99, '\n');
    const auto error = Error(ErrorCode::invalid_input, "no").at(place(100, 3, 2, text + "a: bc\n"));
    CHECK(ui::render_error(error, false) == "compose.yaml:100:3: error: no\n"
                                            "   100 | a: bc\n"
                                            "       |   ^~\n");
}

TEST_CASE("tabs and wide text before the place do not move the caret") {
    const auto error =
        Error(ErrorCode::invalid_input, "no").at(place(1, 9, 3, "\t\u00e4\u00f6: \"\u00fcx\"y"));
    CHECK(ui::render_error(error, false) == "compose.yaml:1:9: error: no\n"
                                            "    1 |  \u00e4\u00f6: \"\u00fcx\"y\n"
                                            "      |       ^~\n");
}

TEST_CASE("a place beyond the line's end still gets a caret") {
    const auto error = Error(ErrorCode::invalid_input, "no").at(place(1, 40, 5, "a: b"));
    CHECK(ui::render_error(error, false) == "compose.yaml:1:40: error: no\n    1 | a: b\n      |     ^\n");
}

TEST_CASE("the file as a whole has no source line") {
    const auto error = Error(ErrorCode::invalid_input, "is empty").at(place(0, 0, 1, ""));
    const auto text = ui::render_error(error, false);
    CHECK(text.find("error: is empty\n") != std::string::npos);
    CHECK(text.find('|') == std::string::npos);
}

TEST_CASE("notes carry their own places") {
    const auto error = Error(ErrorCode::invalid_input, "again")
                           .at(place(2, 1, 1, "a: 1\na: 2\n"))
                           .note("first here", place(1, 1, 1, "a: 1\na: 2\n"));
    CHECK(ui::render_error(error, false) == "compose.yaml:2:1: error: again\n"
                                            "    2 | a: 2\n"
                                            "      | ^\n"
                                            "   note: compose.yaml:1:1: first here\n"
                                            "    1 | a: 1\n"
                                            "      | ^\n");
}

TEST_CASE("warnings come before errors") {
    Diagnostics diagnostics;
    diagnostics.errors.emplace_back(ErrorCode::invalid_input, "bad");
    diagnostics.warnings.emplace_back(ErrorCode::invalid_input, "odd");
    CHECK(ui::render_diagnostics(diagnostics, false) == "warning: odd\nerror: bad\n");
}

TEST_CASE("control sequences of foreign text reach no terminal") {
    CHECK(ui::printable("a\x1b[31mb\r\n\t") == "a\\x1b[31mb\\x0d\\x0a ");
    CHECK(ui::printable("\xc2\x9b"
                        "2J") == "\\x9b2J");
    CHECK(ui::printable("\x9b"
                        "2J") == "\\x9b2J");
    CHECK(ui::printable("gr\u00fc\u00df \u2713") == "gr\u00fc\u00df \u2713");
    const auto error = Error(ErrorCode::failed, "image 'x\x1b]0;owned\x07'");
    CHECK(ui::render_error(error, false) == "error: image 'x\\x1b]0;owned\\x07'\n");
}

TEST_CASE("a very long line is shown around the place only") {
    const std::string text = std::string(5000, 'x') + "HERE" + std::string(5000, 'y');
    const auto rendered =
        ui::render_error(Error(ErrorCode::invalid_input, "no").at(place(1, 5001, 4, text)), false);
    CHECK(rendered.size() < 600);
    CHECK(rendered.find("HERE") != std::string::npos);
}

TEST_CASE("texts are cut by cells, not by bytes") {
    CHECK(ui::display_width("\x1b[31m\u00e4b\x1b[0m") == 2);
    CHECK(ui::ellipsize("abcdef", 4) == "abc\u2026");
    CHECK(ui::ellipsize("abcd", 4) == "abcd");
    CHECK(ui::ellipsize("\u00e4\u00f6\u00fc", 2) == "\u00e4\u2026");
}
