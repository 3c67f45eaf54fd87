// What a container must not be able to do. Everything here runs inside the namespaces of `isolate`, with harmless
// targets: where our program fails, the test fails and nothing else happens.
#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <unistd.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("the default policy: capabilities, seccomp, masks, devices (S01-S03, S26, S41)") {
    World world;
    world.tiny_image();
    const std::string status = world.ok({"run", "--rm", "tiny", "cat", "/proc/self/status"});
    CHECK_THAT(status, ContainsSubstring("CapInh:\t0000000000000000") &&
                           ContainsSubstring("CapPrm:\t00000000800425fb") &&
                           ContainsSubstring("CapEff:\t00000000800425fb") &&
                           ContainsSubstring("CapBnd:\t00000000800425fb") &&
                           ContainsSubstring("CapAmb:\t0000000000000000") &&
                           ContainsSubstring("Seccomp:\t2"));
    CHECK_THAT(world.ok({"run", "--rm", "-u", "app", "tiny", "cat", "/proc/self/status"}),
               ContainsSubstring("CapPrm:\t0000000000000000") &&
                   ContainsSubstring("CapEff:\t0000000000000000"));
    CHECK_THAT(world.ok({"run", "--rm", "--cap-drop", "ALL", "--cap-add", "cap_chown", "tiny", "cat",
                         "/proc/self/status"}),
               ContainsSubstring("CapEff:\t0000000000000001"));
    CHECK_THAT(
        world.ok({"run", "--rm", "--security-opt", "no-new-privileges", "tiny", "cat", "/proc/self/status"}),
        ContainsSubstring("NoNewPrivs:\t1"));
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c",
                    "cat /proc/keys /proc/timer_list /proc/kallsyms 2>/dev/null | wc -c; ls /proc/acpi "
                    "/sys/firmware 2>/dev/null | grep -v : | wc -w"}) == "0\n0");
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c", "ls /dev | grep -v core | sort | tr '\\n' ' '"}) ==
          "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ");
    CHECK(
        world.berth({"run", "--rm", "tiny", "sh", "-c", "mknod /tmp/sda b 8 0 && cat /tmp/sda"}).exit_code !=
        0);
    CHECK(world.berth({"run", "--rm", "tiny", "mount", "-t", "tmpfs", "none", "/tmp"}).exit_code != 0);
    CHECK(world.berth({"run", "--rm", "tiny", "unshare", "-U", "true"}).exit_code != 0);
    CHECK(world.berth({"run", "--rm", "tiny", "sh", "-c", "echo x > /proc/sys/kernel/hostname"}).exit_code !=
          0);
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c",
                    "mkdir /sys/fs/cgroup/x 2>/dev/null || echo refused"}) == "refused");
}

TEST_CASE("the container sees no descriptor, environment, group or mount of ours (S08, S39, S44, S85)") {
    World world;
    world.tiny_image();
    world.set_env("CANARY", "must not be seen");
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c", "ls /proc/self/fd | wc -l"}) ==
          "4"); // 0 1 2 and ls's own
    CHECK_THAT(world.ok({"run", "--rm", "tiny", "env"}), !ContainsSubstring("CANARY"));
    CHECK_THAT(world.ok({"run", "--rm", "tiny", "cat", "/proc/self/mountinfo"}),
               !ContainsSubstring("shared:"));
    CHECK(world.ok({"run", "--rm", "tiny", "cat", "/proc/self/cgroup"}).find(world.paths().scope()) ==
          std::string::npos);
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c", "ps | wc -l"}) != "");
}

TEST_CASE("links of an image never lead out of it (S31, S34, S45)") {
    World world;
    world.tiny_image();
    const std::string victim = world.project() + "/victim";
    REQUIRE(make_dirs(victim));
    for (const auto* place : {"/proc", "/sys", "/dev", "/etc", "/etc/hosts", "/etc/resolv.conf", "/run",
                              "/tmp", "/data", "/srv"}) {
        world.write("Dockerfile", std::string("FROM tiny\nRUN rm -rf ") + place + " 2>/dev/null; ln -s " +
                                      victim + " " + place + " 2>/dev/null; true\n");
        if (world.berth({"build", "-t", "evil", "."}).exit_code != 0)
            continue; // a place that a RUN step cannot change
        const Run run = world.berth({"run", "--rm", "-v", "vol:/data/x", "--tmpfs", "/tmp/x", "-w",
                                     "/srv/here", "evil", "/bin/true"});
        CAPTURE(place, run.err);
        CHECK(list_dir(victim).value().empty());
    }
    CHECK(world.berth({"run", "--rm", "-w", "/proc/self/fd/5", "tiny", "true"}).exit_code != 0);
}

TEST_CASE("mounts over /proc, /sys/fs/cgroup, / and our own roots are refused (S30, S49)") {
    World world;
    world.tiny_image();
    for (const auto* target : {"/proc", "/proc/sys", "/proc/1", "/", "/..", "/proc/../proc/sys"}) {
        CAPTURE(target);
        CHECK(world.berth({"run", "--rm", "-v", world.project() + ":" + target, "tiny", "true"}).exit_code ==
              125);
    }
    CHECK(world.berth({"run", "--rm", "-v", world.paths().data_root() + ":/x", "tiny", "true"}).exit_code ==
          125);
}

TEST_CASE("nothing that we keep is open to others (S14, S86)") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "-p", "8080:80", "tiny", "sleep", "1000"});
    for (const auto& root : {world.paths().data_root(), world.paths().exec_root()})
        CHECK(host("find", {root, "-maxdepth", "0", "-perm", "/077"}).out.empty());
    CHECK(host("find", {world.paths().containers(), "-name", "*.json", "-perm", "/077"}).out.empty());
    CHECK(host("find", {world.paths().exec_root(), "-type", "s", "-perm", "/077"}).out.empty());
}

TEST_CASE("no option writes a line of its own into resolv.conf, and sizes below zero are refused (S84)") {
    World world;
    world.tiny_image();
    for (const auto& option :
         std::vector<std::vector<std::string>>{{"--dns", "10.0.0.1\noptions debug"},
                                               {"--dns", "dns.example"},
                                               {"--dns-search", "lan\nnameserver 10.0.0.9"},
                                               {"--dns-option", "a b"},
                                               {"--shm-size", "-1"}}) {
        std::vector<std::string> args{"run", "--rm"};
        args.insert(args.end(), option.begin(), option.end());
        args.insert(args.end(), {"tiny", "true"});
        const Run run = world.berth(args);
        CAPTURE(option, run.err);
        CHECK(run.exit_code == 125);
    }
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("a read-only root takes the files of ours in /etc along (S43)") {
    World world;
    world.tiny_image();
    for (const auto* file : {"/new", "/etc/passwd", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}) {
        CAPTURE(file);
        CHECK(world.berth({"run", "--rm", "--read-only", "tiny", "sh", "-c", std::string(": >> ") + file})
                  .exit_code != 0);
        CHECK(world.berth({"run", "--rm", "tiny", "sh", "-c", std::string(": >> ") + file}).exit_code == 0);
    }
    CHECK(world.berth({"run", "--rm", "--read-only", "--tmpfs", "/run", "tiny", "sh", "-c", ": > /run/x"})
              .exit_code == 0);
}
