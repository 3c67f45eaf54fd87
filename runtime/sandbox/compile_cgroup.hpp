// compile_cgroup.hpp - linux.resources of an OCI bundle as writes to cgroup files, for v1, hybrid and v2
// hosts. Pure. A part of compile_bundle.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/sandbox/compile_bundle.hpp"

namespace berth::sandbox {

[[nodiscard]] Result<CgroupPlan> compile_cgroup(const oci::Linux& linux_spec, const std::string& id,
                                                const HostFacts& host);
// cpu.shares (2 .. 262144) as cpu.weight (1 .. 10000), as the runtimes agreed on.
[[nodiscard]] std::uint64_t weight_of_shares(std::uint64_t shares);

} // namespace berth::sandbox
