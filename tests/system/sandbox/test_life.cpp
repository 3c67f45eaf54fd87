// What the monitor does while a container lives: streams, stopping, restarting, health, exec, names.
#include "runtime/base/file.hpp"
#include "runtime/base/name_record.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/sandbox/stage.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace berth;
using namespace berth::test;
using runtime::Health;

namespace {

bool is_running(const runtime::ContainerState& state) {
    return state.status == runtime::Status::running;
}

Fd new_netns() { // with lo up
    Fd result;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0) return;
        const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        struct {
            char name[16] = "lo";
            short flags = 1;
            char rest[22] = {};
        } request;
        if (::ioctl(socket.get(), 0x8914 /* SIOCSIFFLAGS */, &request) != 0) return;
        result = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    return result;
}

void write_name(const std::string& folder, const NameRecord& record) {
    REQUIRE(make_dirs(folder));
    REQUIRE(write_atomic(join_path(folder, record.container_id), to_wire(record)));
}

} // namespace

TEST_CASE("stop: the signal, then SIGKILL after the time-out") {
    Stage stage;
    SECTION("obeyed") {
        stage.shell("trap 'exit 3' TERM; echo up; while :; do sleep 0.05; done");
        stage.start();
        (void)stage.wait_for(is_running);
        while (!path_exists(stage.folder() + "/log/container.log") || stage.log().empty())
            ::usleep(1000);
        const auto state = stage.stop();
        CHECK(state.exit_code == 3);
        CHECK(state.stopped_by_user);
    }
    SECTION("ignored") {
        stage.shell("trap '' TERM; while :; do sleep 1; done");
        stage.start();
        CHECK(stage.stop(50'000'000).exit_code == 137);
    }
    SECTION("another signal, by name of the request") {
        stage.shell("trap 'exit 4' USR1; echo up; while :; do sleep 0.05; done");
        stage.start();
        while (stage.log().empty())
            ::usleep(1000);
        CHECK(stage.stop(-1, SIGUSR1).exit_code == 4);
    }
    CHECK_FALSE(path_exists(stage.plan.exec_dir + "/control.sock"));
}

TEST_CASE("a restart policy counts, backs off, and a stop wins over it") {
    Stage stage;
    SECTION("on-failure with a limit") {
        stage.plan.restart = {monitor::RestartKind::on_failure, 2};
        stage.shell("echo again; exit 5");
        stage.start();
        const auto state = stage.wait_end();
        CHECK(state.restart_count == 2);
        CHECK(state.exit_code == 5);
        CHECK(stage.log() == "again\nagain\nagain\n");
    }
    SECTION("always, stopped between two runs") {
        stage.plan.restart = {monitor::RestartKind::always, 0};
        stage.shell("exit 0");
        stage.start();
        (void)stage.wait_for([](const auto& state) {
            return state.restart_count >= 2 && state.status == runtime::Status::restarting;
        });
        const auto state = stage.stop();
        CHECK(state.status == runtime::Status::exited);
    }
    SECTION("success is no failure") {
        stage.plan.restart = {monitor::RestartKind::on_failure, 0};
        stage.shell("exit 0");
        stage.start();
        CHECK(stage.wait_end().restart_count == 0);
    }
}

TEST_CASE("a container that is out of memory is told apart from one that was killed") {
    Stage stage;
    stage.spec.linux_.resources.memory = oci::Memory{};
    stage.spec.linux_.resources.memory->limit = 16 << 20;
    stage.spec.linux_.resources.memory->swap = 16 << 20;
    SECTION("out of memory") {
        stage.spec.process.args = {"/bin/sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=200M count=1"};
        stage.start();
        const auto state = stage.wait_end();
        CHECK(state.exit_code == 137);
        CHECK(state.oom_killed);
    }
    SECTION("killed") {
        stage.shell("sleep 100");
        stage.start();
        monitor::Request request;
        request.kind = monitor::RequestKind::signal;
        request.signal = SIGKILL;
        CHECK(stage.ask(request).ok);
        const auto state = stage.wait_end();
        CHECK(state.exit_code == 137);
        CHECK_FALSE(state.oom_killed);
    }
}

