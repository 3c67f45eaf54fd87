// spec.hpp - ContainerSpec: everything that create() needs, resolved: no image lookups, no compose words, no
// network types. Written once as spec.json and never changed (rename and update write a new one under the
// container's lock).
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/monitor/protocol.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::monitor {
inline std::span<const EnumName<RestartKind>> enum_names(RestartKind) {
    static constexpr std::array<EnumName<RestartKind>, 4> names{
        {{RestartKind::no, "no"},
         {RestartKind::on_failure, "on-failure"},
         {RestartKind::always, "always"},
         {RestartKind::unless_stopped, "unless-stopped"}}};
    return names;
}
} // namespace berth::monitor

namespace berth::runtime {

enum class MountKind : std::uint8_t { bind, volume, tmpfs, image };
inline std::span<const EnumName<MountKind>> enum_names(MountKind) {
    static constexpr std::array<EnumName<MountKind>, 4> names{{{MountKind::bind, "bind"},
                                                               {MountKind::volume, "volume"},
                                                               {MountKind::tmpfs, "tmpfs"},
                                                               {MountKind::image, "image"}}};
    return names;
}
// A mount whose source is settled: volumes and images are host folders by now.
struct Mount {
    MountKind kind = MountKind::bind;
    std::string name;   // volume name; empty otherwise
    std::string source; // absolute host path; empty for tmpfs
    std::string target;
    bool read_only = false;
    bool recursive = true;
    std::string propagation; // "rprivate" (default), "rslave", "shared", ...
    std::vector<std::string>
        options; // tmpfs: "size=64m", "mode=1777"; further mount flags ("nosuid", "noexec")
    bool anonymous =
        false; // a volume without a name of the user's: removed with the container by rm -v, --rm
    // Options of the short form "source:target:mode", as written; none: it was asked for in the long form.
    std::optional<std::string> mode = {};
};
template <class V> void describe(V& v, Mount& m) {
    v.field("kind", m.kind);
    v.field("name", m.name);
    v.field("source", m.source);
    v.field("target", m.target);
    v.field("readOnly", m.read_only);
    v.field("recursive", m.recursive);
    v.field("propagation", m.propagation);
    v.field("options", m.options);
    v.field("anonymous", m.anonymous);
    v.field("mode", m.mode);
}

struct Healthcheck {
    std::vector<std::string> test; // docker's: {"CMD", ...}, {"CMD-SHELL", "..."}, {"NONE"}
    std::int64_t interval_ns = 0, timeout_ns = 0, start_period_ns = 0, start_interval_ns = 0; // 0: default
    std::int64_t retries = 0;
};
template <class V> void describe(V& v, Healthcheck& h) {
    v.field("test", h.test);
    v.field("intervalNs", h.interval_ns);
    v.field("timeoutNs", h.timeout_ns);
    v.field("startPeriodNs", h.start_period_ns);
    v.field("startIntervalNs", h.start_interval_ns);
    v.field("retries", h.retries);
}

struct Ulimit {
    std::string name;                // "nofile"
    std::int64_t soft = 0, hard = 0; // -1: unlimited
};
template <class V> void describe(V& v, Ulimit& u) {
    v.field("name", u.name);
    v.field("soft", u.soft);
    v.field("hard", u.hard);
}
struct DeviceMapping {
    std::string source, target, permissions = "rwm";
};
template <class V> void describe(V& v, DeviceMapping& d) {
    v.field("source", d.source);
    v.field("target", d.target);
    v.field("permissions", d.permissions);
}

struct DeviceRate {
    std::string device;    // path of a block device on the host
    std::int64_t rate = 0; // weight 10 to 1000, bytes or operations a second
};
template <class V> void describe(V& v, DeviceRate& r) {
    v.field("device", r.device);
    v.field("rate", r.rate);
}
struct BlockDeviceLimits {
    std::vector<DeviceRate> weight, read_bps, write_bps, read_iops, write_iops;
};
template <class V> void describe(V& v, BlockDeviceLimits& l) {
    v.field("weight", l.weight);
    v.field("readBps", l.read_bps);
    v.field("writeBps", l.write_bps);
    v.field("readIops", l.read_iops);
    v.field("writeIops", l.write_iops);
}

struct Limits {                   // 0 or empty: none
    std::int64_t memory = 0;      // bytes
    std::int64_t memory_swap = 0; // bytes, memory + swap; -1: unlimited swap
    std::int64_t memory_reservation = 0;
    std::int64_t nano_cpus = 0; // 1.5 CPUs = 1'500'000'000
    std::int64_t cpu_shares = 0, cpu_period = 0, cpu_quota = 0;
    std::string cpuset_cpus, cpuset_mems;
    std::int64_t pids = 0; // 0: the default 4096; -1: unlimited
    std::int64_t blkio_weight = 0;
    BlockDeviceLimits block_devices;
    std::int64_t shm_size = 0; // 0: 64 MiB
    bool oom_kill_disable = false;
    std::optional<std::int64_t> oom_score_adj, swappiness;
};
template <class V> void describe(V& v, Limits& l) {
    v.field("memory", l.memory);
    v.field("memorySwap", l.memory_swap);
    v.field("memoryReservation", l.memory_reservation);
    v.field("nanoCpus", l.nano_cpus);
    v.field("cpuShares", l.cpu_shares);
    v.field("cpuPeriod", l.cpu_period);
    v.field("cpuQuota", l.cpu_quota);
    v.field("cpusetCpus", l.cpuset_cpus);
    v.field("cpusetMems", l.cpuset_mems);
    v.field("pids", l.pids);
    v.field("blkioWeight", l.blkio_weight);
    v.field("blockDevices", l.block_devices);
    v.field("shmSize", l.shm_size);
    v.field("oomKillDisable", l.oom_kill_disable);
    v.field("oomScoreAdj", l.oom_score_adj);
    v.field("swappiness", l.swappiness);
}

// What ps, port and inspect show of the network; filled by the caller, opaque to the runtime.
struct PublishedPort {
    std::string host_ip;
    std::int64_t host_port = 0, container_port = 0;
    std::string protocol = "tcp";
    std::int64_t host_port_end = 0; // > host_port: any free one from host_port to here
};
template <class V> void describe(V& v, PublishedPort& p) {
    v.field("hostIp", p.host_ip);
    v.field("hostPort", p.host_port);
    v.field("hostPortEnd", p.host_port_end);
    v.field("containerPort", p.container_port);
    v.field("protocol", p.protocol);
}
struct NetworkView {
    // "none", "host", "container:<id>", or "bridge" for anything that network/ wires: then each start is
    // handed a network namespace.
    std::string mode = "bridge";
    std::vector<std::string> extra_hosts; // "name:ip"
    std::vector<std::string> dns, dns_search, dns_options;
    std::vector<PublishedPort> asked_ports; // as asked for; host_port 0: any
    std::vector<std::string> exposed_ports; // "80/tcp"
    std::vector<std::string> links;         // "container:alias": a name for this container alone
    // The networks to join, as the caller wants them back at each start (network::EndpointRequest in JSON
    // form).
    Json endpoint_requests = Json::array();
};
template <class V> void describe(V& v, NetworkView& n) {
    v.field("mode", n.mode);
    v.field("extraHosts", n.extra_hosts);
    v.field("dns", n.dns);
    v.field("dnsSearch", n.dns_search);
    v.field("dnsOptions", n.dns_options);
    v.field("askedPorts", n.asked_ports);
    v.field("exposedPorts", n.exposed_ports);
    v.field("links", n.links);
    v.field("endpointRequests", n.endpoint_requests);
}

inline constexpr std::int64_t k_default_stop_timeout_ns = 10'000'000'000;

struct ContainerSpec {
    std::int64_t version = 1;
    std::string id;   // empty: create() makes one
    std::string name; // without a slash; empty: create() makes one up
    std::string created_at;
    std::string image;               // as the user named it
    std::string image_id;            // "sha256:..." of its configuration
    std::vector<std::string> layers; // unpacked layer folders, topmost first (image::lower_dirs)
    std::string rootfs;              // a plain folder instead of image layers
    std::map<std::string, std::string> labels;
    std::vector<std::string> entrypoint, command; // as they run: argv = entrypoint + command
    std::vector<std::string> env;                 // "K=v", image's and user's merged
    std::string working_dir;
    std::string user; // "", "uid", "name", "uid:gid", "name:group"; resolved against the image at create
    std::vector<std::string> group_add;
    std::string hostname; // empty: the short id
    std::string domainname;
    bool tty = false, open_stdin = false, stdin_once = false;
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false; // by the command that made it
    bool init = false, read_only = false, privileged = false, auto_remove = false;
    bool throwaway =
        false; // used by one command and removed by it, as a build's; so is one that removes itself
    std::vector<std::string> cap_add, cap_drop, security_opt;
    std::vector<DeviceMapping> devices;
    std::vector<std::string> device_cgroup_rules;
    std::map<std::string, std::string> sysctls;
    std::map<std::string, std::string> annotations; // of the bundle; "berth." is ours
    std::vector<Ulimit> ulimits;
    Limits limits;
    std::vector<Mount> mounts;
    std::vector<std::string> volumes_from; // as asked for; what came of it is among the mounts
    bool publish_all = false;              // as asked for
    std::string id_file;                   // where the id was written to: --cidfile
    std::string pid_mode, ipc_mode, uts_mode, cgroupns_mode, userns_mode; // "", "host", "container:<id>", ...
    std::string cgroup_parent;
    std::string runtime; // another OCI runtime's name; empty: ours
    monitor::RestartPlan restart;
    std::optional<Healthcheck> healthcheck;
    std::string stop_signal;                                  // "" : SIGTERM
    std::int64_t stop_timeout_ns = k_default_stop_timeout_ns; // -1: no end of waiting
    std::string log_driver = "json-file";                     // "json-file", "local", "none"
    std::map<std::string, std::string> log_options;           // "max-size", "max-file"
    NetworkView network;
};
template <class V> void describe(V& v, ContainerSpec& s) {
    v.field("version", s.version);
    v.field("id", s.id);
    v.field("name", s.name);
    v.field("createdAt", s.created_at);
    v.field("image", s.image);
    v.field("imageId", s.image_id);
    v.field("layers", s.layers);
    v.field("rootfs", s.rootfs);
    v.field("labels", s.labels);
    v.field("entrypoint", s.entrypoint);
    v.field("command", s.command);
    v.field("env", s.env);
    v.field("workingDir", s.working_dir);
    v.field("user", s.user);
    v.field("groupAdd", s.group_add);
    v.field("hostname", s.hostname);
    v.field("domainname", s.domainname);
    v.field("tty", s.tty);
    v.field("openStdin", s.open_stdin);
    v.field("stdinOnce", s.stdin_once);
    v.field("attachStdin", s.attach_stdin);
    v.field("attachStdout", s.attach_stdout);
    v.field("attachStderr", s.attach_stderr);
    v.field("init", s.init);
    v.field("readOnly", s.read_only);
    v.field("privileged", s.privileged);
    v.field("autoRemove", s.auto_remove);
    v.field("throwaway", s.throwaway);
    v.field("capAdd", s.cap_add);
    v.field("capDrop", s.cap_drop);
    v.field("securityOpt", s.security_opt);
    v.field("devices", s.devices);
    v.field("deviceCgroupRules", s.device_cgroup_rules);
    v.field("sysctls", s.sysctls);
    v.field("annotations", s.annotations);
    v.field("ulimits", s.ulimits);
    v.field("limits", s.limits);
    v.field("mounts", s.mounts);
    v.field("volumesFrom", s.volumes_from);
    v.field("publishAll", s.publish_all);
    v.field("idFile", s.id_file);
    v.field("pidMode", s.pid_mode);
    v.field("ipcMode", s.ipc_mode);
    v.field("utsMode", s.uts_mode);
    v.field("cgroupnsMode", s.cgroupns_mode);
    v.field("usernsMode", s.userns_mode);
    v.field("cgroupParent", s.cgroup_parent);
    v.field("runtime", s.runtime);
    v.field("restart", s.restart);
    v.field("healthcheck", s.healthcheck);
    v.field("stopSignal", s.stop_signal);
    v.field("stopTimeoutNs", s.stop_timeout_ns);
    v.field("logDriver", s.log_driver);
    v.field("logOptions", s.log_options);
    v.field("network", s.network);
}

} // namespace berth::runtime
