// The text that is hashed lists every field that is not at its empty value, so that a field which a later
// berth adds leaves the hashes of all services that do not use it as they are.
#include "compose/plan/naming.hpp"

#include "runtime/base/concat.hpp"
#include "runtime/base/describe.hpp"
#include "runtime/base/sha256.hpp"

namespace berth::compose {

namespace {

class HashText {
  public:
    template <class T> void field(std::string_view name, const T& value) {
        if (value == T{}) return;
        text_ += name;
        put(value);
    }
    [[nodiscard]] std::string take() && { return std::move(text_); }

    void put(const std::string& value) { text_ += concat("=", value.size(), ":", value, ";"); }
    void put(Duration value) { text_ += concat("=", value.count(), ";"); }
    template <class T>
    requires std::is_integral_v<T>
    void put(T value) { text_ += concat("=", value, ";"); }
    template <class T>
    requires std::is_enum_v<T>
    void put(T value) { text_ += concat("=", static_cast<int>(value), ";"); }
    template <class T> void put(const std::vector<T>& values) {
        text_ += concat("[", values.size(), ":");
        for (const auto& value : values)
            put(value);
        text_ += "]";
    }
    template <class T> void put(const std::map<std::string, T>& values) {
        text_ += concat("{", values.size(), ":");
        for (const auto& [key, value] : values) {
            put(key);
            put(value);
        }
        text_ += "}";
    }
    template <class T> void put(const std::optional<T>& value) {
        text_ += value ? "?" : "!;";
        if (value) put(*value);
    }

