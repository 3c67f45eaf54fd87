// credentials.hpp - limits, ids and capability sets of a process about to run a container's program. Core.
// The order of the calls is the caller's (process_setup.cpp); each fails through the reporter.
#pragma once

#include "runtime/sandbox/launch_plan.hpp"
#include "runtime/sandbox/steps.hpp"

namespace berth::sandbox {

void set_rlimits(const ProcessPlan& plan, const Reporter& reporter);
// The rest of it: a number of descriptors that is too small for what comes in between. Last, and never
// upwards.
void set_last_rlimits(const ProcessPlan& plan, const Reporter& reporter);
void install_seccomp(const ProcessPlan& plan, const Reporter& reporter);
// While CAP_SETPCAP is still held.
void limit_bounding_set(const Capabilities& caps, const Reporter& reporter);
void set_ids(const ProcessPlan& plan,
             const Reporter& reporter); // keeps the permitted set for set_capabilities
// Exactly the sets of the plan, read back afterwards (CVE-2022-24769: inheritable ones were left).
void set_capabilities(const Capabilities& caps, const Reporter& reporter);

[[nodiscard]] const char* rlimit_name(int resource); // "nofile"; "?" when unknown

} // namespace berth::sandbox
