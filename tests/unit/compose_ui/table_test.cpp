#include "compose/ui/table.hpp"

#include "tests/support/catch.hpp"

using namespace berth::ui;

TEST_CASE("columns are at least ten wide, three apart, and the last is bare") {
    Table table({"CONTAINER ID", "IMAGE", "NAMES"});
    table.add({"0123456789ab", "busybox", "web"});
    CHECK(table.to_string() == "CONTAINER ID   IMAGE     NAMES\n"
                               "0123456789ab   busybox   web\n");
}

TEST_CASE("colours and multi-byte letters count as the cells that they take") {
    Table table({"NAME", "X"});
    table.add({"\x1b[31m\u00e4\u00f6\u00fc-long-name\x1b[0m", "1"});
    CHECK(table.to_string() == "NAME            X\n\x1b[31m\u00e4\u00f6\u00fc-long-name\x1b[0m   1\n");
}

TEST_CASE("lines of tab-separated cells are aligned") {
    CHECK(align_tabs("A\tB\nlonger than ten\tx\n") == "A                 B\nlonger than ten   x\n");
}
