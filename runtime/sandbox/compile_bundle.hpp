// compile_bundle.hpp - an OCI bundle to the launch plan: a pure function but for `host`, which tells what the machine has.
// Every name, number and option is checked here, so that nothing after clone3 needs to parse. Full build only.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/sandbox/launch_plan.hpp"
#include "runtime/sandbox/oci_spec.hpp"

namespace berth::sandbox {

// What of the machine decides the plan; probed once a command (probe_host), given by tests.
struct HostFacts {
    bool cgroup_v2_only = false;
    std::vector<std::string> v1_controllers;      // mounted v1 hierarchies: "memory", "cpu", ...
    std::vector<std::string> unified_controllers; // cgroup.controllers of the unified root
    std::uint64_t capability_bounding = 0;        // of the caller: --privileged grants this, not a constant
    bool apparmor = false;
};
[[nodiscard]] Result<HostFacts> probe_host();

// bundle_dir: absolute; relative paths of the spec (root.path) are taken from there. seccomp_bpf: the filter compiled
// from spec.linux.seccomp by the caller (container/seccomp), empty for unconfined.
[[nodiscard]] Result<LaunchPlan> compile_bundle(const oci::Spec& spec, const std::string& bundle_dir,
                                                const std::string& id, const HostFacts& host,
                                                std::vector<std::uint8_t> seccomp_bpf);

} // namespace berth::sandbox
