// child.hpp - the ordered steps of a container's first process between clone and exec. Core.
#pragma once

#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/root_tree.hpp"

namespace berth::sandbox {

struct ChildInput {
    const LaunchPlan* plan = nullptr;
    const Cgroup* cgroup = nullptr;
    bool in_unified = false;       // cloned into the unified hierarchy
    int netns = -1;                // joined when >= 0
    int streams[3] = {-1, -1, -1}; // without a terminal; negative: /dev/null
    MountFeatures features;
};
[[noreturn]] void run_child(const ChildInput& input, const Reporter& reporter);

} // namespace berth::sandbox
