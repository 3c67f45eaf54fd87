// launch_plan.hpp - all that berth-monitor and the child between clone and exec need to know, compiled from an OCI
// bundle (compile_bundle.hpp): strings, integers and vectors only, checked beforehand, no parser needed to read it.
// Travels in wire form. Core: linked into the static programs.
#pragma once

#include "runtime/base/describe.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::sandbox {

// The root file system: an overlay of image layers, or a plain folder (a foreign bundle).
struct RootPlan {
    std::vector<std::string> lowers; // topmost first; absolute host folders
    std::string upper;               // empty with lowers: read-only root without an upper layer
    std::string work;
    // The upper layer goes when the container does: it is never synced. Otherwise overlayfs syncs all of the upper file
    // system, other programs' files too, before the end of the last process is told to anybody. Linux 5.10.
    bool volatile_upper = false;
    std::string directory; // instead of the overlay
    bool read_only = false;
    std::string
        attach_point; // host folder 0700 that the tree is attached to inside the container's own mount namespace
    std::uint64_t propagation = 0; // MS_* of rootfsPropagation, 0: MS_PRIVATE
};
template <class V> void describe(V& v, RootPlan& p) {
    v.field("lowers", p.lowers);
    v.field("upper", p.upper);
    v.field("work", p.work);
    v.field("volatileUpper", p.volatile_upper);
    v.field("directory", p.directory);
    v.field("readOnly", p.read_only);
    v.field("attachPoint", p.attach_point);
    v.field("propagation", p.propagation);
}

// One mount of the container, in order. `source` is a host path for binds (resolved once, to a descriptor, before the
// root is entered); for a file system type it is the device name.
struct MountStep {
    std::string target; // absolute, inside the container; resolved beneath the root
    std::string source;
    std::string
        fstype; // "bind", "proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "overlay", ...
    bool recursive = true;        // binds
    std::uint64_t attributes = 0; // MOUNT_ATTR_* to set
    std::uint64_t clear_attributes = 0;
    bool recursive_attributes = false; // ":ro" is recursive (mount_setattr, Linux 5.12)
    std::uint64_t propagation = 0;    // MS_SHARED, MS_SLAVE, MS_PRIVATE, each perhaps with MS_REC; 0: private
    std::vector<std::string> options; // "key=value" or "flag" for fsconfig
    bool target_is_file = false;      // what to create when the target is missing
    bool copy_up = false;             // tmpfs that starts with what the image has there ("tmpcopyup")
};
template <class V> void describe(V& v, MountStep& p) {
    v.field("target", p.target);
    v.field("source", p.source);
    v.field("fstype", p.fstype);
    v.field("recursive", p.recursive);
    v.field("attributes", p.attributes);
    v.field("clearAttributes", p.clear_attributes);
    v.field("recursiveAttributes", p.recursive_attributes);
    v.field("propagation", p.propagation);
    v.field("options", p.options);
    v.field("targetIsFile", p.target_is_file);
    v.field("copyUp", p.copy_up);
}

struct DeviceNode {
    std::string path; // inside the container, below /dev
    char type = 'c';  // 'c', 'b', 'p'
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::uint32_t mode = 0666;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};
template <class V> void describe(V& v, DeviceNode& p) {
    v.field("path", p.path);
    v.field("type", p.type);
    v.field("major", p.major);
    v.field("minor", p.minor);
    v.field("mode", p.mode);
    v.field("uid", p.uid);
    v.field("gid", p.gid);
}

struct DeviceRule {
    bool allow = false;
    char type = 'a';         // 'a', 'c', 'b'
    std::int64_t major = -1; // -1: any
    std::int64_t minor = -1;
    std::string access; // of "rwm"
};
template <class V> void describe(V& v, DeviceRule& p) {
    v.field("allow", p.allow);
    v.field("type", p.type);
    v.field("major", p.major);
    v.field("minor", p.minor);
    v.field("access", p.access);
}

// One value to write: v1 ("memory", "memory.limit_in_bytes") or v2 ("", "memory.max").
struct CgroupWrite {
    std::string controller; // v1 hierarchy; empty: the unified one
    std::string file;
    std::string value;
    bool optional = false; // the kernel may lack it (swap accounting): pass over ENOENT
};
template <class V> void describe(V& v, CgroupWrite& p) {
    v.field("controller", p.controller);
    v.field("file", p.file);
    v.field("value", p.value);
    v.field("optional", p.optional);
}
struct CgroupPlan {
    // Relative to the root of each hierarchy ("berth/<id>"): a tree of our own, never below the caller's cgroup.
    std::string path;
    // v1 hierarchies to join: only those whose limits are asked for, since each costs an RCU grace period (about
    // 1 ms). The unified hierarchy is always joined, for tracking and cgroup.kill.
    std::vector<std::string> controllers;
    std::vector<CgroupWrite> writes;
    std::vector<DeviceRule> devices; // v1: devices.allow/deny, v2: a BPF program
};
template <class V> void describe(V& v, CgroupPlan& p) {
    v.field("path", p.path);
    v.field("controllers", p.controllers);
    v.field("writes", p.writes);
    v.field("devices", p.devices);
}

