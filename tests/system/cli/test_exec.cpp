#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <filesystem>
#include <sys/mount.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// A folder (no mount point) that shows the host's tree. It lies on isolate's own tmpfs and goes away with the mount
// namespace: nothing ever removes it by name, for what is mounted below is the host's.
std::string plain_chroot() {
    const std::string root = "/run/a-chroot";
    std::filesystem::create_directory(root);
    for (const auto& entry : std::filesystem::directory_iterator("/")) {
        const auto place = root + entry.path().string();
        if (entry.is_symlink()) {
            std::filesystem::copy_symlink(entry.path(), place);
        } else if (entry.is_directory() && entry.path() != "/run") {
            std::filesystem::create_directory(place);
            REQUIRE(::mount(entry.path().c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) == 0);
        }
    }
    std::filesystem::create_directory(root + "/run");
    return root;
}

} // namespace

TEST_CASE("exec: bad input first") {
    World world;
    world.tiny_image();
    CHECK(world.berth({"exec", "nobody-here", "true"}).exit_code == 1);
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    CHECK(world.berth({"exec", "box", "no-such-program"}).exit_code == 127);
    CHECK(world.berth({"exec", "box", "/etc/passwd"}).exit_code == 126);
    CHECK(world.berth({"exec", "-u", "stranger", "box", "true"}).exit_code != 0);
    world.ok({"stop", "-t", "0", "box"});
    const Run stopped = world.berth({"exec", "box", "true"});
    CHECK(stopped.exit_code == 1);
    CHECK_THAT(stopped.err, ContainsSubstring("not running"));
}

TEST_CASE("exec runs inside: same namespaces, policy, exit code, input") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "-e", "A=1", "--memory", "64m", "tiny", "sleep", "1000"});
    CHECK(world.ok({"exec", "box", "cat", "/proc/1/comm"}) == "sleep");
    CHECK(world.berth({"exec", "box", "sh", "-c", "exit 9"}).exit_code == 9);
    CHECK(world.ok({"exec", "-i", "box", "tr", "a-z", "A-Z"}, "abc") == "ABC");
    CHECK(world.ok({"exec", "-e", "B=2", "-w", "/tmp", "-u", "app", "box", "sh", "-c",
                    "echo $A$B $PWD $(id -un)"}) == "12 /tmp app");
    const std::string inside =
        world.ok({"exec", "box", "grep", "-E", "^(Cap|Seccomp:|NoNewPrivs)", "/proc/self/status"});
    CHECK(inside == world.ok({"exec", "box", "grep", "-E", "^(Cap|Seccomp:|NoNewPrivs)", "/proc/1/status"}));
    CHECK(world.ok({"exec", "-d", "box", "touch", "/tmp/made"}).empty());
    CHECK_THAT(world.ok({"top", "box"}), ContainsSubstring("sleep 1000"));
}

TEST_CASE("exec: codes as docker's: 126 what cannot be run, 127 what is not there, 1 an unknown user") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    CHECK(world.berth({"exec", "-w", "/nothing/here", "box", "pwd"}).exit_code == 127);
    CHECK(world.berth({"exec", "-w", "/etc/passwd", "box", "pwd"}).exit_code == 126);
    CHECK(world.berth({"exec", "-u", "nobody-of-this-name", "box", "id"}).exit_code == 1);
    CHECK(world.berth({"exec", "box", "/etc/passwd"}).exit_code == 126);
    CHECK(world.berth({"exec", "box", "nothing"}).exit_code == 127);
}

TEST_CASE("a terminal: run -t and exec -t give one, of the size that was asked for") {
    World world;
    world.tiny_image();
    // script(1) gives the client a terminal of its own.
    const auto on_terminal = [&](const std::string& command) {
        return host("env", {"BERTH_DATA_ROOT=" + world.paths().data_root(),
                            "BERTH_EXEC_ROOT=" + world.paths().exec_root(), "script", "-qec",
                            "stty rows 33 cols 77; " + command, "/dev/null"});
    };
    const Run run = on_terminal(std::string(BERTH_PROGRAM) + " run --rm -it tiny sh -c 'tty; stty size'");
    CHECK_THAT(run.out, ContainsSubstring("/dev/pts/0") && ContainsSubstring("33 77"));
    CHECK(run.exit_code == 0);
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    const Run exec = on_terminal(std::string(BERTH_PROGRAM) + " exec -it box sh -c 'tty; stty size; exit 5'");
    CHECK_THAT(exec.out, ContainsSubstring("/dev/pts/") && ContainsSubstring("33 77"));
    CHECK(exec.exit_code == 5);
    // What is typed after the container has ended is lost, and no reason to end by SIGPIPE.
    const Run typed =
        host("sh", {"-c", "yes '' | head -c 300000 | BERTH_DATA_ROOT=" + world.paths().data_root() +
                              " BERTH_EXEC_ROOT=" + world.paths().exec_root() + " script -qec '" +
                              BERTH_PROGRAM + " run --rm -it tiny sh -c \"sleep 0.3; exit 6\"' /dev/null"});
    CHECK(typed.exit_code == 6);
    const Run none = world.berth({"run", "--rm", "-it", "tiny", "true"});
    CHECK(none.exit_code != 0);
    CHECK_THAT(none.err, ContainsSubstring("TTY") || ContainsSubstring("terminal"));
}

TEST_CASE("in a chroot: exec and probes land in the container, whose namespace holds nothing of the host") {
    World world;
    world.tiny_image();
    const auto root = plain_chroot();
    const auto inside = [&](std::vector<std::string> args) {
        args.insert(args.begin(), {root, "/usr/bin/env", "BERTH_DATA_ROOT=" + world.paths().data_root(),
                                   "BERTH_EXEC_ROOT=" + world.paths().exec_root(), BERTH_PROGRAM});
        return host("chroot", args);
    };
    const Run run =
        inside({"run", "-d", "--name", "box", "--health-cmd", "test -e /of-the-container",
                "--health-interval", "1s", "tiny", "sh", "-c", "touch /of-the-container; exec sleep 1000"});
    INFO(run.err);
    REQUIRE(run.exit_code == 0);
    const Run files = inside({"exec", "box", "ls", "/"});
    CHECK_THAT(files.out, ContainsSubstring("of-the-container\n"));
    CHECK_THAT(files.out, !ContainsSubstring("boot\n"));
    // The namespace's own root, which a process that leaves its root by chroot(2) comes to.
    const auto pid = world.ok({"inspect", "--format", "{{.State.Pid}}", "box"});
    CHECK_THAT(host("nsenter", {"-t", pid, "-m", "/bin/busybox", "ls", "/"}).out,
               ContainsSubstring("of-the-container"));
    // Nothing of it reaches the host's mounts.
    CHECK(inside({"rm", "-f", "box"}).exit_code == 0);
    CHECK(std::filesystem::exists(root + "/usr/bin/env"));
    CHECK(std::filesystem::exists("/usr/bin/env"));
}
