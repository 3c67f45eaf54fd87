// Commands and monitors that are killed at any moment: the next command must understand what is there, and down -v must
// leave the host as it was.
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <random>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const char* k_stack =
    "services:\n"
    "  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    ports: [\"8080:80\"]\n "
    "   volumes: [\"data:/data\", \"/anonymous\"]\n    depends_on: [db]\n    mem_limit: 64m\n"
    "  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    healthcheck: {test: "
    "[CMD, \"true\"], interval: 1s}\n"
    "volumes:\n  data:\n";

// Starts berth and kills it with the signal after so many microseconds; true when it was still running.
bool interrupted(World& world, std::vector<std::string> args, int microseconds, int signal) {
    SpawnOptions options;
    options.program = BERTH_PROGRAM;
    options.argv = {"berth"};
    options.argv.insert(options.argv.end(), args.begin(), args.end());
    options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                   "BERTH_DATA_ROOT=" + world.paths().data_root(),
                   "BERTH_EXEC_ROOT=" + world.paths().exec_root()};
    options.cwd = world.project();
    const Fd quiet = open_file("/dev/null", O_RDWR).value();
    options.fds = {{quiet.get(), 0}, {quiet.get(), 1}, {quiet.get(), 2}};
    const auto child = spawn(options);
    REQUIRE(child);
    ::usleep(static_cast<useconds_t>(microseconds));
    const bool running = ::kill(static_cast<pid_t>(child->pid), signal) == 0;
    int status = 0;
    ::waitpid(static_cast<pid_t>(child->pid), &status, 0);
    return running;
}

// A signal is only sent when kill() returns.
void kill_and_wait(pid_t pid) {
    const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    REQUIRE(process.valid());
    REQUIRE(::kill(pid, SIGKILL) == 0);
    pollfd ended{process.get(), POLLIN, 0};
    REQUIRE(::poll(&ended, 1, 10000) == 1);
}

} // namespace

TEST_CASE("up and down killed at random moments: the next up converges, the next down leaves nothing",
          "[.storm]") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_stack);
    world.compose_ok({"up", "-d", "--wait"});
    world.compose_ok({"down", "-v"});
    settle_links(1);
    REQUIRE(write_atomic(world.paths().container_names() + "/.lock", "")); // made by the first sweep of names
    const std::string before = host_state(world.paths());
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 25; ++round) {
        const int signal = round % 3 == 0 ? SIGINT : SIGKILL;
        const int delay = static_cast<int>(random() % 150000);
        CAPTURE(round, signal, delay);
        (void)interrupted(world, {"compose", "up", "-d"}, delay, signal);
        if (round % 2 == 0) {
            const Run up = world.compose({"up", "-d", "--wait"});
            CAPTURE(up.err);
            CHECK(up.exit_code == 0);
            const auto shown = world.compose_ok({"ps", "-a"});
            const auto errors =
                world
                    .berth({"inspect", "-f", "{{.State.Status}} {{.State.Error}} {{json .State}}",
                            "proj-db-1", "proj-web-1"})
                    .out;
            CAPTURE(shown, errors);
            CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
            (void)interrupted(world, {"compose", "down", "-v"}, static_cast<int>(random() % 60000), SIGKILL);
        }
        const Run down = world.compose({"down", "-v"});
        CAPTURE(down.err);
        CHECK(down.exit_code == 0);
        settle_links(1);
        REQUIRE(host_state(world.paths()) == before);
    }
}

TEST_CASE("run killed at random moments: rm -f of what is there leaves nothing", "[.storm]") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "victim", "-p", "8080:80", "-v", "/anon", "tiny", "true"});
    world.ok({"rm", "-f", "-v", "victim"});
    settle_links(2);
    REQUIRE(write_atomic(world.paths().container_names() + "/.lock", "")); // made by the first sweep of names
    const std::string before = host_state(world.paths());
    const auto seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 30; ++round) {
        const int delay = static_cast<int>(random() % 40000);
        CAPTURE(round, delay);
        (void)interrupted(
            world, {"run", "-d", "--name", "victim", "-p", "8080:80", "-v", "/anon", "tiny", "sleep", "1000"},
            delay, SIGKILL);
        const Run list = world.berth({"ps", "-aq"});
        CHECK(list.exit_code == 0);
        for (const auto& id : split(list.out, '\n'))
            if (!id.empty()) {
                const Run removed = world.berth({"rm", "-f", "-v", id});
                INFO(removed.err);
                CHECK(removed.exit_code == 0);
            }
        // The name and the port are free again.
        world.ok({"run", "-d", "--name", "victim", "-p", "8080:80", "-v", "/anon", "tiny", "sleep", "1000"});
        world.ok({"rm", "-f", "-v", "victim"});
        (void)world.berth({"volume", "prune", "-f", "-a"});
        settle_links(2);
        REQUIRE(host_state(world.paths()) == before);
    }
}

TEST_CASE("a killed monitor: the container is shown as ended, and start, rm and down work") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_stack);
    world.compose_ok({"up", "-d"});
    const std::string pids = host("pidof", {"berth-monitor"}).out;
    for (const auto& pid : split(std::string(trim(pids)), ' '))
        kill_and_wait(static_cast<pid_t>(parse_integer(pid).value()));
    CHECK(world.compose_ok({"ps", "-q"}).empty());
    CHECK_THAT(world.compose_ok({"ps", "-a"}), ContainsSubstring("Exited (137)"));
    world.compose_ok({"up", "-d"});
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
    world.compose_ok({"down", "-v"});
    CHECK(host("sh", {"-c", "ps -o args= -A | grep -c '[s]leep 1000' || true"}).out == "0\n");
}