TEST_CASE("health: probes start early, a success is pushed at once, failures count slowly") {
    Stage stage;
    stage.plan.has_health = true;
    stage.plan.health.interval_ns = 3'600'000'000'000; // an hour: only the early probes can be meant
    stage.plan.health.timeout_ns = 10'000'000'000;
    SECTION("healthy") {
        stage.shell("sleep 0.1; touch /ready; sleep 100");
        REQUIRE(stage.prepare().empty());
        stage.plan.health.process = stage.plan.launch.process;
        stage.plan.health.process.argv = {"/bin/sh", "-c",
                                          "echo look; grep CapEff /proc/self/status; test -e /ready"};
        stage.start();
        const auto state = stage.wait_for([](const auto& s) { return s.health == Health::healthy; });
        REQUIRE_FALSE(state.probes.empty());
        CHECK(state.probes.back().output.find("look\nCapEff:\t00000000800425fb") == 0);
        CHECK(state.failing_streak == 0);
    }
    SECTION("unhealthy, and a hanging probe dies with its children") {
        stage.plan.health.interval_ns = 20'000'000;
        stage.plan.health.timeout_ns = 50'000'000;
        stage.plan.health.retries = 2;
        stage.shell("sleep 100");
        REQUIRE(stage.prepare().empty());
        stage.plan.health.process = stage.plan.launch.process;
        stage.plan.health.process.argv = {"/bin/sh", "-c", "setsid sleep 777 & sleep 777"};
        stage.start();
        const auto state = stage.wait_for([](const auto& s) { return s.health == Health::unhealthy; });
        CHECK(state.failing_streak >= 2);
        CHECK(state.probes.back().exit_code == -1);
        CHECK(state.probes.back().output.find("exceeded timeout") != std::string::npos);
        const auto left = stage.exec({"/bin/sh", "-c", "ps | grep -c '[s]leep 777'"});
        CHECK(parse_integer(trim(left.output)).value() <=
              2); // the probe that runs at this moment, no older ones
    }
    (void)stage.stop(0);
}

TEST_CASE("exec runs with the container's policy, its own user and its exit code") {
    Stage stage;
    stage.shell("sleep 100");
    stage.start();
    auto result =
        stage.exec({"/bin/sh", "-c",
                    "grep -E 'CapEff|CapInh' /proc/self/status; hostname; cat /proc/self/cgroup | grep ^0; "
                    "ls /proc/self/fd | wc -l; exit 6"});
    CHECK(result.output == "CapInh:\t0000000000000000\nCapEff:\t00000000800425fb\nbox\n0::/\n4\n");
    CHECK(result.exit_code == 6);
    result = stage.exec({"id"}, [](sandbox::ProcessPlan& process) {
        process.uid = process.gid = 1000;
        process.caps.effective = process.caps.permitted = 0;
    });
    CHECK(result.output == "uid=1000(app) gid=1000\n");
    result = stage.exec({"nonesuch"});
    CHECK(result.exit_code == 127);
    result = stage.exec({"/proc/self/exe"});
    CHECK(result.exit_code == 126);
    result = stage.exec({"pwd"}, [](sandbox::ProcessPlan& process) {
        process.cwd = "/proc/self/fd/5";
        process.create_cwd = false;
    });
    CHECK(result.reply.phase == monitor::StartPhase::failed);
    Fd terminal;
    result = stage.exec(
        {"/bin/sh", "-c", "tty; stty size; echo end; read line"},
        [](sandbox::ProcessPlan& process) {
            process.rows = 33;
            process.columns = 77;
        },
        &terminal);
    CHECK(result.output == "/dev/pts/0\r\n33 77\r\nend\r\n");
    (void)stage.stop(0);
}

TEST_CASE("exec into a container that has ended is refused") {
    Stage stage;
    stage.shell("true");
    stage.start();
    (void)stage.wait_end();
    CHECK(stage.exec({"true"}).reply.phase == monitor::StartPhase::failed);
}

TEST_CASE("a terminal is the container's own, and can be resized") {
    Stage stage;
    stage.spec.process.terminal = true;
    stage.plan.open_stdin = true;
    stage.shell(
        "tty; stty size; stat -c %t:%T /dev/console; read line; echo \"got $line\"; stty size; read line");
    stage.start();
    const Fd attach = stage.connect();
    auto in = make_pipe();
    auto out = make_pipe();
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    request.want_stdin = request.want_stdout = true;
    request.rows = 11;
    request.columns = 22;
    REQUIRE(send_packet(attach.get(), to_wire(request), {in->read.get(), out->write.get()}));
    in->read.reset();
    out->write.reset();
    monitor::Request resize;
    resize.kind = monitor::RequestKind::resize;
    resize.rows = 44;
    resize.columns = 55;
    CHECK(stage.ask(resize).ok);
    REQUIRE(write_all(in->write.get(), "hello\r", "stdin"));
    const std::string text = read_until(out->read.get(), "got hello\r\n44 55\r\n");
    REQUIRE(write_all(in->write.get(), "\r", "stdin"));
    CHECK(text.find("got hello\r\n44 55\r\n") != std::string::npos);
    const auto state = stage.wait_end();
    CHECK(state.exit_code == 0);
    CHECK(stage.log().find("/dev/pts/0") != std::string::npos);
    CHECK(stage.log().find("88:0") != std::string::npos); // the pty, 136:0, on /dev/console
}

TEST_CASE("standard input of an attached client reaches the process, its end too") {
    Stage stage;
    stage.plan.open_stdin = stage.plan.stdin_once = true;
    stage.spec.process.args = {"/bin/wc", "-c"};
    stage.start();
    const Fd attach = stage.connect();
    auto in = make_pipe();
    auto out = make_pipe();
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    request.want_stdin = request.want_stdout = true;
    REQUIRE(send_packet(attach.get(), to_wire(request), {in->read.get(), out->write.get()}));
    in->read.reset();
    out->write.reset();
    std::thread writer([&] {
        (void)write_all(in->write.get(), std::string(3'000'000, 'x'), "stdin");
        in->write.reset();
    });
    CHECK(drain(out->read.get()) == "3000000\n");
    writer.join();
    CHECK(stage.wait_end().exit_code == 0);
}