  private:
    std::string text_;
};

void hash_port(HashText& text, const Port& port) {
    text.field("hostIp", port.host_ip);
    text.field("published", port.published);
    text.field("target", port.target);
    text.field("protocol", port.protocol);
    text.field("mode", port.mode);
}

// Volumes by their name on the host: another `name:` means another volume.
void hash_mount(HashText& text, const Project& project, const ServiceMount& mount) {
    text.field("type", static_cast<int>(mount.type));
    const auto volume = project.volumes.find(mount.source);
    const bool named = mount.type == MountType::volume && volume != project.volumes.end();
    text.field("source", named ? volume->second.name : mount.source);
    text.field("target", mount.target);
    text.field("readOnly", mount.read_only);
    text.field("propagation", mount.bind_propagation);
    text.field("selinux", mount.bind_selinux);
    text.field("recursive", mount.bind_recursive);
    text.field("nocopy", mount.nocopy);
    text.field("subpath", mount.subpath);
    text.field("size", mount.tmpfs_size);
    text.field("mode", mount.tmpfs_mode);
}

void hash_network(HashText& text, const Project& project, const Service& service,
                  const ServiceNetwork& network) {
    const auto found = project.networks.find(network.network);
    text.field("network", found == project.networks.end() ? network.network : found->second.name);
    text.field("aliases", network.aliases);
    text.field("linked", linked_aliases(project, service, network.network));
    text.field("linkLocal", network.link_local_ips);
    text.field("ipv4", network.ipv4_address);
    text.field("ipv6", network.ipv6_address);
    text.field("mac", network.mac_address);
    text.field("interface", network.interface_name);
    text.field("priority", network.priority);
    text.field("gatewayPriority", network.gateway_priority);
    text.field("driverOpts", network.driver_opts);
}

void hash_healthcheck(HashText& text, const HealthcheckSpec& health) {
    text.field("disable", health.disable);
    text.field("test", health.test);
    text.field("interval", health.interval);
    text.field("timeout", health.timeout);
    text.field("startPeriod", health.start_period);
    text.field("startInterval", health.start_interval);
    text.field("retries", health.retries);
}

// A file's path, not its content: the container sees a changed file through its mount.
void hash_file(HashText& text, const Project& project, const std::map<std::string, ProjectFile>& files,
               const FileReference& reference) {
    text.field("source", reference.source);
    text.field("target", reference.target);
    text.field("uid", reference.uid);
    text.field("gid", reference.gid);
    text.field("mode", reference.mode);
    const auto found = files.find(reference.source);
    if (found == files.end()) return;
    text.field("file", found->second.file);
    text.field("content", found->second.content);
    text.field("variable", found->second.environment);
    if (const auto value = project.environment.find(found->second.environment);
        value != project.environment.end())
        text.field("value", value->second);
}

void hash_deploy(HashText& text, const Deploy& deploy) {
    text.field("limitCpus", deploy.limits.cpus);
    text.field("limitMemory", deploy.limits.memory);
    text.field("limitPids", deploy.limits.pids);
    text.field("reservedMemory", deploy.reservations.memory);
    text.field("restart", deploy.restart_condition);
    text.field("restartDelay", deploy.restart_delay);
    text.field("restartWindow", deploy.restart_window);
    text.field("restartAttempts", deploy.restart_max_attempts);
}

void hash_process(HashText& text, const Service& s) {
    text.field("command", s.command);
    text.field("entrypoint", s.entrypoint);
    text.field("environment", s.environment);
    text.field("workingDir", s.working_dir);
    text.field("user", s.user);
    text.field("groupAdd", s.group_add);
    text.field("hostname", s.hostname);
    text.field("domainname", s.domainname);
    text.field("init", s.init);
    text.field("tty", s.tty);
    text.field("stdinOpen", s.stdin_open);
    text.field("stopSignal", s.stop_signal);
    text.field("stopGracePeriod", s.stop_grace_period);
    text.field("restart", s.restart);
    text.field("postStart", s.post_start);
    text.field("preStop", s.pre_stop);
}

void hash_security(HashText& text, const Service& s) {
    text.field("capAdd", s.cap_add);
    text.field("capDrop", s.cap_drop);
    text.field("securityOpt", s.security_opt);
    text.field("privileged", s.privileged);
    text.field("readOnly", s.read_only);
    text.field("devices", s.devices);
    text.field("deviceCgroupRules", s.device_cgroup_rules);
    text.field("sysctls", s.sysctls);
    text.field("pid", s.pid);
    text.field("ipc", s.ipc);
    text.field("uts", s.uts);
    text.field("userns", s.userns_mode);
    text.field("cgroup", s.cgroup);
    text.field("cgroupParent", s.cgroup_parent);
    text.field("isolation", s.isolation);
    text.field("useApiSocket", s.use_api_socket);
    text.field("storageOpt", s.storage_opt);
}

void hash_blkio(HashText& text, std::string_view name, const std::vector<BlkioDevice>& devices) {
    for (const auto& device : devices) {
        text.field(name, device.path);
        text.field("value", device.value);
    }
}

void hash_limits(HashText& text, const Service& s) {
    text.field("memLimit", s.mem_limit);
    text.field("memswapLimit", s.memswap_limit);
    text.field("memReservation", s.mem_reservation);
    text.field("memSwappiness", s.mem_swappiness);
    text.field("shmSize", s.shm_size);
    text.field("cpus", s.cpus);
    text.field("cpuset", s.cpuset);
    text.field("cpuShares", s.cpu_shares);
    text.field("cpuQuota", s.cpu_quota);
    text.field("cpuPeriod", s.cpu_period);
    text.field("cpuCount", s.cpu_count);
    text.field("pids", s.pids_limit);
    text.field("oomScoreAdj", s.oom_score_adj);
    text.field("oomKillDisable", s.oom_kill_disable);
    text.field("blkioWeight", s.blkio_weight);
    const auto& blkio = s.blkio_devices;
    hash_blkio(text, "blkioWeightDevice", blkio.weight);
    hash_blkio(text, "deviceReadBps", blkio.read_bps);
    hash_blkio(text, "deviceWriteBps", blkio.write_bps);
    hash_blkio(text, "deviceReadIops", blkio.read_iops);
    hash_blkio(text, "deviceWriteIops", blkio.write_iops);
    for (const auto& limit : s.ulimits) {
        text.field("ulimit", limit.name);
        text.field("soft", limit.soft);
        text.field("hard", limit.hard);
    }
}

void hash_network_settings(HashText& text, const Project& project, const Service& s) {
    for (const auto& port : s.ports)
        hash_port(text, port);
    text.field("expose", s.expose);
    for (const auto& network : s.networks)
        hash_network(text, project, s, network);
    text.field("networkMode", s.network_mode);
    text.field("extraHosts", s.extra_hosts);
    text.field("dns", s.dns);
    text.field("dnsSearch", s.dns_search);
    text.field("dnsOpt", s.dns_opt);
    text.field("links", s.links);
    text.field("externalLinks", s.external_links);
    text.field("mac", s.mac_address);
}

} // namespace

std::string config_hash(const Project& project, const Service& s) {
    HashText text;
    text.field("image", image_name(project, s));
    text.field("platform", s.platform);
    text.field("runtime", s.runtime);
    text.field("containerName", s.container_name);
    text.field("labels", s.labels);
    text.field("annotations", s.annotations);
    hash_process(text, s);
    hash_security(text, s);
    hash_limits(text, s);
    hash_network_settings(text, project, s);
    for (const auto& mount : s.volumes)
        hash_mount(text, project, mount);
    text.field("tmpfs", s.tmpfs);
    text.field("volumesFrom", s.volumes_from);
    if (s.healthcheck) hash_healthcheck(text, *s.healthcheck);
    text.field("loggingDriver", s.logging_driver);
    text.field("loggingOptions", s.logging_options);
    for (const auto& file : s.configs)
        hash_file(text, project, project.configs, file);
    for (const auto& file : s.secrets)
        hash_file(text, project, project.secrets, file);
    hash_deploy(text, s.deploy);
    return sha256_hex(std::move(text).take());
}

std::string config_hash(const ProjectNetwork& network) {
    HashText text;
    text.field("name", network.name);
    text.field("driver", network.driver);
    text.field("internal", network.internal);
    text.field("attachable", network.attachable);
    text.field("enableIpv6", network.enable_ipv6);
    text.field("enableIpv4", network.enable_ipv4);
    text.field("ipamDriver", network.ipam_driver);
    text.field("driverOpts", network.driver_opts);
    text.field("labels", network.labels);
    for (const auto& pool : network.ipam) {
        text.field("subnet", pool.subnet);
        text.field("gateway", pool.gateway);
        text.field("ipRange", pool.ip_range);
        text.field("aux", pool.aux_addresses);
    }
    return sha256_hex(std::move(text).take());
}

std::string config_hash(const ProjectVolume& volume) {
    HashText text;
    text.field("name", volume.name);
    text.field("driver", volume.driver);
    text.field("driverOpts", volume.driver_opts);
    text.field("labels", volume.labels);
    return sha256_hex(std::move(text).take());
}

} // namespace berth::compose
