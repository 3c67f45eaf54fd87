#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("run: a container does not begin when something is wrong with it, and leaves nothing") {
    World world;
    world.tiny_image();
    const std::string before = host_state(world.paths());
    struct Case {
        std::vector<std::string> args;
        int exit_code;
        const char* says;
    };
    const std::vector<Case> cases{
        {{"run", "--rm", "tiny", "no-such-program"}, 127, "no-such-program"},
        {{"run", "--rm", "tiny", "/etc/passwd"}, 126, "/etc/passwd"},
        {{"run", "--rm", "tiny", "/tmp"}, 126, "/tmp"},
        {{"run", "--rm", "no/such:image", "true"}, 125, "no/such:image"},
        {{"run", "--rm", "-u", "stranger", "tiny", "true"}, 125, "stranger"},
        {{"run", "--rm", "--network", "nowhere", "tiny", "true"}, 125, "nowhere"},
        {{"run", "--rm", "--cap-add", "FOO", "tiny", "true"}, 125, "FOO"},
        {{"run", "--rm", "-p", "80:80:80:80:80", "tiny", "true"}, 125, "80:80:80:80:80"},
        {{"run", "--rm", "-v", "/srv:/proc", "tiny", "true"}, 125, "/proc"},
        {{"run", "--rm", "--memory", "lots", "tiny", "true"}, 125, "lots"},
        {{"run", "--rm", "--no-such-flag", "tiny", "true"}, 125, "no-such-flag"},
        {{"run", "--rm", "--name", "a/b", "tiny", "true"}, 125, "a/b"},
        {{"run", "--rm", "-v", "a/b:/x", "tiny", "true"}, 125, "a/b"}, // a folder is ./a/b
        {{"run"}, 1, "argument"},
    };
    for (const auto& bad : cases) {
        const Run result = world.berth(bad.args);
        CAPTURE(join(bad.args, " "), result.err);
        CHECK(result.exit_code == bad.exit_code);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK(world.ok({"ps", "-aq"}).empty());
    }
    settle_links(1);
    // The default network may have been made meanwhile: it is an object of its own, like docker's bridge.
    (void)world.berth({"network", "rm", "bridge"});
    CHECK_THAT(host_state(world.paths()), ContainsSubstring("links:\nlo\n"));
}

