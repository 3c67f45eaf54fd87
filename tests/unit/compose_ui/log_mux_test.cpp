#include "compose/ui/log_mux.hpp"

#include "tests/support/catch.hpp"

using namespace berth;

TEST_CASE("prefixes are aligned to the longest label") {
    ui::LogPrinter printer(ui::LogStyle{});
    printer.add_label("web-1");
    printer.add_label("postgres-1");
    CHECK(printer.format("web-1", "", "hello\n") == "web-1       | hello\n");
    CHECK(printer.format("postgres-1", "", "hello") == "postgres-1  | hello\n");
}
TEST_CASE("a label that comes later widens the prefixes") {
    ui::LogPrinter printer(ui::LogStyle{});
    CHECK(printer.format("a", "", "x\n") == "a  | x\n");
    printer.add_label("longer");
    CHECK(printer.format("a", "", "x\n") == "a       | x\n");
}
TEST_CASE("timestamps stand behind the prefix, and both can be left out") {
    ui::LogStyle style;
    style.timestamps = true;
    CHECK(ui::LogPrinter(style).format("a", "2026-01-02T03:04:05Z", "x\n") ==
          "a  | 2026-01-02T03:04:05Z x\n");
    style.prefix = style.timestamps = false;
    CHECK(ui::LogPrinter(style).format("a", "2026-01-02T03:04:05Z", "x\n") == "x\n");
}
TEST_CASE("each label has a colour of its own") {
    ui::LogStyle style;
    style.color = true;
    ui::LogPrinter printer(style);
    CHECK(printer.format("a", "", "x\n") == "\x1b[36ma  | \x1b[0mx\n");
    CHECK(printer.format("b", "", "x\n") == "\x1b[33mb  | \x1b[0mx\n");
    CHECK(printer.format("a", "", "y\n") == "\x1b[36ma  | \x1b[0my\n");
}
