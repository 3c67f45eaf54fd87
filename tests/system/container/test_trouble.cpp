// Killed monitors, full disks, cancelled waits.
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/container_dir.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/container/stand.hpp"

#include <atomic>
#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>
#include <thread>
#include <unistd.h>

using namespace berth;
using namespace berth::test;
using CStatus = berth::runtime::Status;

namespace {

void kill_monitor(Stand& stand, const std::string& id) {
    const auto state = runtime::read_container(stand.context, id)->state;
    const auto monitor = PidFd::open(state.monitor);
    REQUIRE(monitor);
    REQUIRE(*monitor);
    REQUIRE((*monitor)->send_signal(SIGKILL));
    REQUIRE((*monitor)->wait_exit(std::chrono::seconds(10)).value());
}

} // namespace

TEST_CASE("a container whose monitor was killed is ended by whatever looks at it next") {
    Stand stand;
    const auto id = stand.start("web", "trap '' TERM; echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    const auto process = runtime::read_container(stand.context, id)->state.process;
    kill_monitor(stand, id);
    SECTION("ps") {
        const auto all = runtime::list_containers(stand.context);
        REQUIRE(all);
        CHECK(all->front().state.status == CStatus::exited);
        CHECK(all->front().state.exit_code == 137);
    }
    SECTION("stop") {
        CHECK(runtime::stop(stand.context, id, {})->exit_code == 137);
    }
    SECTION("start again") {
        const auto again = runtime::start(stand.context, id, {});
        REQUIRE(again);
        CHECK(again->status == CStatus::running);
        CHECK_FALSE(is_alive(process));
        REQUIRE(runtime::stop(stand.context, id, {std::chrono::nanoseconds(0), 0}));
    }
    SECTION("wait") {
        CHECK(stand.wait_end(id).exit_code == 137);
    }
    SECTION("exec") {
        CHECK(stand.shell(id, "true").code == 125);
    }
    CHECK_FALSE(is_alive(process));
    CHECK(stand.leaves_no_cgroup(id));
    CHECK(runtime::remove(stand.context, id, false));
}

TEST_CASE("somebody who waits hears of a killed monitor") {
    Stand stand;
    const auto id = stand.start("web", "echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    runtime::ContainerState end;
    std::thread waiter([&] { end = stand.wait_end(id); });
    kill_monitor(stand, id);
    waiter.join();
    CHECK(end.status == CStatus::exited);
    CHECK(end.exit_code == 137);
}

TEST_CASE("a wait, a followed log and an exec end when the command is cancelled") {
    Stand stand;
    const auto id = stand.start("web", "echo up; while :; do sleep 0.05; done");
    stand.wait_line(id, "up");
    std::atomic<bool> cancelled = false;
    stand.context.cancelled = &cancelled;
    std::thread canceller([&] { cancelled = true; });
    const auto waited = runtime::wait_until(stand.context, id, [](const auto&) { return false; });
    CHECK(waited.error().code() == ErrorCode::interrupted);
    runtime::LogOptions options;
    options.follow = true;
    const auto followed = runtime::read_logs(stand.context, id, options, [](const auto&) { return true; });
    CHECK(followed.error().code() == ErrorCode::interrupted);
    canceller.join();
    stand.context.cancelled = nullptr;
}

TEST_CASE("on a full disk: starting says so, stopping and removing work, and all is well with space again") {
    Stand stand;
    const auto data = stand.folder + "/data";
    REQUIRE(make_dir(data));
    REQUIRE(::mount("none", data.c_str(), "tmpfs", 0, "size=2m") == 0);
    const auto running = stand.start("running", "echo up; while :; do sleep 0.05; done");
    stand.wait_line(running, "up");
    const auto orphan = stand.start("orphan", "echo up; while :; do sleep 0.05; done");
    const auto idle = stand.create("idle", "true");
    const Fd filler(::open((data + "/filler").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string block(4096, 'x');
    while (::write(filler.get(), block.data(), block.size()) > 0) {
    }

    CHECK_FALSE(runtime::start(stand.context, idle, {}));
    runtime::ContainerSpec spec;
    spec.rootfs = stand.root;
    spec.command = {"true"};
    CHECK_FALSE(runtime::create(stand.context, spec));
    CHECK(runtime::stop(stand.context, running, {std::chrono::nanoseconds(0), 0}));
    CHECK(runtime::remove(stand.context, running, false));
    kill_monitor(stand, orphan);
    CHECK(runtime::remove(stand.context, orphan, true));
    CHECK(stand.leaves_no_cgroup(running));
    CHECK(stand.leaves_no_cgroup(orphan));

    REQUIRE(remove_file(data + "/filler"));
    REQUIRE(runtime::start(stand.context, idle, {}));
    CHECK(stand.wait_end(idle).exit_code == 0);
    REQUIRE(runtime::remove(stand.context, idle, false));
    CHECK(list_dir(stand.context.paths.containers())->empty());
    CHECK(::umount2(data.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("many starts at once") {
    Stand stand;
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i)
        ids.push_back(stand.create("", concat("echo ", i, "; exit ", i)));
    std::vector<std::thread> threads;
    std::vector<std::int64_t> codes(ids.size(), -1);
    for (std::size_t i = 0; i < ids.size(); ++i)
        threads.emplace_back([&, i] {
            if (!runtime::start(stand.context, ids[i], {})) return;
            const auto state = runtime::wait_until(stand.context, ids[i], [](const auto&) { return false; });
            if (state) codes[i] = state->exit_code;
        });
    for (auto& thread : threads)
        thread.join();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        CHECK(codes[i] == static_cast<std::int64_t>(i));
        CHECK(stand.log(ids[i]) == concat(i, "\n"));
    }
}

TEST_CASE("a removal that sweeps does not take the folder of a container that is just being created") {
    Stand stand;
    std::atomic<bool> done{false};
    std::thread sweeper([&] {
        while (!done.load())
            runtime::sweep_unfinished(stand.context);
    });
    std::vector<std::string> problems;
    for (int i = 0; i < 200; ++i) {
        runtime::ContainerSpec spec;
        spec.name = concat("c", i);
        spec.rootfs = stand.root;
        spec.command = {"true"};
        spec.network.mode = "none";
        if (const auto made = runtime::create(stand.context, std::move(spec)); !made)
            problems.push_back(made.error().to_string());
    }
    done.store(true);
    sweeper.join();
    CHECK(join(problems, "\n") == "");
}
