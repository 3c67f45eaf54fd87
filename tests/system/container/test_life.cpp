// Create, start, stop, signals, freezing, joined namespaces, logs: through the room's own functions.
#include "runtime/base/file.hpp"
#include "runtime/container/control.hpp"
#include "runtime/container/inspect.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/container/stand.hpp"

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

using namespace berth;
using namespace berth::test;
using CStatus = berth::runtime::Status;

TEST_CASE("a start that cannot be leaves a created container with docker's exit code, and nothing else") {
    Stand stand;
    struct Case {
        std::vector<std::string> command;
        ErrorCode code;
        int exit_code;
    };
    const std::vector<Case> cases{{{"no-such-program"}, ErrorCode::command_not_found, 127},
                                  {{"/no/such/file"}, ErrorCode::command_not_found, 127},
                                  {{"/etc/passwd"}, ErrorCode::command_not_executable, 126},
                                  {{"/etc"}, ErrorCode::command_not_executable, 126}};
    for (const auto& entry : cases) {
        CAPTURE(entry.command[0]);
        const auto id = stand.create("", "", [&](auto& spec) { spec.command = entry.command; });
        const auto started = runtime::start(stand.context, id, {});
        REQUIRE_FALSE(started);
        CHECK(started.error().code() == entry.code);
        const auto state = runtime::read_container(stand.context, id)->state;
        CHECK(state.status == CStatus::created);
        CHECK(state.exit_code == entry.exit_code);
        CHECK_FALSE(state.error.empty());
        CHECK(stand.leaves_no_cgroup(id));
        CHECK_FALSE(path_exists(stand.context.paths.container_exec(id)));
    }
    const auto id = stand.create("", "true", [](auto& spec) {
        runtime::Mount mount;
        mount.source = "/no/such/folder";
        mount.target = "/x";
        spec.mounts = {mount};
    });
    const auto started = runtime::start(stand.context, id, {});
    REQUIRE_FALSE(started);
    CHECK(started.error().to_string().find("/no/such/folder") != std::string::npos);
    CHECK(stand.leaves_no_cgroup(id));
}

TEST_CASE("from created over running to exited, again and again") {
    Stand stand;
    const auto id = stand.create("web", "echo run; exit 3");
    for (int round = 0; round < 3; ++round) {
        REQUIRE(runtime::start(stand.context, id, {}));
        const auto state = stand.wait_end(id);
        CHECK(state.status == CStatus::exited);
        CHECK(state.exit_code == 3);
    }
    CHECK(stand.log(id) == "run\nrun\nrun\n");
    CHECK(stand.leaves_no_cgroup(id));
    REQUIRE(runtime::remove(stand.context, id, false));
}