TEST_CASE("run: output, exit codes, input, environment, working directory, user, hostname") {
    World world;
    world.tiny_image();
    CHECK(world.ok({"run", "--rm", "tiny", "echo", "hello"}) == "hello");
    CHECK(world.berth({"run", "--rm", "tiny", "sh", "-c", "exit 42"}).exit_code == 42);
    CHECK(world.berth({"run", "--rm", "tiny", "sh", "-c", "sh -c 'kill -9 $$'; exit $?"}).exit_code == 137);
    CHECK(world.ok({"run", "--rm", "-i", "tiny", "cat"}, "through stdin") == "through stdin");
    const Run split_output = world.berth({"run", "--rm", "tiny", "sh", "-c", "echo out; echo err >&2"});
    CHECK(split_output.out == "out\n");
    CHECK_THAT(split_output.err, ContainsSubstring("err\n"));
    CHECK(world.ok({"run", "--rm", "-e", "COLOUR=blue", "-w", "/made/here", "tiny", "sh", "-c",
                    "echo $COLOUR $PWD"}) == "blue /made/here");
    CHECK(world.ok({"run", "--rm", "-u", "app", "tiny", "id"}) ==
          "uid=1000(app) gid=1000(app) groups=5(tty),1000(app)");
    CHECK(world.ok({"run", "--rm", "-u", "4242:7", "tiny", "sh", "-c", "id -u; id -g; id -G"}) ==
          "4242\n7\n7");
    CHECK(world.ok({"run", "--rm", "-h", "box", "tiny", "sh", "-c", "hostname; cat /etc/hostname"}) ==
          "box\nbox");
    CHECK(world.ok({"run", "--rm", "--entrypoint", "/bin/echo", "tiny", "a", "b"}) == "a b");
    CHECK(world.ok({"run", "--rm", "--init", "tiny", "sh", "-c", "echo $$"}) != "1");
    CHECK(world.ok({"run", "--rm", "tiny", "sh", "-c", "echo $$"}) == "1");
    CHECK(world.ok({"run", "--rm", "--read-only", "--tmpfs", "/scratch", "tiny", "sh", "-c",
                    "touch /x 2>/dev/null && echo writable; touch /scratch/x && echo scratch"}) == "scratch");
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("run: limits, sysctls, ulimits and shared memory reach the container") {
    World world;
    world.tiny_image();
    CHECK(world.ok({"run", "--rm", "--ulimit", "nofile=100:200", "tiny", "sh", "-c",
                    "ulimit -Sn; ulimit -Hn"}) == "100\n200");
    for (const auto* bad : {"nofile=many", "nofile=", "nofile=1:2:3", "nofile=:5"}) {
        const Run refused = world.berth({"run", "--rm", "--ulimit", bad, "tiny", "true"});
        CHECK(refused.exit_code == 125);
        CHECK_THAT(refused.err, ContainsSubstring(bad));
    }
    CHECK(world.ok({"run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", "tiny", "cat",
                    "/proc/sys/net/ipv4/ip_forward"}) == "1");
    CHECK(world.ok({"run", "--rm", "--shm-size", "8m", "tiny", "sh", "-c",
                    "df -k /dev/shm | tail -1 | awk '{print $2}'"}) == "8192");
    const Run forks = world.berth({"run", "--rm", "--pids-limit", "8", "tiny", "sh", "-c",
                                   "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 5 & done; echo all"});
    CHECK_THAT(forks.out, !ContainsSubstring("all"));
}

TEST_CASE("limits of single block devices: flags and blkio_config reach the cgroup, inspect shows them") {
    World world;
    world.tiny_image();
    const Run disks = host("sh", {"-c", "awk 'NR > 2 {print $4, $1 \":\" $2}' /proc/partitions | while read "
                                        "n d; do [ -b /dev/$n ] && echo $n $d && break; done"});
    if (disks.out.empty()) {
        WARN("skipped: this machine shows no block device");
        return;
    }
    const auto words = split(std::string(trim(disks.out)), ' ');
    const std::string disk = "/dev/" + words[0], number = words[1];
    const std::vector<std::string> show{
        "sh", "-c", "cd /sys/fs/cgroup; cat io.max blkio/blkio.throttle.*_device 2>/dev/null; true"};
    world.ok({"run", "-d", "--name", "slow", "--device-write-bps", disk + ":1mb", "--device-read-iops",
              disk + ":50", "tiny", "sleep", "1000"});
    const std::string seen = world.ok({"exec", "slow", show[0], show[1], show[2]});
    CHECK_THAT(seen, ContainsSubstring(number) && ContainsSubstring("1048576") && ContainsSubstring("50"));
    CHECK(world.ok({"inspect", "-f",
                    "{{range .HostConfig.BlkioDeviceWriteBps}}{{.Path}} {{.Rate}}{{end}} {{len "
                    ".HostConfig.BlkioDeviceReadBps}}",
                    "slow"}) == disk + " 1048576 0");
    world.write("compose.yaml", "services:\n  slow:\n    image: tiny\n    command: sleep 1000\n    "
                                "blkio_config:\n      device_read_bps: [{path: " +
                                    disk + ", rate: 12mb}]\n      device_write_iops: [{path: " + disk +
                                    ", rate: 70}]\n");
    world.compose_ok({"up", "-d"});
    CHECK_THAT(world.compose_ok({"exec", "slow", show[0], show[1], show[2]}),
               ContainsSubstring("12582912") && ContainsSubstring("70"));
    world.compose_ok({"down", "-t", "0"});
    for (const auto* bad : {"/dev/sda", "/dev/sda:many", "sda:1mb", "/dev/sda:-1"})
        CHECK(world.berth({"run", "--rm", "--device-write-bps", bad, "tiny", "true"}).exit_code == 125);
    const Run none = world.berth({"run", "--rm", "--device-write-bps", "/dev/null:1mb", "tiny", "true"});
    CHECK(none.exit_code == 125);
    CHECK_THAT(none.err, ContainsSubstring("/dev/null") && ContainsSubstring("not a block device"));
}

TEST_CASE("a container that runs out of memory says so; one that is killed does not") {
    World world;
    world.tiny_image();
    const Run oom = world.berth({"run", "--name", "big", "--memory", "16m", "tiny", "sh", "-c",
                                 "x=$(cat /dev/zero | head -c 200000000 | tr '\\0' 'a'); echo done"});
    CHECK(oom.exit_code == 137);
    CHECK(world.ok({"inspect", "--format", "{{.State.OOMKilled}} {{.State.ExitCode}}", "big"}) == "true 137");
    world.ok({"run", "-d", "--name", "victim", "tiny", "sleep", "1000"});
    world.ok({"kill", "victim"});
    CHECK(world.ok({"wait", "victim"}) == "137");
    CHECK(world.ok({"inspect", "--format", "{{.State.OOMKilled}}", "victim"}) == "false");
}

TEST_CASE("a detached container: ps, stop, start, restart, rm, name conflicts") {
    World world;
    world.tiny_image();
    const std::string id =
        world.ok({"run", "-d", "--name", "web", "-l", "tier=front", "tiny", "sleep", "1000"});
    CHECK(id.size() == 64);
    CHECK_THAT(world.ok({"ps"}), ContainsSubstring("CONTAINER ID   IMAGE") &&
                                     ContainsSubstring(id.substr(0, 12)) &&
                                     ContainsSubstring("\"sleep 1000\"") && ContainsSubstring("web"));
    CHECK(world.ok({"ps", "-q", "--no-trunc", "--filter", "label=tier=front"}) == id);
    const Run again = world.berth({"run", "-d", "--name", "web", "tiny", "true"});
    CHECK(again.exit_code == 125);
    CHECK_THAT(again.err, ContainsSubstring("web") && ContainsSubstring(id.substr(0, 12)));
    const std::string address =
        world.ok({"inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "web"});
    CHECK(world.berth({"rm", "web"}).exit_code == 1);
    world.ok({"stop", "-t", "0", "web"});
    CHECK(world.ok({"ps", "-q"}).empty());
    CHECK_THAT(world.ok({"ps", "-a"}), ContainsSubstring("Exited (137)"));
    world.ok({"start", "web"});
    CHECK(world.ok({"inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
                    "web"}) == address);
    world.ok({"restart", "-t", "0", "web"});
    CHECK(world.ok({"inspect", "--format", "{{.State.Status}}", "web"}) == "running");
    world.ok({"rename", "web", "shop"});
    CHECK(world.ok({"rm", "-f", "shop"}) == "shop");
    CHECK(world.berth({"rm", "shop"}).exit_code == 1);
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE(
    "run -d of a program that is not there: the container's id, the error, and the container as created") {
    World world;
    world.tiny_image();
    const Run run = world.berth({"run", "-d", "--name", "none", "tiny", "/nosuch"});
    CHECK(run.exit_code == 127);
    CHECK(trim(run.out) == world.ok({"ps", "-aq", "--no-trunc", "--filter", "status=created"}));
    CHECK_FALSE(run.err.empty());
}

TEST_CASE("restart policies") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "twice", "--restart", "on-failure:2", "tiny", "sh", "-c",
              "echo run; exit 3"});
    CHECK(world.ok({"wait", "twice"}) == "3");
    CHECK(world.ok({"inspect", "--format", "{{.RestartCount}}", "twice"}) == "2");
    CHECK(world.ok({"logs", "twice"}) == "run\nrun\nrun");
    world.ok({"run", "-d", "--name", "clean", "--restart", "on-failure", "tiny", "true"});
    CHECK(world.ok({"wait", "clean"}) == "0");
    CHECK(world.ok({"inspect", "--format", "{{.RestartCount}}", "clean"}) == "0");
    world.ok({"run", "-d", "--name", "always", "--restart", "always", "tiny", "sleep", "1000"});
    world.ok({"stop", "-t", "0", "always"});
    CHECK(world.ok({"inspect", "--format", "{{.State.Status}}", "always"}) == "exited");
}

TEST_CASE("--rm of a detached container removes it when it ends, without anybody waiting") {
    World world;
    world.tiny_image();
    const std::string id = world.ok({"run", "-d", "--rm", "tiny", "sh", "-c", "read line"});
    (void)world.berth({"wait", id});
    for (int i = 0; i < 50 && !world.ok({"ps", "-aq"}).empty(); ++i)
        (void)host("sleep", {"0.1"});
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("--rm: gone when run or stop returns, kept by restart") {
    World world;
    world.tiny_image();
    CHECK(world.ok({"run", "--rm", "-p", "8080:80", "tiny", "echo", "done"}) == "done");
    CHECK(world.ok({"ps", "-aq"}).empty());
    world.ok({"run", "-d", "--rm", "--name", "web", "-p", "8080:80", "tiny", "sleep", "1000"});
    world.ok({"exec", "web", "touch", "/written"});
    world.ok({"restart", "-t", "0", "web"}); // its layer, which was never synced, is mounted again
    CHECK(world.ok({"exec", "web", "ls", "/written"}) == "/written");
    CHECK(world.berth({"run", "--rm", "-p", "8080:80", "tiny", "true"}).exit_code == 125);
    world.ok({"stop", "-t", "0", "web"});
    CHECK(world.ok({"ps", "-aq"}).empty());
    world.ok({"run", "--rm", "-p", "8080:80", "tiny", "true"});
}

TEST_CASE("pause and unpause freeze and thaw") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "p", "tiny", "sleep", "1000"});
    world.ok({"pause", "p"});
    CHECK_THAT(world.ok({"ps"}), ContainsSubstring("(Paused)"));
    world.ok({"unpause", "p"});
    CHECK(world.ok({"exec", "p", "echo", "awake"}) == "awake");
}

