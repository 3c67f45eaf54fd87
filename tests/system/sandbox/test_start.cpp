// What a started process finds: its root, its rights, its limits; and how a start fails.
#include "tests/support/catch.hpp"
#include "tests/system/sandbox/stage.hpp"

#include <sys/stat.h>

using namespace berth;
using namespace berth::test;

TEST_CASE("a command runs on its overlay and its exit code is recorded") {
    Stage stage;
    stage.shell("echo out; echo err >&2; touch /made; exit 7");
    const auto outcome = stage.run();
    INFO(outcome.start.step << " " << outcome.start.detail << " " << outcome.start.error_number);
    REQUIRE(outcome.start.phase == monitor::StartPhase::started);
    CHECK(outcome.out == "out\n");
    CHECK(outcome.err == "err\n");
    CHECK(outcome.state.status == runtime::Status::exited);
    CHECK(outcome.state.exit_code == 7);
    struct stat info {};
    CHECK(::stat((stage.folder() + "/upper/made").c_str(), &info) == 0);
    CHECK(stage.log().find("out\n") != std::string::npos);
}

TEST_CASE("capabilities are exactly the plan's, and none are inheritable") {
    Stage stage;
    stage.shell("grep Cap /proc/self/status; grep NoNewPrivs /proc/self/status");
    CHECK(stage.run().out ==
          "CapInh:\t0000000000000000\nCapPrm:\t00000000800425fb\nCapEff:\t00000000800425fb\n"
          "CapBnd:\t00000000800425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\n");
}

TEST_CASE("a user that is not root has no capabilities but keeps the bounding set") {
    Stage stage;
    stage.spec.process.user.uid = stage.spec.process.user.gid = 1000;
    stage.spec.process.user.additional_gids = {4, 27};
    stage.shell("id; grep -E 'CapEff|CapBnd' /proc/self/status; echo hi > /dev/stdout");
    const auto outcome = stage.run();
    CHECK(outcome.out ==
          "uid=1000(app) gid=1000 groups=4,27\nCapEff:\t0000000000000000\nCapBnd:\t00000000800425fb\nhi\n");
}

TEST_CASE("the process sees only its own descriptors, processes and host name") {
    Stage stage;
    stage.shell("ls /proc/self/fd | wc -l; ls -d /proc/[0-9]* | wc -l; hostname; pwd; cat /proc/self/cgroup "
                "| grep '^0:'");
    // ls itself holds the fourth descriptor; the shell and ls are two processes, wc the third.
    CHECK(stage.run().out == "4\n3\nbox\n/\n0::/\n");
}

TEST_CASE("masked paths are empty, read-only paths refuse writes") {
    Stage stage;
    stage.shell("wc -c < /proc/timer_list; ls /proc/acpi /sys/firmware 2>/dev/null | grep -c -v :; "
                "echo 1 > /proc/sys/kernel/panic || echo refused; touch /sys/x || echo refused");
    CHECK(stage.run().out.find("refused\nrefused\n") != std::string::npos);
}

TEST_CASE("a missing command is 127, one without the right to run 126, and nothing is left") {
    Stage stage;
    SECTION("not in PATH") {
        stage.spec.process.args = {"nonesuch"};
        const auto outcome = stage.run();
        CHECK(outcome.start.phase == monitor::StartPhase::failed);
        CHECK(outcome.start.exit_code == 127);
        CHECK(outcome.start.detail == "nonesuch");
    }
    SECTION("not executable") {
        stage.spec.process.args = {"/etc/passwd"};
        CHECK(stage.run().start.exit_code == 126);
    }
    SECTION("a folder") {
        stage.spec.process.args = {"/etc"};
        CHECK(stage.run().start.exit_code == 126);
    }
    SECTION("our own program by way of /proc") {
        stage.spec.process.args = {"/proc/self/exe"};
        CHECK(stage.run().start.exit_code == 126);
    }
    SECTION("our own program by way of an interpreter line") {
        stage.in_layer("/bin/trick", "#!/proc/self/exe\n", 0755);
        stage.spec.process.args = {"/bin/trick"};
        CHECK(stage.run().start.exit_code == 126);
    }
    struct stat info {};
    CHECK(::stat(("/sys/fs/cgroup/unified/" + stage.cgroup()).c_str(), &info) != 0);
}

TEST_CASE("a working directory is made when missing and never lies outside") {
    Stage stage;
    SECTION("missing") {
        stage.spec.process.cwd = "/made/for/me";
        stage.shell("pwd");
        CHECK(stage.run().out == "/made/for/me\n");
    }
    SECTION("a descriptor of the host (CVE-2024-21626)") {
        stage.spec.process.cwd = "/proc/self/fd/7";
        stage.shell("pwd");
        const auto outcome = stage.run();
        CHECK(outcome.start.phase == monitor::StartPhase::failed);
    }
    SECTION("through a symlink that climbs") {
        stage.link_in_layer("/escape", "../../../.." + stage.victim());
        stage.spec.process.cwd = "/escape/deep";
        stage.shell("pwd");
        (void)stage.run();
        CHECK(stage.victim_untouched());
    }
}