TEST_CASE("what runs: started again it goes on, removed only by force") {
    Stand stand;
    const auto id = stand.start("web", "trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    const auto again = runtime::start(stand.context, id, {});
    REQUIRE(again);
    CHECK(again->process == runtime::read_container(stand.context, id)->state.process);
    const auto removed = runtime::remove(stand.context, id, false);
    REQUIRE_FALSE(removed);
    CHECK(removed.error().code() == ErrorCode::in_use);

    const auto stopped = runtime::stop(stand.context, id, {});
    REQUIRE(stopped);
    CHECK(stopped->exit_code == 4);
    CHECK(runtime::stop(stand.context, id, {}));

    REQUIRE(runtime::start(stand.context, id, {}));
    REQUIRE(runtime::remove(stand.context, id, true));
    CHECK(stand.leaves_no_cgroup(id));
    CHECK(list_dir(stand.context.paths.containers())->empty());
}

TEST_CASE("kill sends the signal that was asked for") {
    Stand stand;
    const auto id = stand.start("web", "trap 'echo usr; exit 5' USR1; echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    REQUIRE(runtime::send_signal(stand.context, id, SIGUSR1));
    CHECK(stand.wait_end(id).exit_code == 5);
    CHECK_FALSE(runtime::send_signal(stand.context, id, SIGUSR1));
}

TEST_CASE("a pause that hangs on a descriptor ends with it, also when its process is killed") {
    Stand stand;
    const auto id = stand.start("held", "while :; do sleep 0.05; done");
    const auto status = [&] { return runtime::read_container(stand.context, id)->state.status; };
    // The monitor serves in order: when it has answered this, it has seen the end of the connection before.
    const auto after_the_monitor = [&] {
        monitor::Request request;
        request.kind = monitor::RequestKind::resize;
        (void)runtime::ask(stand.context, id, request);
    };
    {
        auto held = runtime::pause_while_open(stand.context, id);
        REQUIRE(held);
        CHECK(status() == CStatus::paused);
        CHECK_FALSE(runtime::pause_while_open(stand.context, id)); // it is paused already
        after_the_monitor();
    }
    after_the_monitor();
    CHECK(status() == CStatus::running);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const auto held = runtime::pause_while_open(stand.context, id);
        ::raise(held && status() == CStatus::paused ? SIGKILL : SIGABRT);
        ::_exit(1);
    }
    int ended = 0;
    REQUIRE(::waitpid(child, &ended, 0) == child);
    CHECK((WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL));
    after_the_monitor();
    CHECK(status() == CStatus::running);
    REQUIRE(runtime::stop(stand.context, id, {std::chrono::nanoseconds(0), 0}));
    CHECK_FALSE(runtime::pause_while_open(stand.context, id)); // nobody would let it go on
}

TEST_CASE("a paused container stands still, says so, and can be stopped") {
    Stand stand;
    const auto id = stand.start("web", "trap 'exit 6' TERM; echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    REQUIRE(runtime::pause(stand.context, id));
    const auto paused = runtime::read_container(stand.context, id);
    CHECK(paused->state.status == CStatus::paused);
    CHECK_FALSE(runtime::pause(stand.context, id));
    CHECK(stand.shell(id, "true").code == 125);
    REQUIRE(runtime::unpause(stand.context, id));
    CHECK(runtime::read_container(stand.context, id)->state.status == CStatus::running);
    CHECK_FALSE(runtime::unpause(stand.context, id));
    REQUIRE(runtime::pause(stand.context, id));
    CHECK(runtime::stop(stand.context, id, {})->exit_code == 6);
}

TEST_CASE("namespaces of another container, and that it must run") {
    Stand stand;
    const auto join = [](auto& spec) {
        spec.network.mode = spec.pid_mode = spec.ipc_mode = "container:owner";
    };
    const auto owner = stand.create("owner", "while :; do sleep 0.05; done",
                                    [](auto& spec) { spec.ipc_mode = "shareable"; });
    const auto guest =
        stand.create("guest", "hostname; cat /etc/hostname; echo shared > /dev/shm/x; ps | cat", join);
    const auto early = runtime::start(stand.context, guest, {});
    REQUIRE_FALSE(early);
    CHECK(early.error().to_string().find("owner") != std::string::npos);
    REQUIRE(runtime::start(stand.context, owner, {}));
    REQUIRE(runtime::start(stand.context, guest, {}));
    CHECK(stand.wait_end(guest).exit_code == 0);
    const auto log = stand.log(guest);
    CHECK(log.starts_with(owner.substr(0, 12) + "\n" + owner.substr(0, 12) + "\n"));
    CHECK(log.find("while :") != std::string::npos);
    CHECK(stand.shell(owner, "cat /dev/shm/x").out == "shared\n");
}

TEST_CASE("following a log over rotations loses and doubles nothing") {
    Stand stand;
    const auto id = stand.create("web", "seq 1 20000", [](auto& spec) {
        spec.log_options = {{"max-size", "200k"}, {"max-file", "20"}};
    });
    REQUIRE(runtime::start(stand.context, id, {}));
    runtime::LogOptions options;
    options.follow = true;
    std::int64_t expected = 0;
    bool ordered = true;
    REQUIRE(runtime::read_logs(stand.context, id, options, [&](const runtime::LogLine& line) {
        ordered = ordered && line.text == concat(++expected, "\n");
        return true;
    }));
    CHECK(ordered);
    CHECK(expected == 20000);
    CHECK(list_dir(stand.context.paths.container(id) + "/log")->size() > 2);
}

TEST_CASE("health is seen by those who wait for it") {
    Stand stand;
    const auto id =
        stand.start("web", "sleep 0.2; echo > /tmp/ok; while :; do sleep 0.05; done", [](auto& spec) {
            runtime::Healthcheck check;
            check.test = {"CMD-SHELL", "test -e /tmp/ok"};
            check.interval_ns = 100'000'000;
            spec.healthcheck = check;
        });
    const auto state = stand.wait_for(id, [](const auto& s) { return s.health == runtime::Health::healthy; });
    CHECK(state.health == runtime::Health::healthy);
    // And it stays so: what ends a probe must not poison its cgroup for the next one.
    const auto later = stand.wait_for(
        id, [](const auto& s) { return s.probes.size() >= 4 || s.health != runtime::Health::healthy; });
    CHECK(later.health == runtime::Health::healthy);
}

TEST_CASE("figures and processes of a running container") {
    Stand stand;
    const auto id = stand.start("web", "echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    const auto container = runtime::read_container(stand.context, id);
    const auto rows = runtime::top(stand.context, *container);
    REQUIRE(rows);
    REQUIRE_FALSE(rows->empty());
    CHECK(rows->front().pid == container->state.process.pid);
    CHECK(rows->front().user == "root");
    CHECK(rows->front().command.find("sh -c echo up") != std::string::npos);
    const auto figures = runtime::stats(stand.context, *container);
    REQUIRE(figures);
    CHECK(figures->pids >= 1);
    CHECK(figures->memory > 0);
    CHECK(figures->memory_limit > figures->memory);
}