struct Rlimit {
    std::int64_t resource = 0; // RLIMIT_*
    std::uint64_t soft = 0;    // RLIM_INFINITY as its value
    std::uint64_t hard = 0;
};
template <class V> void describe(V& v, Rlimit& p) {
    v.field("resource", p.resource);
    v.field("soft", p.soft);
    v.field("hard", p.hard);
}

struct Capabilities { // bit masks, bit n = capability n
    std::uint64_t bounding = 0;
    std::uint64_t effective = 0;
    std::uint64_t permitted = 0;
    std::uint64_t inheritable = 0;
    std::uint64_t ambient = 0;
};
template <class V> void describe(V& v, Capabilities& p) {
    v.field("bounding", p.bounding);
    v.field("effective", p.effective);
    v.field("permitted", p.permitted);
    v.field("inheritable", p.inheritable);
    v.field("ambient", p.ambient);
}

// A process inside a container: its first one, an exec, a health probe. All three are the same type so that none can
// forget a restriction (CVE-2022-27650).
struct ProcessPlan {
    std::vector<std::string>
        argv; // argv[0] without a slash is searched in the container's PATH, as the target user
    std::vector<std::string> env; // "KEY=value"
    std::string cwd = "/";
    bool create_cwd = true; // docker creates a missing working directory for the first process
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::uint32_t> groups; // exact supplementary list
    std::uint32_t umask = 022;
    bool terminal = false;
    std::uint32_t rows = 0; // 0: leave as it is
    std::uint32_t columns = 0;
    Capabilities caps;
    bool no_new_privileges = false;
    std::vector<Rlimit> rlimits;
    std::int64_t oom_score_adj = 0;
    bool set_oom_score_adj = false;
    std::vector<std::uint8_t> seccomp; // struct sock_filter[]; empty: unconfined
    std::string apparmor;              // empty: none
};
template <class V> void describe(V& v, ProcessPlan& p) {
    v.field("argv", p.argv);
    v.field("env", p.env);
    v.field("cwd", p.cwd);
    v.field("createCwd", p.create_cwd);
    v.field("uid", p.uid);
    v.field("gid", p.gid);
    v.field("groups", p.groups);
    v.field("umask", p.umask);
    v.field("terminal", p.terminal);
    v.field("rows", p.rows);
    v.field("columns", p.columns);
    v.field("caps", p.caps);
    v.field("noNewPrivileges", p.no_new_privileges);
    v.field("rlimits", p.rlimits);
    v.field("oomScoreAdj", p.oom_score_adj);
    v.field("setOomScoreAdj", p.set_oom_score_adj);
    v.field("seccomp", p.seccomp);
    v.field("apparmor", p.apparmor);
}

struct JoinNamespace {
    std::int64_t kind = 0; // CLONE_NEW*
    std::string path;      // host path such as /proc/123/ns/net
};
template <class V> void describe(V& v, JoinNamespace& p) {
    v.field("kind", p.kind);
    v.field("path", p.path);
}
struct Sysctl {
    std::string key; // "net.ipv4.ip_forward"
    std::string value;
};
template <class V> void describe(V& v, Sysctl& p) {
    v.field("key", p.key);
    v.field("value", p.value);
}

struct LaunchPlan {
    std::string id;
    std::uint64_t new_namespaces =
        0; // CLONE_NEW* for clone3; the network namespace usually comes as a descriptor
    std::vector<JoinNamespace> join;
    RootPlan root;
    std::vector<MountStep> mounts;
    std::vector<DeviceNode> devices;
    bool default_dev = true; // /dev/{fd,stdin,stdout,stderr,ptmx} links and console
    std::vector<std::string> masked;
    std::vector<std::string> read_only;
    std::string hostname;
    std::string domainname;
    std::vector<Sysctl> sysctls;
    CgroupPlan cgroup;
    ProcessPlan process;
    bool init =
        false; // a reaping, signal-forwarding pid 1 of ours in front of the process (docker run --init)
};
template <class V> void describe(V& v, LaunchPlan& p) {
    v.field("id", p.id);
    v.field("newNamespaces", p.new_namespaces);
    v.field("join", p.join);
    v.field("root", p.root);
    v.field("mounts", p.mounts);
    v.field("devices", p.devices);
    v.field("defaultDev", p.default_dev);
    v.field("masked", p.masked);
    v.field("readOnly", p.read_only);
    v.field("hostname", p.hostname);
    v.field("domainname", p.domainname);
    v.field("sysctls", p.sysctls);
    v.field("cgroup", p.cgroup);
    v.field("process", p.process);
    v.field("init", p.init);
}

} // namespace berth::sandbox
