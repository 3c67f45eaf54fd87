#include "compose/plan/wait_check.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;

namespace {

using State = decltype(runtime::ContainerState::status);
using Health = decltype(runtime::ContainerState::health);

runtime::ContainerState state(State status, Health health = Health::none, std::int64_t exit_code = 0) {
    runtime::ContainerState out;
    out.status = status;
    out.health = health;
    out.exit_code = exit_code;
    return out;
}
WaitFor wait(DependencyCondition condition) {
    WaitFor out;
    out.service = "db";
    out.dependent = "web";
    out.name = "shop-db-1";
    out.condition = condition;
    const auto file = std::make_shared<SourceFile>(SourceFile{"compose.yaml", ""});
    out.at = {file, 7, 9, 1};
    return out;
}

} // namespace

TEST_CASE("an unhealthy dependency says what its probe printed, at the depends_on") {
    auto sick = state(State::running, Health::unhealthy);
    sick.probes.push_back({"", "", 1, "connection refused\n"});
    const auto result = check_wait(wait(DependencyCondition::healthy), sick, false);
    REQUIRE_FALSE(result);
    CHECK(result.error().at().to_string() == "compose.yaml:7:9");
    CHECK(result.error().message() ==
          "dependency 'db' of service 'web' failed: container shop-db-1 is unhealthy");
    REQUIRE(result.error().notes().size() == 1);
    CHECK(result.error().notes()[0].text == "its health check ended with 1 and printed: connection refused");
}

TEST_CASE("a dependency without a health check cannot become healthy") {
    CHECK_FALSE(check_wait(wait(DependencyCondition::healthy), state(State::running), false));
}

TEST_CASE("a dependency that exits says with what, and that it ran out of memory") {
    auto gone = state(State::exited, Health::none, 137);
    gone.oom_killed = true;
    const auto result = check_wait(wait(DependencyCondition::healthy), gone, true);
    REQUIRE_FALSE(result);
    CHECK(result.error().message().find("exited (137)") != std::string::npos);
    CHECK(result.error().notes().size() == 1);
}

TEST_CASE("completion is an exit with 0") {
    const auto asked = wait(DependencyCondition::completed_successfully);
    CHECK(*check_wait(asked, state(State::running), false) == WaitProgress::pending);
    CHECK(*check_wait(asked, state(State::restarting), false) == WaitProgress::pending);
    CHECK(*check_wait(asked, state(State::exited), false) == WaitProgress::met);
    CHECK_FALSE(check_wait(asked, state(State::exited, Health::none, 3), false));
}

TEST_CASE("--wait takes a running container, or a healthy one where it has a health check") {
    const auto asked = wait(DependencyCondition::started);
    CHECK(*check_wait(asked, state(State::running), false) == WaitProgress::met);
    CHECK(*check_wait(asked, state(State::running, Health::starting), false) == WaitProgress::pending);
    CHECK(*check_wait(asked, state(State::running, Health::healthy), false) == WaitProgress::met);
    CHECK_FALSE(check_wait(asked, state(State::exited), false));
}

TEST_CASE("a container between two restarts is waited for") {
    CHECK(*check_wait(wait(DependencyCondition::healthy), state(State::restarting), false) ==
          WaitProgress::pending);
}
