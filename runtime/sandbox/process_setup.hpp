// process_setup.hpp - the steps between clone and exec that are the same for a container's first process, an exec and
// a health probe, so that none can forget a restriction (CVE-2022-27650): cgroups, and last, already inside the
// container's root, keyring, limits, working directory, seccomp, capabilities, ids, descriptors, execve. Core.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/launch_plan.hpp"
#include "runtime/sandbox/steps.hpp"

namespace berth::sandbox {

// This process into the container's cgroups; while the host's folders can still be seen.
void enter_cgroup(const Cgroup& cgroup, bool in_unified, const Reporter& reporter);

// A process file system of our own that has no path: what a container mounts over /proc cannot redirect our
// writes (CVE-2019-19921, CVE-2025-52881).
[[nodiscard]] Fd private_proc(const Reporter& reporter);

// The terminal of a container: a fresh pair from its own devpts, checked; the slave becomes 0, 1, 2 and the
// controlling terminal. Returns the master. console: the slave is also mounted on /dev/console.
[[nodiscard]] Fd open_terminal(const ProcessPlan& plan, bool console, const Reporter& reporter);

// Gives the given descriptors the numbers 0, 1, 2; negative: /dev/null of the host, so call it before the
// root is entered. The process becomes a session leader.
void place_streams(const int (&streams)[3], const Reporter& reporter);

// Everything up to and including execve. `init`: a reaping pid 1 stays in front of the program.
// wait_go: the parent must say so before the program runs.
[[noreturn]] void become_program(const ProcessPlan& plan, const Fd& proc, bool init, bool wait_go,
                                 const Reporter& reporter);

} // namespace berth::sandbox
