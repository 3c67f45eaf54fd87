// seccomp_table.hpp - what a container may call: names by the capability that unlocks them (any one bit of
// `unlocked_by` in the bounding set), and the machine they exist on. Conditional calls (socket, clone,
// personality) are in seccomp_policy.cpp. Invariant: a name that is in no group and no condition answers
// EPERM.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace berth::runtime::seccomp {

enum class Machine : std::uint8_t { any, x86, arm };

struct CallGroup {
    std::string_view names;        // separated by blanks
    std::uint64_t unlocked_by = 0; // 0: always allowed
    Machine machine = Machine::any;
};
[[nodiscard]] std::span<const CallGroup> call_groups();

struct NewCall {
    std::string_view name;
    std::uint32_t number = 0;
};
[[nodiscard]] std::span<const NewCall> new_calls();

} // namespace berth::runtime::seccomp
