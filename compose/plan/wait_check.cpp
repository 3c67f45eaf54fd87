#include "compose/plan/wait_check.hpp"

#include "compose/plan/naming.hpp"
#include "runtime/base/parse.hpp"

namespace berth::compose {

namespace {

using State = decltype(runtime::ContainerState::status);
using Health = decltype(runtime::ContainerState::health);

Error failure(const WaitFor& wait, const std::string& what) {
    const auto whose = wait.dependent.empty()
                           ? concat("container ", wait.name, " ", what)
                           : concat("dependency '", wait.service, "' of service '", wait.dependent,
                                    "' failed: container ", wait.name, " ", what);
    return Error(ErrorCode::failed, whose).at(wait.at);
}

Error unhealthy(const WaitFor& wait, const runtime::ContainerState& state) {
    auto error = failure(wait, "is unhealthy");
    if (state.probes.empty()) return error;
    const auto& probe = state.probes.back();
    const auto output = trim(probe.output);
    error.note(output.empty()
                   ? concat("its health check ended with ", probe.exit_code, " and printed nothing")
                   : concat("its health check ended with ", probe.exit_code, " and printed: ", output));
    return error;
}

Error exited(const WaitFor& wait, const runtime::ContainerState& state) {
    auto error = failure(wait, concat("exited (", state.exit_code, ")"));
    if (state.oom_killed) error.note("the kernel killed it for want of memory");
    if (!state.error.empty()) error.note(state.error);
    return error;
}

Result<WaitProgress> check_running(const WaitFor& wait, const runtime::ContainerState& state) {
    const bool must_be_healthy = wait.condition == DependencyCondition::healthy;
    if (state.health == Health::healthy) return WaitProgress::met;
    if (state.health == Health::unhealthy) return fail(unhealthy(wait, state));
    if (state.health == Health::starting) return WaitProgress::pending;
    if (!must_be_healthy) return WaitProgress::met;
    return fail(failure(wait, "has no health check")
                    .hint("add a healthcheck to that service, or write condition: service_started"));
}

} // namespace

Result<WaitProgress> check_wait(const WaitFor& wait, const runtime::ContainerState& state, bool final) {
    const bool ended = final || state.status == State::exited || state.status == State::dead;
    if (wait.condition == DependencyCondition::completed_successfully) {
        if (!ended) return WaitProgress::pending;
        if (state.exit_code == 0 && state.status == State::exited) return WaitProgress::met;
        return fail(exited(wait, state));
    }
    if (ended) return fail(exited(wait, state));
    if (state.status == State::running || state.status == State::paused) return check_running(wait, state);
    return WaitProgress::pending;
}

} // namespace berth::compose
