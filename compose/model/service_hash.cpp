#include "compose/model/service_hash.hpp"

#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

// Adds only what is set, so that a field which a later version learns leaves the hashes of those who do not
// use it.
class Writer {
  public:
    void text(const char* key, const std::string& value) {
        if (!value.empty()) json_.set(key, value);
    }
    void number(const char* key, std::int64_t value) {
        if (value != 0) json_.set(key, value);
    }
    void flag(const char* key, bool value, bool usual = false) {
        if (value != usual) json_.set(key, value);
    }
    void optional(const char* key, const std::optional<std::int64_t>& value) {
        if (value) json_.set(key, *value);
    }
    void duration(const char* key, const std::optional<Duration>& value) {
        if (value) json_.set(key, static_cast<std::int64_t>(value->count()));
    }
    void texts(const char* key, const std::vector<std::string>& values) {
        if (!values.empty()) json_.set(key, to_json(values));
    }
    void map(const char* key, const std::map<std::string, std::string>& values) {
        if (!values.empty()) json_.set(key, to_json(values));
    }
    void value(const char* key, Json value) { json_.set(key, std::move(value)); }
    [[nodiscard]] Json take() { return std::move(json_); }

  private:
    Json json_ = Json::object();
};

template <class T, class Encode>
void list(Writer& out, const char* key, const std::vector<T>& values, Encode encode) {
    if (values.empty()) return;
    Json array = Json::array();
    for (const auto& value : values)
        array.push(encode(value));
    out.value(key, std::move(array));
}

Json encode_port(const Port& port) {
    Writer out;
    out.text("host_ip", port.host_ip);
    out.text("published", port.published);
    out.number("target", port.target);
    out.text("protocol", port.protocol);
    return out.take();
}

Json encode_mount(const ServiceMount& mount) {
    Writer out;
    out.number("type", static_cast<std::int64_t>(mount.type));
    out.text("source", mount.source);
    out.text("target", mount.target);
    out.flag("read_only", mount.read_only);
    out.text("propagation", mount.bind_propagation);
    out.text("selinux", mount.bind_selinux);
    out.text("recursive", mount.bind_recursive);
    out.flag("create_host_path", mount.create_host_path, true);
    out.flag("nocopy", mount.nocopy);
    out.text("subpath", mount.subpath);
    out.number("tmpfs_size", mount.tmpfs_size);
    out.number("tmpfs_mode", mount.tmpfs_mode);
    return out.take();
}

Json encode_network(const ServiceNetwork& network) {
    Writer out;
    out.text("network", network.network);
    out.texts("aliases", network.aliases);
    out.texts("link_local_ips", network.link_local_ips);
    out.text("ipv4_address", network.ipv4_address);
    out.text("ipv6_address", network.ipv6_address);
    out.text("mac_address", network.mac_address);
    out.text("interface_name", network.interface_name);
    out.number("priority", network.priority);
    out.number("gw_priority", network.gateway_priority);
    out.map("driver_opts", network.driver_opts);
    return out.take();
}

Json encode_ulimit(const UlimitSpec& limit) {
    Writer out;
    out.text("name", limit.name);
    out.value("soft", limit.soft);
    out.value("hard", limit.hard);
    return out.take();
}

Json encode_reference(const FileReference& reference) {
    Writer out;
    out.text("source", reference.source);
    out.text("target", reference.target);
    out.text("uid", reference.uid);
    out.text("gid", reference.gid);
    out.optional("mode", reference.mode);
    return out.take();
}

Json encode_blkio(const BlkioDevice& device) {
    Writer out;
    out.text("path", device.path);
    out.number("value", device.value);
    return out.take();
}

Json encode_health(const HealthcheckSpec& health) {
    Writer out;
    out.flag("disable", health.disable);
    out.texts("test", health.test);
    out.duration("interval", health.interval);
    out.duration("timeout", health.timeout);
    out.duration("start_period", health.start_period);
    out.duration("start_interval", health.start_interval);
    out.optional("retries", health.retries);
    return out.take();
}

Json encode_environment(const std::map<std::string, std::optional<std::string>>& environment) {
    Json out = Json::object();
    for (const auto& [key, value] : environment)
        out.as_object()->push_back({key, value ? Json(*value) : Json()});
    return out;
}

