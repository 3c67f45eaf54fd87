#include "runtime/base/process.hpp"
#include "runtime/container/inspect.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;

TEST_CASE("a state in docker ps's words") {
    ContainerState state;
    const std::int64_t now = 1767323045; // 2026-01-02T03:04:05Z
    CHECK(status_words(state, now) == "Created");
    state.status = runtime::Status::running;
    state.started_at = "2026-01-02T03:01:05.000000000Z";
    CHECK(status_words(state, now) == "Up 3 minutes");
    state.health = Health::healthy;
    CHECK(status_words(state, now) == "Up 3 minutes (healthy)");
    state.health = Health::unhealthy;
    CHECK(status_words(state, now) == "Up 3 minutes (unhealthy)");
    state.health = Health::starting;
    CHECK(status_words(state, now) == "Up 3 minutes (health: starting)");
    state.status = runtime::Status::paused;
    CHECK(status_words(state, now) == "Up 3 minutes (Paused)");
    state.status = runtime::Status::restarting;
    state.exit_code = 1;
    state.finished_at = "2026-01-02T03:04:00.000000000Z";
    CHECK(status_words(state, now) == "Restarting (1) 5 seconds ago");
    state.status = runtime::Status::exited;
    state.exit_code = 137;
    state.finished_at = "2026-01-02T01:04:05.000000000Z";
    CHECK(status_words(state, now) == "Exited (137) 2 hours ago");
    state.status = runtime::Status::dead;
    CHECK(status_words(state, now) == "Dead");
    state.status = runtime::Status::removing;
    CHECK(status_words(state, now) == "Removal In Progress");
}

TEST_CASE("a clock that was set back makes no negative age") {
    ContainerState state;
    state.status = runtime::Status::running;
    state.started_at = "2026-01-02T03:04:05.000000000Z";
    CHECK(status_words(state, 0) == "Up Less than a second");
}

TEST_CASE("what a record means now: another boot, a dead monitor, a recycled number") {
    ContainerState state;
    state.status = runtime::Status::running;
    state.boot_id = "another";
    state.monitor = own_process_id();
    auto now = reconcile_state(state);
    CHECK(now.status == runtime::Status::exited);
    CHECK(now.exit_code == 137);
    CHECK(now.process.pid == 0);

    state.boot_id = boot_id();
    CHECK(reconcile_state(state).status == runtime::Status::running);
    state.monitor.start_time += 1; // the number is somebody else's by now
    CHECK(reconcile_state(state).status == runtime::Status::exited);

    state.status = runtime::Status::exited;
    state.exit_code = 3;
    CHECK(reconcile_state(state).exit_code == 3);
}
