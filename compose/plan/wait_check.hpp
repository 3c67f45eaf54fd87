// wait_check.hpp - whether a container's state meets what somebody waits for. Pure.
#pragma once

#include "compose/plan/plan.hpp"
#include "runtime/base/result.hpp"
#include "runtime/container/state.hpp"

namespace berth::compose {

enum class WaitProgress : std::uint8_t { pending, met };

// final: it has ended for good, no other state will come. An error says why the condition can no longer be
// met, at the place of the depends_on, with what the last probe printed or the exit code.
[[nodiscard]] Result<WaitProgress> check_wait(const WaitFor& wait, const runtime::ContainerState& state,
                                              bool final);

} // namespace berth::compose
