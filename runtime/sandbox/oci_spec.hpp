// oci_spec.hpp - config.json of an OCI bundle (runtime-spec 1.2), the part that Linux containers use. Plain values and
// one field list each; reading keeps unknown members out, writing omits nothing. Full build only (JSON).
#pragma once

#include "runtime/base/json.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::oci {

struct User {
    std::uint32_t uid = 0, gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
};
template <class V> void describe(V& v, User& x) {
    v.field("uid", x.uid);
    v.field("gid", x.gid);
    v.field("umask", x.umask);
    v.field("additionalGids", x.additional_gids);
}
struct Capabilities {
    std::vector<std::string> bounding, effective, permitted, inheritable, ambient;
};
template <class V> void describe(V& v, Capabilities& x) {
    v.field("bounding", x.bounding);
    v.field("effective", x.effective);
    v.field("permitted", x.permitted);
    v.field("inheritable", x.inheritable);
    v.field("ambient", x.ambient);
}
struct Rlimit {
    std::string type; // "RLIMIT_NOFILE"
    std::uint64_t soft = 0, hard = 0;
};
template <class V> void describe(V& v, Rlimit& x) {
    v.field("type", x.type);
    v.field("soft", x.soft);
    v.field("hard", x.hard);
}
struct Process {
    bool terminal = false;
    User user;
    std::vector<std::string> args, env;
    std::string cwd = "/";
    Capabilities capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::optional<std::int64_t> oom_score_adj;
    std::string apparmor_profile;
};
template <class V> void describe(V& v, Process& x) {
    v.field("terminal", x.terminal);
    v.field("user", x.user);
    v.field("args", x.args);
    v.field("env", x.env);
    v.field("cwd", x.cwd);
    v.field("capabilities", x.capabilities);
    v.field("rlimits", x.rlimits);
    v.field("noNewPrivileges", x.no_new_privileges);
    v.field("oomScoreAdj", x.oom_score_adj);
    v.field("apparmorProfile", x.apparmor_profile);
}
struct Root {
    std::string path = "rootfs";
    bool readonly = false;
};
template <class V> void describe(V& v, Root& x) {
    v.field("path", x.path);
    v.field("readonly", x.readonly);
}
struct Mount {
    std::string destination, type, source;
    std::vector<std::string> options;
};
template <class V> void describe(V& v, Mount& x) {
    v.field("destination", x.destination);
    v.field("type", x.type);
    v.field("source", x.source);
    v.field("options", x.options);
}
struct Namespace {
    std::string type; // "pid" "network" "mount" "ipc" "uts" "user" "cgroup" "time"
    std::string path; // empty: a new one
};
template <class V> void describe(V& v, Namespace& x) {
    v.field("type", x.type);
    v.field("path", x.path);
}
struct Device {
    std::string path, type;
    std::int64_t major = 0, minor = 0;
    std::optional<std::uint32_t> file_mode, uid, gid;
};
template <class V> void describe(V& v, Device& x) {
    v.field("path", x.path);
    v.field("type", x.type);
    v.field("major", x.major);
    v.field("minor", x.minor);
    v.field("fileMode", x.file_mode);
    v.field("uid", x.uid);
    v.field("gid", x.gid);
}
struct DeviceCgroup {
    bool allow = false;
    std::string type;
    std::optional<std::int64_t> major, minor;
    std::string access;
};
template <class V> void describe(V& v, DeviceCgroup& x) {
    v.field("allow", x.allow);
    v.field("type", x.type);
    v.field("major", x.major);
    v.field("minor", x.minor);
    v.field("access", x.access);
}
struct Memory {
    std::optional<std::int64_t> limit, reservation, swap;
    std::optional<std::uint64_t> swappiness;
    std::optional<bool> disable_oom_killer;
};
template <class V> void describe(V& v, Memory& x) {
    v.field("limit", x.limit);
    v.field("reservation", x.reservation);
    v.field("swap", x.swap);
    v.field("swappiness", x.swappiness);
    v.field("disableOOMKiller", x.disable_oom_killer);
}
struct Cpu {
    std::optional<std::uint64_t> shares, period;
    std::optional<std::int64_t> quota;
    std::optional<std::int64_t> realtime_runtime;
    std::optional<std::uint64_t> realtime_period;
    std::string cpus, mems;
};
template <class V> void describe(V& v, Cpu& x) {
    v.field("shares", x.shares);
    v.field("period", x.period);
    v.field("quota", x.quota);
    v.field("realtimeRuntime", x.realtime_runtime);
    v.field("realtimePeriod", x.realtime_period);
    v.field("cpus", x.cpus);
    v.field("mems", x.mems);
}
struct Pids {
    std::int64_t limit = 0;
};
template <class V> void describe(V& v, Pids& x) {
    v.field("limit", x.limit);
}
struct ThrottleDevice {
    std::int64_t major = 0, minor = 0;
    std::uint64_t rate = 0;
};
template <class V> void describe(V& v, ThrottleDevice& x) {
    v.field("major", x.major);
    v.field("minor", x.minor);
    v.field("rate", x.rate);
}
struct WeightDevice {
    std::int64_t major = 0, minor = 0;
    std::uint16_t weight = 0; // 10 to 1000
};
template <class V> void describe(V& v, WeightDevice& x) {
    v.field("major", x.major);
    v.field("minor", x.minor);
    v.field("weight", x.weight);
}
struct BlockIo {
    std::optional<std::uint16_t> weight;
    std::vector<WeightDevice> weight_device;
    std::vector<ThrottleDevice> throttle_read_bps, throttle_write_bps, throttle_read_iops,
        throttle_write_iops;
    [[nodiscard]] bool empty() const {
        return weight.value_or(0) == 0 && weight_device.empty() && !throttles();
    }
    [[nodiscard]] bool throttles() const {
        return !throttle_read_bps.empty() || !throttle_write_bps.empty() || !throttle_read_iops.empty() ||
               !throttle_write_iops.empty();
    }
};
template <class V> void describe(V& v, BlockIo& x) {
    v.field("weight", x.weight);
    v.field("weightDevice", x.weight_device);
    v.field("throttleReadBpsDevice", x.throttle_read_bps);
    v.field("throttleWriteBpsDevice", x.throttle_write_bps);
    v.field("throttleReadIOPSDevice", x.throttle_read_iops);
    v.field("throttleWriteIOPSDevice", x.throttle_write_iops);
}
struct Resources {
    std::vector<DeviceCgroup> devices;
    std::optional<Memory> memory;
    std::optional<Cpu> cpu;
    std::optional<Pids> pids;
    std::optional<BlockIo> block_io;
    std::map<std::string, std::string> unified;
};
template <class V> void describe(V& v, Resources& x) {
    v.field("devices", x.devices);
    v.field("memory", x.memory);
    v.field("cpu", x.cpu);
    v.field("pids", x.pids);
    v.field("blockIO", x.block_io);
    v.field("unified", x.unified);
}
struct Linux {
    std::vector<Namespace> namespaces;
    std::vector<Device> devices;
    std::string cgroups_path;
    Resources resources;
    std::map<std::string, std::string> sysctl;
    std::vector<std::string> masked_paths, readonly_paths;
    std::string rootfs_propagation;
    Json seccomp; // as in the runtime-spec; null: unconfined
};
template <class V> void describe(V& v, Linux& x) {
    v.field("namespaces", x.namespaces);
    v.field("devices", x.devices);
    v.field("cgroupsPath", x.cgroups_path);
    v.field("resources", x.resources);
    v.field("sysctl", x.sysctl);
    v.field("maskedPaths", x.masked_paths);
    v.field("readonlyPaths", x.readonly_paths);
    v.field("rootfsPropagation", x.rootfs_propagation);
    v.field("seccomp", x.seccomp);
}
struct Spec {
    std::string oci_version = "1.2.0";
    Process process;
    Root root;
    std::string hostname, domainname;
    std::vector<Mount> mounts;
    Linux linux_;
    // Ours: "berth.overlay.lowers" (":"-joined, topmost first), "berth.overlay.upper", "berth.overlay.work",
    // "berth.overlay.volatile" ("true"), "berth.init".
    std::map<std::string, std::string> annotations;
};
template <class V> void describe(V& v, Spec& x) {
    v.field("ociVersion", x.oci_version);
    v.field("process", x.process);
    v.field("root", x.root);
    v.field("hostname", x.hostname);
    v.field("domainname", x.domainname);
    v.field("mounts", x.mounts);
    v.field("linux", x.linux_);
    v.field("annotations", x.annotations);
}

} // namespace berth::oci