TEST_CASE("a resource limit above the session's is an error that names it") {
    Stage stage;
    stage.spec.process.rlimits = {{"RLIMIT_NOFILE", 1024, 4096}};
    stage.shell("ulimit -n; ulimit -Hn");
    SECTION("within") {
        CHECK(stage.run().out == "1024\n4096\n");
    }
    SECTION("above") {
        stage.spec.process.rlimits = {{"RLIMIT_NOFILE", 1u << 30, 1u << 30}};
        const auto outcome = stage.run();
        CHECK(outcome.start.phase == monitor::StartPhase::failed);
        CHECK(outcome.start.detail.find("nofile") == 0);
    }
}

TEST_CASE("an init reaps orphans, passes signals on and ends with the program's code") {
    Stage stage;
    stage.spec.annotations["berth.init"] = "true";
    stage.shell("[ $$ != 1 ] && echo child; (sleep 0.05 &) ; sleep 0.2; ls -d /proc/[0-9]* | wc -l; grep "
                "CapEff /proc/1/status; exit 9");
    const auto outcome = stage.run();
    CHECK(outcome.out == "child\n4\nCapEff:\t00000000800425fb\n");
    CHECK(outcome.state.exit_code == 9);
}

TEST_CASE("mounts: binds, read-only recursion, tmpfs with a copy, targets made") {
    Stage stage;
    stage.in_layer("/data/of-image", "copied");
    stage.spec.mounts.push_back({"/new/place", "bind", stage.victim(), {"rbind", "rro"}});
    stage.spec.mounts.push_back({"/etc/one", "bind", stage.victim() + "/file", {"bind", "ro"}});
    stage.spec.mounts.push_back({"/data", "tmpfs", "tmpfs", {"tmpcopyup", "size=1m", "nosuid"}});
    stage.shell("cat /new/place/file /etc/one /data/of-image; touch /new/place/x || echo refused; touch "
                "/data/y && echo ok; "
                "grep ' /data ' /proc/self/mounts | cut -d' ' -f4; grep -c shared: /proc/self/mountinfo");
    const auto outcome = stage.run();
    CHECK(outcome.out.find("preciouspreciouscopiedrefused\nok\n") == 0);
    CHECK(outcome.out.find("nosuid") != std::string::npos);
    CHECK(stage.victim_untouched());
}

TEST_CASE("symlinks of the image never lead a mount to the host") {
    Stage stage;
    const std::string climb = "../../../../../../../.." + stage.victim();
    SECTION("a volume's target") {
        stage.link_in_layer("/data", climb);
        stage.spec.mounts.push_back({"/data/x", "tmpfs", "tmpfs", {}});
        stage.shell("echo in > /data/x/f; echo fine");
        CHECK(stage.run().out == "fine\n");
    }
    SECTION("a file below a dangling link") {
        stage.link_in_layer("/etc/resolv.conf", "/run/nowhere/stub");
        stage.spec.mounts.push_back({"/etc/resolv.conf", "bind", stage.victim() + "/file", {"bind", "ro"}});
        stage.shell("cat /etc/resolv.conf");
        CHECK(stage.run().out == "precious");
    }
    for (const char* name : {"/dev", "/proc", "/sys"}) {
        DYNAMIC_SECTION("the image's " << name) {
            stage.link_in_layer(name, stage.victim());
            stage.shell("true");
            CHECK(stage.run().start.phase == monitor::StartPhase::failed);
        }
    }
    SECTION("a link into /proc") {
        stage.link_in_layer("/data", "/proc/sys");
        stage.spec.mounts.push_back({"/data", "tmpfs", "tmpfs", {}});
        stage.shell("true");
        CHECK(stage.run().start.phase == monitor::StartPhase::failed);
    }
    CHECK(stage.victim_untouched());
}

TEST_CASE("device nodes are real, rights hold, others cannot be made") {
    Stage stage;
    stage.spec.process.capabilities.bounding.push_back("CAP_MKNOD");
    stage.spec.process.capabilities.effective.push_back("CAP_MKNOD");
    stage.spec.process.capabilities.permitted.push_back("CAP_MKNOD");
    stage.spec.linux_.devices.push_back({"/dev/mine", "c", 1, 5, 0600, 0, 0});
    stage.shell(
        "stat -c '%F %t:%T %a' /dev/null /dev/mine; head -c 3 /dev/mine | wc -c; readlink /dev/stdout; "
        "mknod /tmp/kmsg c 1 11 || echo refused; ls /dev | tr '\\n' ' '");
    const auto outcome = stage.run();
    CHECK(outcome.out ==
          "character special file 1:3 666\ncharacter special file 1:5 600\n3\n/proc/self/fd/1\nrefused\n"
          "fd full mine mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero ");
}

TEST_CASE("limits of the plan arrive in the cgroup and inside") {
    Stage stage;
    stage.spec.linux_.resources.pids = oci::Pids{33};
    stage.spec.linux_.resources.memory = oci::Memory{};
    stage.spec.linux_.resources.memory->limit = 64 << 20;
    stage.shell("cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max "
                "/sys/fs/cgroup/memory/memory.limit_in_bytes "
                "/sys/fs/cgroup/memory.max 2>/dev/null; mkdir /sys/fs/cgroup/x || echo refused");
    CHECK(stage.run().out == "33\n67108864\nrefused\n");
}

TEST_CASE("kernel parameters of the container's own namespaces are set") {
    Stage stage;
    stage.spec.linux_.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"kernel.msgmax", "4096"}};
    stage.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax");
    CHECK(stage.run().out == "0\n4096\n");
}