void identity(Writer& out, const Service& s) {
    out.text("image", s.image);
    if (s.command) out.value("command", to_json(*s.command));
    if (s.entrypoint) out.value("entrypoint", to_json(*s.entrypoint));
    if (!s.environment.empty()) out.value("environment", encode_environment(s.environment));
    out.map("labels", s.labels);
    out.map("annotations", s.annotations);
    out.text("working_dir", s.working_dir);
    out.text("user", s.user);
    out.text("hostname", s.hostname);
    out.text("domainname", s.domainname);
    out.text("container_name", s.container_name);
    out.text("platform", s.platform);
    out.text("runtime", s.runtime);
    out.text("restart", s.restart);
    if (s.healthcheck) out.value("healthcheck", encode_health(*s.healthcheck));
    list(out, "post_start", s.post_start, [](const auto& hook) { return to_json(hook); });
    list(out, "pre_stop", s.pre_stop, [](const auto& hook) { return to_json(hook); });
    out.text("logging_driver", s.logging_driver);
    out.map("logging_options", s.logging_options);
    out.text("stop_signal", s.stop_signal);
    out.duration("stop_grace_period", s.stop_grace_period);
}

void surroundings(Writer& out, const Service& s) {
    list(out, "ports", s.ports, encode_port);
    out.texts("expose", s.expose);
    list(out, "networks", s.networks, encode_network);
    out.text("network_mode", s.network_mode);
    out.texts("extra_hosts", s.extra_hosts);
    out.texts("dns", s.dns);
    out.texts("dns_search", s.dns_search);
    out.texts("dns_opt", s.dns_opt);
    out.texts("links", s.links);
    out.texts("external_links", s.external_links);
    out.text("mac_address", s.mac_address);
    list(out, "volumes", s.volumes, encode_mount);
    out.texts("tmpfs", s.tmpfs);
    out.texts("volumes_from", s.volumes_from);
    out.map("storage_opt", s.storage_opt);
    list(out, "configs", s.configs, encode_reference);
    list(out, "secrets", s.secrets, encode_reference);
    out.number("shm_size", s.shm_size);
    out.flag("read_only", s.read_only);
}

void confinement(Writer& out, const Service& s) {
    out.texts("cap_add", s.cap_add);
    out.texts("cap_drop", s.cap_drop);
    out.texts("security_opt", s.security_opt);
    out.texts("group_add", s.group_add);
    out.texts("devices", s.devices);
    out.texts("device_cgroup_rules", s.device_cgroup_rules);
    out.flag("privileged", s.privileged);
    out.flag("init", s.init);
    out.flag("tty", s.tty);
    out.flag("stdin_open", s.stdin_open);
    out.flag("oom_kill_disable", s.oom_kill_disable);
    out.flag("use_api_socket", s.use_api_socket);
    out.text("pid", s.pid);
    out.text("ipc", s.ipc);
    out.text("uts", s.uts);
    out.text("userns_mode", s.userns_mode);
    out.text("cgroup", s.cgroup);
    out.text("cgroup_parent", s.cgroup_parent);
}

void resources(Writer& out, const Service& s) {
    out.map("sysctls", s.sysctls);
    list(out, "ulimits", s.ulimits, encode_ulimit);
    out.number("mem_limit", s.mem_limit);
    out.number("memswap_limit", s.memswap_limit);
    out.number("mem_reservation", s.mem_reservation);
    out.optional("mem_swappiness", s.mem_swappiness);
    out.text("cpus", s.cpus);
    out.text("cpuset", s.cpuset);
    out.number("cpu_shares", s.cpu_shares);
    out.number("cpu_quota", s.cpu_quota);
    out.number("cpu_period", s.cpu_period);
    out.number("cpu_count", s.cpu_count);
    out.optional("pids_limit", s.pids_limit);
    out.optional("oom_score_adj", s.oom_score_adj);
    out.number("blkio_weight", s.blkio_weight);
    const auto& blkio = s.blkio_devices;
    list(out, "blkio_weight_device", blkio.weight, encode_blkio);
    list(out, "device_read_bps", blkio.read_bps, encode_blkio);
    list(out, "device_write_bps", blkio.write_bps, encode_blkio);
    list(out, "device_read_iops", blkio.read_iops, encode_blkio);
    list(out, "device_write_iops", blkio.write_iops, encode_blkio);
    out.text("deploy_cpus", s.deploy.limits.cpus);
    out.number("deploy_memory", s.deploy.limits.memory);
    out.number("deploy_pids", s.deploy.limits.pids);
    out.number("deploy_memory_reserved", s.deploy.reservations.memory);
    out.text("deploy_restart", s.deploy.restart_condition);
    out.duration("deploy_restart_delay", s.deploy.restart_delay);
    out.duration("deploy_restart_window", s.deploy.restart_window);
    out.optional("deploy_restart_attempts", s.deploy.restart_max_attempts);
}

} // namespace

std::string service_hash_input(const Service& service) {
    Writer out;
    identity(out, service);
    surroundings(out, service);
    confinement(out, service);
    resources(out, service);
    return out.take().to_text();
}

std::string service_hash(const Service& service) {
    return sha256_hex(service_hash_input(service));
}

} // namespace berth::compose