TEST_CASE("sizes: what the container wrote, and that with its image") {
    World world;
    world.tiny_image();
    world.ok({"run", "--name", "box", "tiny", "sh", "-c", "echo 1234567 > /file"});
    CHECK_THAT(world.ok({"ps", "-a", "-s", "--format", "{{.Size}}"}),
               ContainsSubstring("8B (virtual ") && ContainsSubstring("MB)"));
    CHECK(world.ok({"inspect", "-s", "-f", "{{.SizeRw}} {{gt .SizeRootFs 1000000}}", "box"}) == "8 true");
}

TEST_CASE("stop of several containers stops them side by side") {
    World world;
    world.tiny_image();
    // The first ends only once the second was told to: one after the other, it would be killed.
    const std::string loop = "; while true; do sleep 0.05; done";
    world.ok({"run", "-d", "--name", "first", "-v", "shared:/s", "tiny", "sh", "-c",
              "trap 'while [ ! -e /s/told ]; do sleep 0.05; done; exit 0' TERM; touch /s/first" + loop});
    world.ok({"run", "-d", "--name", "second", "-v", "shared:/s", "tiny", "sh", "-c",
              "trap 'touch /s/told; exit 0' TERM; touch /s/second" + loop});
    world.ok(
        {"exec", "second", "sh", "-c", "until [ -e /s/first ] && [ -e /s/second ]; do sleep 0.05; done"});
    CHECK(world.ok({"stop", "-t", "20", "first", "second"}) == "first\nsecond");
    CHECK(world.ok({"inspect", "-f", "{{.State.ExitCode}}", "first", "second"}) == "0\n0");
}