TEST_CASE("a client that does not read loses nothing and holds up nobody") {
    Stage stage;
    stage.shell("head -c 5000000 /dev/zero | tr '\\0' y; echo; exit 0");
    stage.plan.log.directory.clear();
    stage.plan.open_stdin = true;
    REQUIRE(stage.prepare().empty());
    stage.shell("read go; head -c 5000000 /dev/zero | tr '\\0' y");
    stage.start();
    const Fd attach = stage.connect();
    auto in = make_pipe();
    auto out = make_pipe();
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    request.want_stdin = request.want_stdout = true;
    REQUIRE(send_packet(attach.get(), to_wire(request), {in->read.get(), out->write.get()}));
    out->write.reset();
    REQUIRE(write_all(in->write.get(), "go\n", "stdin"));
    // The container ends although nothing has been read.
    (void)stage.wait_for([](const auto& state) { return state.status == runtime::Status::exited; });
    CHECK(drain(out->read.get()).size() == 5'000'000);
    CHECK(stage.wait_end().exit_code == 0);
}

TEST_CASE("logs are cut into lines, rotated, and survive a full disk") {
    Stage stage;
    stage.plan.log.max_size = 100'000;
    stage.plan.log.max_files = 3;
    stage.shell("seq 1 20000; printf 'no newline'");
    stage.start();
    CHECK(stage.wait_end().exit_code == 0);
    const auto files = list_dir(stage.plan.log.directory);
    REQUIRE(files);
    CHECK(*files == std::vector<std::string>{"container.log", "container.log.1", "container.log.2"});
    for (const auto& file : *files) {
        struct stat info {};
        REQUIRE(::stat(join_path(stage.plan.log.directory, file).c_str(), &info) == 0);
        CHECK(info.st_size <= 101'000);
    }
    const std::string log = stage.log();
    CHECK(log.ends_with("no newline"));
}

TEST_CASE("a full disk takes log lines but never the container") {
    Stage stage;
    const std::string small = stage.folder() + "/small";
    REQUIRE(make_dirs(small));
    REQUIRE(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k") == 0);
    stage.plan.log.directory = small;
    stage.shell("seq 1 20000; exit 3");
    stage.start();
    CHECK(stage.wait_end().exit_code == 3);
    const auto text = read_file(small + "/container.log");
    REQUIRE(text);
    CHECK((text->empty() || text->back() == '\n'));
    REQUIRE(::umount(small.c_str()) == 0);
}

TEST_CASE("names of the container's networks are served, others not on an internal one") {
    Stage stage;
    stage.netns = new_netns();
    REQUIRE(stage.netns);
    const std::string folder = stage.folder() + "/names";
    write_name(folder, {"aaa", "shop-web-1", {"web", "shop-web-1"}, "10.1.2.3", "fd00::3"});
    write_name(folder, {"bbb", "shop-web-2", {"web", "shop-web-2"}, "10.1.2.4", ""});
    stage.plan.names.serve = true;
    stage.plan.names.folders = {folder};
    stage.plan.names.networks = {"shop_front"};
    stage.plan.names.forward = false;
    stage.plan.name_files = {folder + "/aaa"};
    stage.in_layer("/etc/resolv.conf", "nameserver 127.0.0.11\n");
    stage.shell("sleep 100");
    stage.start();
    INFO(stage.start_reply().step);
    REQUIRE(stage.start_reply().phase == monitor::StartPhase::started);
    const auto look = [&](const std::string& name, const std::string& type = "a") {
        return stage.exec({"/bin/sh", "-c", concat("nslookup -type=", type, " ", name, " 2>&1")}).output;
    };
    CHECK(look("web").find("10.1.2.3") != std::string::npos);
    CHECK(look("web").find("10.1.2.4") != std::string::npos);
    CHECK(look("WEB.shop_front").find("10.1.2.4") != std::string::npos);
    CHECK(look("web", "aaaa").find("fd00::3") != std::string::npos);
    CHECK(look("shop-web-2", "aaaa").find("NXDOMAIN") == std::string::npos);
    CHECK(look("3.2.1.10.in-addr.arpa", "ptr").find("shop-web-1.shop_front") != std::string::npos);
    CHECK(look("example.org").find("NXDOMAIN") != std::string::npos);
    write_name(folder, {"ccc", "late", {"late"}, "10.1.2.5", ""});
    CHECK(look("late").find("10.1.2.5") != std::string::npos);
    (void)stage.stop(0);
    CHECK_FALSE(path_exists(folder + "/aaa"));
    CHECK(path_exists(folder + "/bbb"));
}

TEST_CASE("the container outlives the command's connection, and dies when the start is given up") {
    Stage stage;
    stage.shell("sleep 100");
    stage.start();
    CHECK(is_running(stage.wait_for(is_running)));
    (void)stage.stop(0);
}
