// cgroup_devices.hpp - which device nodes a cgroup's processes may open and make. Core.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/sandbox/launch_plan.hpp"

#include <cstdint>
#include <vector>

namespace berth::sandbox {

// Pure: struct bpf_insn[] of the rules; the last rule that matches decides, no match: refused.
[[nodiscard]] std::vector<std::uint64_t> device_program(const std::vector<DeviceRule>& rules);
// Loads it and attaches it to a folder of a unified hierarchy, replacing an earlier one.
[[nodiscard]] Status attach_device_program(int unified_fd, const std::vector<DeviceRule>& rules);
// "c 1:3 rwm" for devices.allow and devices.deny of cgroup v1.
[[nodiscard]] std::string device_rule_text(const DeviceRule& rule);

} // namespace berth::sandbox