TEST_CASE("run --init: pid 1 has a name of its own, whatever started it") {
    World world;
    world.tiny_image();
    CHECK(world.ok({"run", "--rm", "--init", "tiny", "cat", "/proc/1/comm"}) == "berth-init");
    CHECK(world.ok({"run", "--rm", "--init", "tiny", "sh", "-c", "tr -d '\\0' < /proc/1/cmdline"}) ==
          "berth-init");
    CHECK(world.ok({"run", "--rm", "--init", "-u", "1000", "tiny", "cat", "/proc/1/comm"}) == "berth-init");
}

TEST_CASE("run --ulimit nofile: a number too small for our own steps holds for the program alone") {
    World world;
    world.tiny_image();
    for (const auto* limit : {"3", "5", "10", "63", "64", "100"}) {
        CAPTURE(limit);
        CHECK(world.ok({"run", "--rm", "--ulimit", concat("nofile=", limit, ":", limit), "tiny", "sh", "-c",
                        "ulimit -n; ulimit -Hn"}) == concat(limit, "\n", limit));
    }
    CHECK(world.ok({"run", "--rm", "--init", "--ulimit", "nofile=4:200", "tiny", "sh", "-c",
                    "ulimit -n; ulimit -Hn"}) == "4\n200");
}

TEST_CASE("run --cpus: more than there are, and less than can be, are refused") {
    World world;
    world.tiny_image();
    const Run many = world.berth({"run", "--rm", "--cpus", "99999", "tiny", "true"});
    CHECK(many.exit_code == 125);
    CHECK_THAT(many.err,
               ContainsSubstring("range of CPUs is from 0.01 to ") && ContainsSubstring(" CPUs available"));
    CHECK(world.berth({"run", "--rm", "--cpus", "0.001", "tiny", "true"}).exit_code == 125);
    world.ok({"run", "--rm", "--cpus", "1", "tiny", "true"});
}

