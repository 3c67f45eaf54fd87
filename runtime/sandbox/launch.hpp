// launch.hpp - the parent's side of a start: clone and the messages with the new process. Core.
//
//      parent                                    child
//        | clone3(namespaces, INTO_CGROUP) ------->| v1 cgroups, sources, root, mounts (child.cpp)
//        |<-- terminal (master by SCM_RIGHTS) -----| with a terminal only
//        |<-- ready -------------------------------| blocks
//        |--- go --------------------------------->| ids, capabilities, seccomp, execve
//        |<-- end of file: the program runs -------|
//        |<-- failure{step, errno, detail} --------| instead of any of these; the child has ended
#pragma once

#include "runtime/base/process.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/root_tree.hpp"

#include <optional>

namespace berth::sandbox {

// A process that is being started. Its parent must reap it.
struct Launched {
    ProcessId process;
    Fd pidfd;
    Fd sync; // messages; readable when there is one
};

struct LaunchInput {
    const LaunchPlan* plan = nullptr;
    const Cgroup* cgroup = nullptr;
    int netns = -1;
    int streams[3] = {-1, -1, -1}; // the child's ends; unused with a terminal; negative: /dev/null
    MountFeatures features;
};
// Clones, and lets the set-up begin. The result comes through `sync`.
[[nodiscard]] Result<Launched> launch(const LaunchInput& input);

struct SyncEvent {
    SyncKind kind = SyncKind::failure; // terminal, ready or failure
    bool closed = false;               // end of file: after go, the program runs
    ChildFailure failure;
    Fd terminal;
};
// Empty: nothing there at the moment.
[[nodiscard]] Lookup<SyncEvent> receive_sync(int sync);
[[nodiscard]] Status send_sync(int sync, SyncKind kind);

// A further process inside a running container: exec, health probe. `target`: a pidfd of the container's
// pid 1.
struct JoinInput {
    const ProcessPlan* process = nullptr;
    const Cgroup* cgroup = nullptr;
    int target = -1;
    int streams[3] = {-1, -1, -1};
};
// As launch(), but there is nothing to wait for: no ready, no go.
[[nodiscard]] Result<Launched> launch_inside(const JoinInput& input);

// Exit status of a child by its pidfd once that is readable; reaps it.
[[nodiscard]] Result<int> reap(const Launched& launched);

} // namespace berth::sandbox
