#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a chain of healthy conditions starts in order") {
    World world;
    world.tiny_image();
    std::string file = "services:\n";
    for (int i = 1; i <= 5; ++i) {
        file += concat(
            "  s", i,
            ":\n    image: tiny\n    command: sh -c 'touch /tmp/ready; exec sleep 1000'\n    "
            "stop_grace_period: 0s\n",
            "    healthcheck: {test: [CMD, test, -e, /tmp/ready], interval: 1s, timeout: 2s, retries: 5}\n");
        if (i > 1) file += concat("    depends_on: {s", i - 1, ": {condition: service_healthy}}\n");
    }
    world.write("compose.yaml", file);
    world.compose_ok({"up", "-d", "--wait"});
    const std::string rows = world.compose_ok({"ps"});
    for (int i = 1; i <= 5; ++i)
        CHECK_THAT(rows, ContainsSubstring(concat("proj-s", i, "-1")));
    CHECK_THAT(rows, ContainsSubstring("(healthy)") && !ContainsSubstring("starting"));
    std::string previous;
    for (int i = 1; i <= 5; ++i) {
        const std::string started =
            world.ok({"inspect", "--format", "{{.State.StartedAt}}", concat("proj-s", i, "-1")});
        CHECK(previous < started);
        previous = started;
    }
}

TEST_CASE(
    "an unhealthy dependency fails up with its probe's last output and its place, and undoes the rest") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n"
                                "  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n"
                                "    healthcheck: {test: \"echo cannot reach the disk; exit 1\", interval: "
                                "50ms, retries: 2, timeout: 1s}\n"
                                "  web:\n    image: tiny\n    command: sleep 1000\n    depends_on:\n      "
                                "db:\n        condition: service_healthy\n");
    const Run failed = world.compose({"up", "-d"});
    CHECK(failed.exit_code == 1);
    CHECK_THAT(failed.err, ContainsSubstring("db") && ContainsSubstring("unhealthy") &&
                               ContainsSubstring("cannot reach the disk") &&
                               ContainsSubstring("compose.yaml:11:"));
    world.compose_ok({"down"});
}

TEST_CASE("service_completed_successfully waits for the end and refuses a failure") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n"
                "  init:\n    image: tiny\n    command: sh -c 'sleep 0.2; exit ${CODE:-0}'\n"
                "  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    "
                "depends_on:\n      init: {condition: service_completed_successfully}\n");
    world.compose_ok({"up", "-d"});
    CHECK_THAT(world.compose_ok({"ps"}), ContainsSubstring("proj-web-1"));
    world.compose_ok({"down"});
    world.set_env("CODE", "3");
    const Run failed = world.compose({"up", "-d"});
    CHECK(failed.exit_code == 1);
    CHECK_THAT(failed.err, ContainsSubstring("init") && ContainsSubstring("3"));
    world.compose_ok({"down"});
}
