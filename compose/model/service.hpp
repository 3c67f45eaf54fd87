// service.hpp - a service of the compose file after all phases of loading: typed, normalised, paths absolute.
// Each part keeps the place it was written at where a later error may have to point there.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/parse.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::compose {

template <class T> struct Located {
    T value{};
    SourcePos at;
};

struct UlimitSpec {
    std::string name;
    std::int64_t soft = 0, hard = 0;
    bool single = false; // written as one number
};

struct BuildSecret {
    std::string source; // key below `secrets:`
    std::string id;     // by which the Dockerfile asks for it
};

struct Build {
    std::string context;    // absolute folder or URL
    std::string dockerfile; // relative to the context, or absolute
    std::string dockerfile_inline;
    std::map<std::string, std::optional<std::string>>
        args; // no value: from the environment, otherwise left out
    std::map<std::string, std::string> labels, additional_contexts;
    std::vector<std::string> cache_from, cache_to, extra_hosts, tags, platforms, ssh, entitlements;
    std::vector<BuildSecret> secrets;
    std::vector<std::string> no_cache_filter; // names of stages
    std::vector<UlimitSpec> ulimits;
    std::string target, network, isolation;
    bool no_cache = false, pull = false, privileged = false;
    std::int64_t shm_size = 0;
    SourcePos at;
};

struct Port {
    std::string host_ip;
    std::string published; // "", "8080", or a range "8080-8090" of which any is taken
    std::int64_t target = 0;
    std::string protocol = "tcp";
    std::string mode = "ingress";
    std::string name, app_protocol;
    SourcePos at;
};

enum class MountType : std::uint8_t { bind, volume, tmpfs, image, npipe, cluster };
struct ServiceMount {
    MountType type = MountType::volume;
    std::string
        source; // bind: absolute path; volume: the key below `volumes:` (empty: anonymous); image: reference
    std::string target;
    bool read_only = false;
    std::string consistency;
    std::string bind_propagation, bind_selinux, bind_recursive;
    bool create_host_path = true;
    bool nocopy = false;
    std::string subpath; // volume.subpath, image.subpath
    std::int64_t tmpfs_size = 0, tmpfs_mode = 0;
    SourcePos at;
};

struct ServiceNetwork {
    std::string network; // the key below `networks:`
    std::vector<std::string> aliases, link_local_ips;
    std::string ipv4_address, ipv6_address, mac_address, interface_name;
    std::int64_t priority = 0, gateway_priority = 0;
    std::map<std::string, std::string> driver_opts;
    SourcePos at;
};

enum class DependencyCondition : std::uint8_t { started, healthy, completed_successfully };
struct Dependency {
    std::string service;
    DependencyCondition condition = DependencyCondition::started;
    bool restart = false;
    bool required = true;
    SourcePos at;
};

struct HealthcheckSpec {
    bool disable = false;
    std::vector<std::string> test; // "CMD"/"CMD-SHELL"/"NONE" first
    std::optional<Duration> interval, timeout, start_period, start_interval;
    std::optional<std::int64_t> retries;
    SourcePos at;
};

struct FileReference {  // a config or secret of a service
    std::string source; // key below `configs:` / `secrets:`
    std::string target;
    std::string uid, gid;
    std::optional<std::int64_t> mode;
    SourcePos at;
};

struct ResourceLimits { // deploy.resources.limits / reservations
    std::string cpus;
    std::int64_t memory = 0, pids = 0;
};
struct Deploy {
    bool present = false;
    std::optional<std::int64_t> replicas;
    ResourceLimits limits, reservations;
    std::string restart_condition; // "", none, on-failure, any
    std::optional<Duration> restart_delay, restart_window;
    std::optional<std::int64_t> restart_max_attempts;
    std::map<std::string, std::string> labels;
    std::string mode, endpoint_mode;
};

struct BlkioDevice {
    std::string path;       // of a block device
    std::int64_t value = 0; // weight, bytes or operations a second
};
struct BlkioDevices {
    std::vector<BlkioDevice> weight, read_bps, write_bps, read_iops, write_iops;
};

struct Service {
    std::string name;
    SourcePos at;
    std::string image;
    SourcePos image_at;
    std::optional<Build> build;
    std::optional<std::vector<std::string>> command, entrypoint; // none: the image's; empty: cleared
    std::map<std::string, std::optional<std::string>>
        environment; // no value: unset (env_file is merged in already)
    std::vector<std::string> env_files;
    std::vector<Port> ports;
    std::vector<std::string> expose;
    std::vector<ServiceMount> volumes;
    std::vector<std::string> tmpfs;
    std::vector<ServiceNetwork> networks; // empty only with network_mode
    std::string network_mode;             // "", host, none, bridge, service:X, container:X
    std::vector<Dependency> depends_on;
    std::optional<HealthcheckSpec> healthcheck;
    std::string restart; // "", no, always, on-failure[:n], unless-stopped
    std::string working_dir, user, hostname, domainname, container_name, platform, pull_policy, runtime;
    std::map<std::string, std::string> labels, annotations, sysctls, logging_options, storage_opt;
    std::string logging_driver;
    std::vector<std::string> cap_add, cap_drop, security_opt, group_add, devices, device_cgroup_rules;
    std::vector<std::string> extra_hosts; // "name=ip"
    std::vector<std::string> dns, dns_search, dns_opt, links, external_links, profiles, volumes_from;
    std::vector<UlimitSpec> ulimits;
    bool privileged = false, read_only = false, init = false, tty = false, stdin_open = false, attach = true,
         oom_kill_disable = false, use_api_socket = false;
    std::string stop_signal;
    std::optional<Duration> stop_grace_period;
    std::int64_t mem_limit = 0, memswap_limit = 0, mem_reservation = 0, shm_size = 0;
    std::string cpus, cpuset;
    std::int64_t cpu_shares = 0, cpu_quota = 0, cpu_period = 0, cpu_count = 0;
    std::optional<std::int64_t> pids_limit, oom_score_adj, mem_swappiness;
    std::string pid, ipc, uts, userns_mode, cgroup, cgroup_parent, isolation, mac_address;
    std::int64_t blkio_weight = 0;
    BlkioDevices blkio_devices;
    std::vector<FileReference> configs, secrets;
    std::vector<std::vector<std::string>> post_start, pre_stop; // commands of the hooks
    std::int64_t scale = 1;                                     // `scale`, deploy.replicas, or --scale
    Deploy deploy;
};

} // namespace berth::compose
