#include "runtime/container/inspect_parts.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/container/bundle.hpp"

#include <algorithm>
#include <cctype>

namespace berth::runtime {

namespace {

Json list_or_null(const std::vector<std::string>& items) {
    return items.empty() ? Json() : to_json(items);
}

Json port_set(const ContainerSpec& spec) {
    Json out = Json::object();
    for (const auto& port : spec.network.exposed_ports)
        out.set(port, Json::object());
    for (const auto& port : spec.network.asked_ports)
        out.set(concat(port.container_port, "/", port.protocol), Json::object());
    return out;
}

Json port_bindings(const ContainerSpec& spec) {
    Json out = Json::object();
    for (const auto& port : spec.network.asked_ports) {
        const auto key = concat(port.container_port, "/", port.protocol);
        Json binding = Json::object();
        binding.set("HostIp", port.host_ip);
        binding.set("HostPort", port.host_port == 0      ? std::string()
                                : port.host_port_end > 0 ? concat(port.host_port, "-", port.host_port_end)
                                                         : concat(port.host_port));
        if (Json* there = out.find(key))
            there->push(std::move(binding));
        else
            out.set(key, Json(Json::Array{std::move(binding)}));
    }
    return out;
}

// What was asked for in the short form, as it was written.
Json binds(const ContainerSpec& spec) {
    Json out = Json::array();
    for (const auto& mount : spec.mounts) {
        const bool has_source =
            mount.kind == MountKind::bind || (mount.kind == MountKind::volume && !mount.anonymous);
        if (!mount.mode || !has_source) continue;
        const auto& source = mount.kind == MountKind::volume ? mount.name : mount.source;
        out.push(concat(source, ":", mount.target, mount.mode->empty() ? "" : ":", *mount.mode));
    }
    return out.as_array()->empty() ? Json() : out;
}

Json tmpfs(const ContainerSpec& spec) {
    Json out = Json::object();
    for (const auto& mount : spec.mounts)
        if (mount.kind == MountKind::tmpfs && mount.mode) out.set(mount.target, join(mount.options, ","));
    return out;
}

std::int64_t parse_octal(std::string_view digits) {
    std::int64_t out = 0;
    for (const char c : digits)
        out = out * 8 + (c - '0');
    return out;
}

Json tmpfs_options(const Mount& mount) {
    Json out = Json::object();
    for (const auto& option : mount.options) {
        const bool size = option.starts_with("size="), mode = option.starts_with("mode=");
        if (!size && !mode) continue;
        const auto number =
            size ? parse_bytes(option.substr(5)) : Result<std::int64_t>(parse_octal(option.substr(5)));
        if (number) out.set(size ? "SizeBytes" : "Mode", *number);
    }
    return out;
}

// And what in the long form.
Json long_mounts(const ContainerSpec& spec) {
    Json out = Json::array();
    for (const auto& mount : spec.mounts) {
        if (mount.mode) continue;
        Json entry = Json::object();
        entry.set("Type", enum_to_name(mount.kind));
        if (mount.kind != MountKind::tmpfs && !mount.anonymous)
            entry.set("Source", mount.kind == MountKind::volume ? mount.name : mount.source);
        entry.set("Target", mount.target);
        if (mount.read_only) entry.set("ReadOnly", true);
        if (mount.kind == MountKind::bind && !mount.propagation.empty()) {
            Json options = Json::object();
            options.set("Propagation", mount.propagation);
            entry.set("BindOptions", std::move(options));
        }
        if (auto options = tmpfs_options(mount);
            mount.kind == MountKind::tmpfs && !options.as_object()->empty())
            entry.set("TmpfsOptions", std::move(options));
        out.push(std::move(entry));
    }
    return out;
}

// "NET_ADMIN", "cap_net_admin" as "CAP_NET_ADMIN".
Json capabilities(std::vector<std::string> names) {
    for (auto& name : names) {
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        if (name != "ALL" && !name.starts_with("CAP_")) name = concat("CAP_", name);
    }
    return list_or_null(names);
}

// The first of the networks that it joins, by the name that it was asked for with.
std::string network_mode(const NetworkView& network) {
    const auto* requests = network.endpoint_requests.as_array();
    if (network.mode != "bridge" || requests == nullptr || requests->empty()) return network.mode;
    const auto* name = requests->front().find("network");
    return name != nullptr && name->as_string() != nullptr ? *name->as_string() : network.mode;
}

// What docker has and berth cannot be asked for, or shows elsewhere: always empty.
void add_unused(Json& out) {
    for (const char* name : {"VolumeDriver", "Cgroup", "Isolation"})
        out.set(name, "");
    for (const char* name : {"CpuRealtimePeriod", "CpuRealtimeRuntime", "CpuCount", "CpuPercent",
                             "IOMaximumIOps", "IOMaximumBandwidth"})
        out.set(name, 0);
    out.set("ConsoleSize", Json(Json::Array{Json(0), Json(0)}));
    out.set("DeviceRequests", Json());
}

Json healthcheck(const Healthcheck& check) {
    Json out = Json::object();
    out.set("Test", to_json(check.test));
    const auto set = [&](const char* key, std::int64_t value) {
        if (value != 0) out.set(key, value);
    };
    set("Interval", check.interval_ns);
    set("Timeout", check.timeout_ns);
    set("StartPeriod", check.start_period_ns);
    set("StartInterval", check.start_interval_ns);
    set("Retries", check.retries);
    return out;
}

Json ulimits(const ContainerSpec& spec) {
    Json out = Json::array();
    for (const auto& ulimit : spec.ulimits) {
        Json entry = Json::object();
        entry.set("Name", ulimit.name);
        entry.set("Hard", ulimit.hard);
        entry.set("Soft", ulimit.soft);
        out.push(std::move(entry));
    }
    return out;
}

Json devices(const ContainerSpec& spec) {
    Json out = Json::array();
    for (const auto& device : spec.devices) {
        Json entry = Json::object();
        entry.set("PathOnHost", device.source);
        entry.set("PathInContainer", device.target.empty() ? device.source : device.target);
        entry.set("CgroupPermissions", device.permissions);
        out.push(std::move(entry));
    }
    return out;
}

Json device_rates(const std::vector<DeviceRate>& rates, const char* value) {
    Json out = Json::array();
    for (const auto& rate : rates) {
        Json entry = Json::object();
        entry.set("Path", rate.device);
        entry.set(value, rate.rate);
        out.push(std::move(entry));
    }
    return out;
}

void add_block_devices(const BlockDeviceLimits& limits, Json& out) {
    out.set("BlkioWeightDevice", device_rates(limits.weight, "Weight"));
    out.set("BlkioDeviceReadBps", device_rates(limits.read_bps, "Rate"));
    out.set("BlkioDeviceWriteBps", device_rates(limits.write_bps, "Rate"));
    out.set("BlkioDeviceReadIOps", device_rates(limits.read_iops, "Rate"));
    out.set("BlkioDeviceWriteIOps", device_rates(limits.write_iops, "Rate"));
}

void add_limits(const Limits& limits, Json& out) {
    out.set("Memory", limits.memory);
    out.set("MemorySwap", limits.memory_swap != 0 ? limits.memory_swap : limits.memory * 2);
    out.set("MemoryReservation", limits.memory_reservation);
    out.set("MemorySwappiness", limits.swappiness ? Json(*limits.swappiness) : Json());
    out.set("NanoCpus", limits.nano_cpus);
    out.set("CpuShares", limits.cpu_shares);
    out.set("CpuPeriod", limits.cpu_period);
    out.set("CpuQuota", limits.cpu_quota);
    out.set("CpusetCpus", limits.cpuset_cpus);
    out.set("CpusetMems", limits.cpuset_mems);
    out.set("BlkioWeight", limits.blkio_weight);
    add_block_devices(limits.block_devices, out);
    out.set("PidsLimit", limits.pids == 0 ? Json() : Json(limits.pids));
    out.set("OomKillDisable", limits.oom_kill_disable);
    out.set("OomScoreAdj", limits.oom_score_adj.value_or(0));
    out.set("ShmSize", limits.shm_size != 0 ? limits.shm_size : std::int64_t{64} << 20);
}

} // namespace

Json config_part(const ContainerSpec& spec) {
    Json out = Json::object();
    out.set("Hostname", spec.hostname);
    out.set("Domainname", spec.domainname);
    out.set("User", spec.user);
    out.set("AttachStdin", spec.attach_stdin);
    out.set("AttachStdout", spec.attach_stdout);
    out.set("AttachStderr", spec.attach_stderr);
    out.set("Tty", spec.tty);
    out.set("OpenStdin", spec.open_stdin);
    out.set("StdinOnce", spec.stdin_once);
    out.set("ExposedPorts", port_set(spec));
    out.set("Env", list_or_null(spec.env));
    out.set("Cmd", list_or_null(spec.command));
    if (spec.healthcheck) out.set("Healthcheck", healthcheck(*spec.healthcheck));
    out.set("Image", spec.image);
    Json volumes = Json::object();
    for (const auto& mount : spec.mounts)
        if (mount.kind == MountKind::volume && mount.anonymous) volumes.set(mount.target, Json::object());
    out.set("Volumes", volumes.as_object()->empty() ? Json() : volumes);
    out.set("WorkingDir", spec.working_dir);
    out.set("Entrypoint", list_or_null(spec.entrypoint));
    out.set("OnBuild", Json());
    out.set("Labels", to_json(spec.labels));
    if (!spec.stop_signal.empty()) out.set("StopSignal", spec.stop_signal);
    if (spec.stop_timeout_ns != k_default_stop_timeout_ns)
        out.set("StopTimeout", spec.stop_timeout_ns < 0 ? -1 : spec.stop_timeout_ns / 1'000'000'000);
    return out;
}

Json host_config_part(const ContainerSpec& spec) {
    Json out = Json::object();
    out.set("Binds", binds(spec));
    out.set("ContainerIDFile", spec.id_file);
    Json log = Json::object();
    log.set("Type", spec.log_driver);
    log.set("Config", to_json(spec.log_options));
    out.set("LogConfig", std::move(log));
    out.set("NetworkMode", network_mode(spec.network));
    out.set("PortBindings", port_bindings(spec));
    Json restart = Json::object();
    restart.set("Name", enum_to_name(spec.restart.kind));
    restart.set("MaximumRetryCount", spec.restart.max_retries);
    out.set("RestartPolicy", std::move(restart));
    out.set("AutoRemove", spec.auto_remove);
    out.set("VolumesFrom", list_or_null(spec.volumes_from));
    out.set("CapAdd", capabilities(spec.cap_add));
    out.set("CapDrop", capabilities(spec.cap_drop));
    out.set("CgroupnsMode", spec.cgroupns_mode.empty() ? std::string("private") : spec.cgroupns_mode);
    out.set("Dns", to_json(spec.network.dns));
    out.set("DnsOptions", to_json(spec.network.dns_options));
    out.set("DnsSearch", to_json(spec.network.dns_search));
    out.set("ExtraHosts", list_or_null(spec.network.extra_hosts));
    out.set("GroupAdd", list_or_null(spec.group_add));
    out.set("IpcMode", spec.ipc_mode.empty() ? std::string("private") : spec.ipc_mode);
    out.set("CgroupParent", spec.cgroup_parent);
    out.set("Links", list_or_null(spec.network.links));
    out.set("PidMode", spec.pid_mode);
    out.set("Privileged", spec.privileged);
    out.set("PublishAllPorts", spec.publish_all);
    out.set("ReadonlyRootfs", spec.read_only);
    out.set("SecurityOpt", list_or_null(spec.security_opt));
    if (auto mounts = tmpfs(spec); !mounts.as_object()->empty()) out.set("Tmpfs", std::move(mounts));
    if (auto mounts = long_mounts(spec); !mounts.as_array()->empty()) out.set("Mounts", std::move(mounts));
    out.set("UTSMode", spec.uts_mode);
    out.set("UsernsMode", spec.userns_mode);
    out.set("Runtime", spec.runtime.empty() ? std::string("berth") : spec.runtime);
    add_limits(spec.limits, out);
    out.set("Devices", devices(spec));
    out.set("DeviceCgroupRules", list_or_null(spec.device_cgroup_rules));
    if (!spec.sysctls.empty()) out.set("Sysctls", to_json(spec.sysctls));
    if (!spec.annotations.empty()) out.set("Annotations", to_json(spec.annotations));
    out.set("Ulimits", ulimits(spec));
    if (spec.init) out.set("Init", true);
    const auto paths = path_policy(spec);
    out.set("MaskedPaths", paths ? list_or_null(paths->masked) : Json());
    out.set("ReadonlyPaths", paths ? list_or_null(paths->read_only) : Json());
    add_unused(out);
    return out;
}

} // namespace berth::runtime