TEST_CASE(
    "run --rm whose command is killed, or stands still, when the container ends: its monitor cleans up") {
    World world;
    world.tiny_image();
    for (const int signal : {SIGKILL, SIGSTOP}) {
        CAPTURE(signal);
        SpawnOptions options;
        options.program = BERTH_PROGRAM;
        options.argv = {"berth", "run", "--rm", "--name", "box", "-p", "8080:80", "tiny", "sleep", "1000"};
        options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                       "BERTH_DATA_ROOT=" + world.paths().data_root(),
                       "BERTH_EXEC_ROOT=" + world.paths().exec_root()};
        const Fd quiet = open_file("/dev/null", O_RDWR).value();
        options.fds = {{quiet.get(), 0}, {quiet.get(), 1}, {quiet.get(), 2}};
        const auto child = spawn(options);
        REQUIRE(child);
        for (int i = 0; i < 100 && world.ok({"ps", "-q"}).empty(); ++i)
            ::usleep(50'000);
        REQUIRE(::kill(static_cast<pid_t>(child->pid), signal) == 0);
        const auto pid = parse_integer(world.ok({"inspect", "-f", "{{.State.Pid}}", "box"}));
        REQUIRE(pid);
        kill_and_wait(static_cast<pid_t>(*pid));
        for (int i = 0; i < 100 && !world.ok({"ps", "-aq"}).empty(); ++i)
            ::usleep(50'000);
        CHECK(world.ok({"ps", "-aq"}).empty());
        (void)::kill(static_cast<pid_t>(child->pid), SIGCONT);
        int status = 0;
        ::waitpid(static_cast<pid_t>(child->pid), &status, 0);
        if (signal == SIGSTOP) CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 137));
        world.ok({"run", "--rm", "-p", "8080:80", "tiny", "true"}); // the port is free
    }
}

TEST_CASE("a killed first process: exit code 137, restart policy obeyed") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "plain", "tiny", "sleep", "1000"});
    world.ok({"run", "-d", "--name", "again", "--restart", "always", "tiny", "sleep", "1000"});
    for (const auto* name : {"plain", "again"}) {
        const auto pid = parse_integer(world.ok({"inspect", "--format", "{{.State.Pid}}", name})).value();
        REQUIRE(::kill(static_cast<pid_t>(pid), SIGKILL) == 0);
    }
    CHECK(world.ok({"wait", "plain"}) == "137");
    for (int i = 0; i < 100 && world.ok({"inspect", "--format", "{{.RestartCount}} {{.State.Status}}",
                                         "again"}) != "1 running";
         ++i)
        ::usleep(50000);
    CHECK(world.ok({"inspect", "--format", "{{.RestartCount}} {{.State.Status}}", "again"}) == "1 running");
}

TEST_CASE("a reboot: everything in the exec root is gone, records say so, up works, volumes are whole") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_stack);
    world.compose_ok({"up", "-d"});
    world.compose_ok({"exec", "-T", "web", "sh", "-c", "echo kept > /data/file"});
    const std::string pids =
        host("sh", {"-c", "pidof berth-monitor; ps -o pid=,args= -A | awk '/[s]leep 1000/ {print $1}'"}).out;
    for (const auto& line : split(pids, '\n'))
        for (const auto& pid : split(line, ' '))
            if (!pid.empty()) ::kill(static_cast<pid_t>(parse_integer(trim(pid)).value_or(0)), SIGKILL);
    settle_links(2);
    for (const auto& link : split(host("sh", {"-c", "ip -o link | awk -F': ' '/br-/ {print $2}'"}).out, '\n'))
        if (!link.empty()) (void)host("ip", {"link", "del", link});
    (void)host("nft", {"flush", "ruleset"});
    REQUIRE(remove_tree(world.paths().exec_root()));
    CHECK(world.compose_ok({"ps", "-q"}).empty());
    world.compose_ok({"up", "-d"});
    CHECK(world.compose_ok({"exec", "-T", "web", "cat", "/data/file"}) == "kept");
    world.compose_ok({"down", "-v"});
}

TEST_CASE("a network whose removal was killed: prune takes the rest down") {
    World world;
    world.ok({"network", "create", "--subnet", "10.77.0.0/24", "half"});
    const std::string id = world.ok({"network", "inspect", "--format", "{{.Id}}", "half"});
    const std::string folder = concat(world.paths().networks(), "/", id);
    REQUIRE(::rename((folder + "/network.json").c_str(), (folder + "/retired.json").c_str()) == 0);
    CHECK(world.ok({"network", "ls", "--format", "{{.Name}}"}).find("half") == std::string::npos);
    world.ok({"network", "prune", "-f"});
    CHECK_FALSE(path_exists(folder));
    CHECK(host("ip", {"-o", "link"}).out.find("br-" + id.substr(0, 12)) == std::string::npos);
    CHECK(host("nft", {"list", "ruleset"}).out.find(id.substr(0, 12)) == std::string::npos);
}

TEST_CASE("what killed creates leave without a record goes with the next down") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_stack);
    world.compose_ok({"up", "-d"});
    world.compose_ok({"down", "-v"});
    const std::string nobody(64, 'a');
    const std::string name = concat(world.paths().container_names(), "/proj-web-7");
    const std::string content = concat(world.paths().data_root(), "/content/", nobody);
    REQUIRE(::symlink(nobody.c_str(), name.c_str()) == 0);
    REQUIRE(make_dirs(content));
    REQUIRE(write_atomic(content + "/0", "half"));
    world.compose_ok({"down", "-v"});
    struct stat info {};
    CHECK(::lstat(name.c_str(), &info) != 0);
    CHECK_FALSE(path_exists(content));
}
