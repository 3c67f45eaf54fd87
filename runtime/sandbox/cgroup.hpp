// cgroup.hpp - the control groups of one container on cgroup v1, hybrid and v2 hosts: made, limited, joined,
// frozen, killed, removed. A tree of our own from the root of each hierarchy (<root>/berth/<id>), never below
// the caller's own. Core: the monitor and the command both use it.
//
// Where a unified hierarchy is mounted (v2, hybrid) every container is in it, also when it holds no
// controller: cgroup.kill (Linux 5.14), cgroup.freeze (5.2), cgroup.events, CLONE_INTO_CGROUP (5.7) and
// device programs work there. Invariant: all v1 folders of a container have the same relative path.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/sandbox/launch_plan.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace berth::sandbox {

// Where the hierarchies are mounted in this mount namespace.
struct CgroupLayout {
    struct Hierarchy {
        std::string mount;
        std::vector<std::string> controllers; // "cpu", "cpuacct"; co-mounted ones share a hierarchy
    };
    std::vector<Hierarchy> v1;
    std::string unified; // empty: not mounted
    [[nodiscard]] static Result<CgroupLayout> probe();
    [[nodiscard]] static CgroupLayout parse(std::string_view mountinfo); // pure
    [[nodiscard]] const Hierarchy* find(std::string_view controller) const;
    [[nodiscard]] bool v2_only() const { return v1.empty() && !unified.empty(); }
};

class Cgroup {
  public:
    // Makes the folders, writes the limits, installs the device rules; on failure nothing of it is left. A
    // process that a dead monitor left in this cgroup is killed first.
    [[nodiscard]] static Result<Cgroup> create(const CgroupLayout& layout, const CgroupPlan& plan);
    // One that exists (or did): nothing is made.
    [[nodiscard]] static Result<Cgroup> open(const CgroupLayout& layout, const std::string& path,
                                             const std::vector<std::string>& controllers);

    // For CLONE_INTO_CGROUP; -1: the host has no unified hierarchy.
    [[nodiscard]] int unified_fd() const { return unified_fd_.get(); }
    // Moves the calling process, which has one thread, into every joined v1 hierarchy, and into the unified one unless
    // it was cloned there. A thread that moves itself waits for nobody (Linux 5.4); a process that another one moves
    // waits for an RCU grace period, 8 ms and more.
    [[nodiscard]] Status enter(bool in_unified) const;
    // A folder below the container's in the unified hierarchy that a probe's processes live in; killed as
    // one.
    [[nodiscard]] Result<Cgroup> make_child(const std::string& name) const;

    [[nodiscard]] Status
    set(const CgroupWrite& write) const; // one limit, also of a running container (update)
    [[nodiscard]] Status freeze(bool frozen) const;
    [[nodiscard]] Result<bool> is_frozen() const;
    // SIGKILL to all processes in it and below, at once. For good: a kernel that counts kills (6.18 does) ends every
    // process that is later cloned into this cgroup from another one at its birth, because it compares the counts of
    // two different cgroups.
    [[nodiscard]] Status kill() const;
    // The same one by one while they are frozen, and waits: the cgroup can be used again.
    [[nodiscard]] Status clear() const;
    [[nodiscard]] bool populated() const;
    // Waits until no process is left. false: timed out.
    [[nodiscard]] Result<bool> wait_empty(std::chrono::milliseconds timeout) const;
    // Removes the folders of all hierarchies; fine when they are gone.
    [[nodiscard]] Status remove() const;
    [[nodiscard]] std::uint64_t oom_kills() const; // processes killed for want of memory so far
    [[nodiscard]] Result<std::vector<pid_t>> processes() const;

    // Folder of the unified hierarchy; empty: none. And of a joined v1 hierarchy; empty: not joined.
    [[nodiscard]] const std::string& unified_path() const { return unified_; }
    [[nodiscard]] std::string v1_path(std::string_view controller) const;

  private:
    struct Joined {
        std::string controller;
        std::string path;
    };
    [[nodiscard]] Status limit_devices(const CgroupLayout& layout, const CgroupPlan& plan,
                                       std::vector<std::string>& made);

    std::vector<Joined> joined_;
    std::string unified_;
    std::vector<std::string> everywhere_; // every folder of that path in any hierarchy, for remove()
    Fd unified_fd_;
};

struct CgroupStats {
    std::uint64_t cpu_ns = 0;
    std::uint64_t memory = 0;       // without the inactive page cache, as docker stats shows it
    std::uint64_t memory_limit = 0; // 0: none
    std::uint64_t processes = 0;    // threads, as docker's PIDS
    std::uint64_t read_bytes = 0;
    std::uint64_t written_bytes = 0;
};
[[nodiscard]] Result<CgroupStats> read_stats(const Cgroup& cgroup);

} // namespace berth::sandbox
