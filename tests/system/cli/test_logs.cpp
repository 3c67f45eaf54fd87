#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("logs keep both streams, every byte, and the last line without a break") {
    World world;
    world.tiny_image();
    CHECK(world.berth({"logs", "nobody"}).exit_code == 1);
    world.ok({"run", "-d", "--name", "talk", "tiny", "sh", "-c",
              "echo one; echo two >&2; printf 'quote\" back\\\\ tab\\t\\033[1m bell\\007\\n'; printf last"});
    world.ok({"wait", "talk"});
    const Run logs = world.berth({"logs", "talk"});
    CHECK(logs.out == "one\nquote\" back\\ tab\t\033[1m bell\007\nlast");
    CHECK(logs.err == "two\n");
    CHECK(world.ok({"logs", "--tail", "1", "talk"}) == "last");
    CHECK_THAT(world.ok({"logs", "-t", "--tail", "1", "talk"}),
               ContainsSubstring("T") && ContainsSubstring("Z last"));
}

TEST_CASE("logs -f follows to the end") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "count", "tiny", "sh", "-c",
              "for i in 1 2 3 4 5; do echo $i; sleep 0.1; done"});
    CHECK(world.ok({"logs", "-f", "count"}) == "1\n2\n3\n4\n5");
}

TEST_CASE("rotation holds the limit and loses nothing that is still kept") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "flood", "--log-opt", "max-size=64k", "--log-opt", "max-file=3", "tiny",
              "sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"});
    world.ok({"wait", "flood"});
    const auto lines = split(world.ok({"logs", "flood"}), '\n');
    REQUIRE(lines.size() > 100);
    CHECK(lines.back() == "line 19999");
    for (std::size_t i = 1; i < lines.size(); ++i)
        REQUIRE(parse_integer(lines[i].substr(5)).value() ==
                parse_integer(lines[i - 1].substr(5)).value() + 1);
    const auto used = parse_integer(
        split(host("du", {"-sb", world.paths().containers() + "/" +
                                     world.ok({"inspect", "--format", "{{.Id}}", "flood"}) + "/log"})
                  .out,
              '\t')[0]);
    CHECK(used.value() < 3 * 65536 + 16384);
}