TEST_CASE("run -v: a folder on a file, or a file on a folder, is said in words") {
    World world;
    world.tiny_image();
    const auto& host_side = world.project();
    // As in Docker, a source that is missing becomes a folder; the image has a file there.
    const Run folder =
        world.berth({"run", "--rm", "-v", host_side + "/missing.conf:/etc/passwd", "tiny", "true"});
    CHECK(folder.exit_code == 125);
    CHECK_THAT(folder.err, ContainsSubstring("missing.conf' on '/etc/passwd'") &&
                               ContainsSubstring("a folder cannot be mounted on a file") &&
                               ContainsSubstring("hint:"));
    world.write("file", "x");
    const Run file = world.berth({"run", "--rm", "-v", host_side + "/file:/etc", "tiny", "true"});
    CHECK(file.exit_code == 125);
    CHECK_THAT(file.err, ContainsSubstring("a file cannot be mounted on a folder"));
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("run -v: a folder of berth's own state is mounted with a warning, a volume's without") {
    World world;
    world.tiny_image();
    const Run inside = world.berth({"run", "--rm", "-v", world.paths().containers() + ":/x", "tiny", "true"});
    CHECK(inside.exit_code == 0);
    CHECK_THAT(inside.err, ContainsSubstring("where berth keeps its state"));
    world.ok({"volume", "create", "v"});
    CHECK(world.berth({"run", "--rm", "-v", world.paths().volumes() + "/v/_data:/x", "tiny", "true"})
              .err.empty());
}

TEST_CASE("run: flags that only one value can be true of are accepted with it and refused otherwise") {
    World world;
    world.tiny_image();
    world.ok({"run", "--rm", "--isolation", "default", "--disable-content-trust", "--volume-driver", "local",
              "tiny", "true"});
    for (const auto& bad : {std::vector<std::string>{"--isolation", "hyperv"},
                            {"--disable-content-trust=false"},
                            {"--volume-driver", "nfs"}}) {
        std::vector<std::string> args{"run", "--rm"};
        args.insert(args.end(), bad.begin(), bad.end());
        args.insert(args.end(), {"tiny", "true"});
        CHECK(world.berth(args).exit_code == 125);
    }
}
