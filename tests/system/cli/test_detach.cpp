// Leaving what runs at a terminal by its detach keys.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// script(1) gives the client a terminal. `typed` (printf's escapes) is typed once `ready` holds inside the
// container: by then the client's terminal is in raw mode.
Run typed_at(World& world, const std::string& command, const std::string& ready, const std::string& typed) {
    const std::string berth = BERTH_PROGRAM;
    return host("sh", {"-c", "export BERTH_DATA_ROOT=" + world.paths().data_root() + " BERTH_EXEC_ROOT=" +
                                 world.paths().exec_root() + "; (until " + berth + " exec box sh -c '" +
                                 ready + "' 2>/dev/null; do sleep 0.05; done; printf '" + typed +
                                 "'; sleep 10) | timeout 30 script -qec '" + berth + " " + command +
                                 "' /dev/null"});
}

} // namespace

TEST_CASE("detach keys that are none are refused before anything runs") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    CHECK(world.berth({"exec", "--detach-keys", "ctrl-xx", "box", "touch", "/tmp/ran"}).exit_code != 0);
    CHECK(world.berth({"exec", "box", "test", "-e", "/tmp/ran"}).exit_code == 1);
    CHECK(world.berth({"run", "--rm", "--detach-keys", "shift-a", "tiny", "true"}).exit_code == 125);
}

TEST_CASE("exec -it left by ctrl-p,ctrl-q: 1, as docker, and the process goes on") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    const Run left = typed_at(world, "exec -it box sh -c \"touch /tmp/began; sleep 777\"",
                              "test -e /tmp/began", "\\020\\021");
    CHECK(left.exit_code == 1);
    CHECK_THAT(left.out, ContainsSubstring("read escape sequence"));
    CHECK(world.berth({"exec", "box", "sh", "-c", "ps | grep -q \"[s]leep 777\""}).exit_code == 0);
    // What it writes is taken, so that it does not stand still.
    const Run loud = typed_at(
        world, "exec -it box sh -c \"touch /tmp/loud; sleep 1; seq 1 100000; touch /tmp/written; sleep 778\"",
        "test -e /tmp/loud", "\\020\\021");
    CHECK(loud.exit_code == 1);
    world.ok({"exec", "box", "sh", "-c", "until test -e /tmp/written; do sleep 0.05; done"});
    CHECK(world.berth({"exec", "box", "sh", "-c", "ps | grep -q \"[s]leep 778\""}).exit_code == 0);
}

TEST_CASE("exec -it with keys of its own: those alone leave it, the usual ones are for the program") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    const Run left = typed_at(world,
                              "exec -it --detach-keys a,b box sh -c \"stty raw -echo; touch /tmp/began; dd "
                              "bs=1 count=3 of=/tmp/got; sleep 777\"",
                              "test -e /tmp/began", "\\020\\021a\\021ab");
    CHECK(left.exit_code == 1);
    CHECK(world.ok({"exec", "box", "sh", "-c",
                    "until test -s /tmp/got; do sleep 0.05; done; sleep 0.2; od -An -tx1 /tmp/got"}) ==
          " 10 11 61");
}

TEST_CASE("a terminal that goes away without the keys hangs the process up") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    (void)host("sh", {"-c", "export BERTH_DATA_ROOT=" + world.paths().data_root() +
                                " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                                "; sleep 4 | timeout -s KILL 2 script -qec '" + BERTH_PROGRAM +
                                " exec -it box sh -c \"touch /tmp/began; sleep 779\"' /dev/null"});
    CHECK(world.berth({"exec", "box", "test", "-e", "/tmp/began"}).exit_code == 0);
    CHECK(
        world.ok({"exec", "box", "sh", "-c",
                  "i=0; while ps | grep -q '[s]leep 779' && [ $i -lt 100 ]; do sleep 0.05; i=$((i+1)); done; "
                  "ps | grep -c '[s]leep 779' || true"}) == "0");
}

TEST_CASE("run -it and attach: left by the keys, the container runs on; attach tells so with 1") {
    World world;
    world.tiny_image();
    const Run left = typed_at(world, "run -it --name box tiny sh -c \"touch /tmp/began; sleep 1000\"",
                              "test -e /tmp/began", "\\020\\021");
    CHECK(left.exit_code == 0);
    CHECK(world.ok({"inspect", "-f", "{{.State.Running}}", "box"}) == "true");
    const Run attached = typed_at(world, "attach --detach-keys ctrl-x box", "true; sleep 0.5", "\\030");
    CHECK(attached.exit_code == 1);
    CHECK_THAT(attached.out, ContainsSubstring("read escape sequence"));
    CHECK(world.ok({"inspect", "-f", "{{.State.Running}}", "box"}) == "true");
}
