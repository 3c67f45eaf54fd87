#include "compose/model/decode_model.hpp"
#include "compose/model/fields.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

MountType mount_type(std::string_view word) {
    constexpr std::pair<std::string_view, MountType> k_types[] = {
        {"bind", MountType::bind},   {"volume", MountType::volume}, {"tmpfs", MountType::tmpfs},
        {"image", MountType::image}, {"npipe", MountType::npipe},   {"cluster", MountType::cluster}};
    for (const auto& [name, type] : k_types)
        if (word == name) return type;
    return MountType::volume;
}

ServiceMount decode_mount(const SourceNode& node) {
    ServiceMount out;
    out.at = node.pos();
    out.type = mount_type(node.text_of("type"));
    fields::text(node, "source", out.source);
    fields::text(node, "target", out.target);
    fields::flag(node, "read_only", out.read_only);
    fields::text(node, "consistency", out.consistency);
    if (const auto* bind = node.find("bind")) {
        fields::text(*bind, "propagation", out.bind_propagation);
        fields::text(*bind, "selinux", out.bind_selinux);
        fields::text(*bind, "recursive", out.bind_recursive);
        fields::flag(*bind, "create_host_path", out.create_host_path);
    }
    if (const auto* volume = node.find("volume")) {
        fields::flag(*volume, "nocopy", out.nocopy);
        fields::text(*volume, "subpath", out.subpath);
    }
    if (const auto* image = node.find("image")) fields::text(*image, "subpath", out.subpath);
    if (const auto* tmpfs = node.find("tmpfs")) {
        fields::bytes(*tmpfs, "size", out.tmpfs_size);
        if (const auto* mode = tmpfs->find("mode"))
            if (const auto value = read_file_mode(*mode)) out.tmpfs_mode = *value;
    }
    return out;
}

Port decode_port(const SourceNode& node) {
    Port out;
    out.at = node.pos();
    fields::text(node, "host_ip", out.host_ip);
    fields::text(node, "published", out.published);
    fields::number(node, "target", out.target);
    fields::text(node, "protocol", out.protocol);
    fields::text(node, "mode", out.mode);
    fields::text(node, "name", out.name);
    fields::text(node, "app_protocol", out.app_protocol);
    return out;
}

ServiceNetwork decode_endpoint(const SourceEntry& entry) {
    ServiceNetwork out;
    const SourceNode& node = entry.value;
    out.network = entry.key;
    out.at = entry.key_at.pos();
    fields::texts(node, "aliases", out.aliases);
    fields::texts(node, "link_local_ips", out.link_local_ips);
    fields::text(node, "ipv4_address", out.ipv4_address);
    fields::text(node, "ipv6_address", out.ipv6_address);
    fields::text(node, "mac_address", out.mac_address);
    fields::text(node, "interface_name", out.interface_name);
    fields::number(node, "priority", out.priority);
    fields::number(node, "gw_priority", out.gateway_priority);
    fields::text_map(node, "driver_opts", out.driver_opts);
    return out;
}

Dependency decode_dependency(const SourceEntry& entry) {
    Dependency out;
    out.service = entry.key;
    out.at = entry.key_at.pos();
    const auto condition = entry.value.text_of("condition");
    if (condition == "service_healthy")
        out.condition = DependencyCondition::healthy;
    else if (condition == "service_completed_successfully")
        out.condition = DependencyCondition::completed_successfully;
    fields::flag(entry.value, "restart", out.restart);
    fields::flag(entry.value, "required", out.required);
    return out;
}

HealthcheckSpec decode_health(const SourceNode& node) {
    HealthcheckSpec out;
    out.at = node.pos();
    fields::flag(node, "disable", out.disable);
    fields::texts(node, "test", out.test);
    fields::duration(node, "interval", out.interval);
    fields::duration(node, "timeout", out.timeout);
    fields::duration(node, "start_period", out.start_period);
    fields::duration(node, "start_interval", out.start_interval);
    fields::number(node, "retries", out.retries);
    return out;
}

std::vector<FileReference> decode_references(const SourceNode* list) {
    std::vector<FileReference> out;
    if (list == nullptr) return out;
    for (const auto& node : list->items) {
        FileReference reference;
        reference.at = node.pos();
        fields::text(node, "source", reference.source);
        fields::text(node, "target", reference.target);
        fields::text(node, "uid", reference.uid);
        fields::text(node, "gid", reference.gid);
        if (const auto* mode = node.find("mode"))
            if (const auto value = read_file_mode(*mode)) reference.mode = *value;
        out.push_back(std::move(reference));
    }
    return out;
}

std::vector<std::vector<std::string>> decode_hooks(const SourceNode* list) {
    std::vector<std::vector<std::string>> out;
    if (list == nullptr) return out;
    for (const auto& hook : list->items) {
        std::optional<std::vector<std::string>> command;
        fields::command(hook, "command", command);
        out.push_back(command.value_or(std::vector<std::string>{}));
    }
    return out;
}

void decode_identity(const SourceNode& node, Service& out) {
    fields::text(node, "image", out.image);
    fields::position(node, "image", out.image_at);
    if (const auto* build = node.find("build")) out.build = decode_build(*build);
    fields::command(node, "command", out.command);
    fields::command(node, "entrypoint", out.entrypoint);
    fields::optional_text_map(node, "environment", out.environment);
    if (const auto* files = node.find("env_file"))
        for (const auto& file : files->items)
            out.env_files.emplace_back(file.is_mapping() ? file.text_of("path") : file.text);
    fields::text_map(node, "labels", out.labels);
    fields::text_map(node, "annotations", out.annotations);
    fields::text(node, "working_dir", out.working_dir);
    fields::text(node, "user", out.user);
    fields::text(node, "hostname", out.hostname);
    fields::text(node, "domainname", out.domainname);
    fields::text(node, "container_name", out.container_name);
    fields::text(node, "platform", out.platform);
    fields::text(node, "pull_policy", out.pull_policy);
    fields::text(node, "runtime", out.runtime);
    fields::text(node, "restart", out.restart);
    fields::texts(node, "profiles", out.profiles);
    if (const auto* health = node.find("healthcheck")) out.healthcheck = decode_health(*health);
    out.post_start = decode_hooks(node.find("post_start"));
    out.pre_stop = decode_hooks(node.find("pre_stop"));
    if (const auto* logging = node.find("logging")) {
        fields::text(*logging, "driver", out.logging_driver);
        fields::text_map(*logging, "options", out.logging_options);
    }
    fields::text(node, "stop_signal", out.stop_signal);
    fields::duration(node, "stop_grace_period", out.stop_grace_period);
}

void decode_network_part(const SourceNode& node, Service& out) {
    if (const auto* ports = node.find("ports"))
        for (const auto& port : ports->items)
            out.ports.push_back(decode_port(port));
    fields::texts(node, "expose", out.expose);
    if (const auto* networks = node.find("networks"))
        for (const auto& entry : networks->entries)
            out.networks.push_back(decode_endpoint(entry));
    fields::text(node, "network_mode", out.network_mode);
    if (const auto* depends = node.find("depends_on"))
        for (const auto& entry : depends->entries)
            out.depends_on.push_back(decode_dependency(entry));
    fields::texts(node, "extra_hosts", out.extra_hosts);
    fields::texts(node, "dns", out.dns);
    fields::texts(node, "dns_search", out.dns_search);
    std::erase(out.dns_search, std::string()); // a variable that is not set
    fields::texts(node, "dns_opt", out.dns_opt);
    fields::texts(node, "links", out.links);
    fields::texts(node, "external_links", out.external_links);
    fields::text(node, "mac_address", out.mac_address);
}

void decode_storage(const SourceNode& node, Service& out) {
    if (const auto* volumes = node.find("volumes"))
        for (const auto& mount : volumes->items)
            out.volumes.push_back(decode_mount(mount));
    fields::texts(node, "tmpfs", out.tmpfs);
    fields::texts(node, "volumes_from", out.volumes_from);
    fields::text_map(node, "storage_opt", out.storage_opt);
    out.configs = decode_references(node.find("configs"));
    out.secrets = decode_references(node.find("secrets"));
    fields::bytes(node, "shm_size", out.shm_size);
    fields::flag(node, "read_only", out.read_only);
}

void decode_security(const SourceNode& node, Service& out) {
    fields::texts(node, "cap_add", out.cap_add);
    fields::texts(node, "cap_drop", out.cap_drop);
    fields::texts(node, "security_opt", out.security_opt);
    fields::texts(node, "group_add", out.group_add);
    fields::texts(node, "device_cgroup_rules", out.device_cgroup_rules);
    if (const auto* devices = node.find("devices"))
        for (const auto& device : devices->items) {
            const auto target = device.text_of("target");
            const auto permissions = device.text_of("permissions");
            if (device.text_of("source").find('=') !=
                std::string_view::npos) { // a CDI name: vendor/class=device
                out.devices.emplace_back(device.text_of("source"));
                continue;
            }
            out.devices.push_back(concat(device.text_of("source"), ":",
                                         target.empty() ? device.text_of("source") : target, ":",
                                         permissions.empty() ? "rwm" : permissions));
        }
    fields::flag(node, "privileged", out.privileged);
    fields::flag(node, "init", out.init);
    fields::flag(node, "tty", out.tty);
    fields::flag(node, "stdin_open", out.stdin_open);
    fields::flag(node, "attach", out.attach);
    fields::flag(node, "oom_kill_disable", out.oom_kill_disable);
    fields::flag(node, "use_api_socket", out.use_api_socket);
    for (const auto& [key, field] : {std::pair{"pid", &out.pid},
                                     {"ipc", &out.ipc},
                                     {"uts", &out.uts},
                                     {"userns_mode", &out.userns_mode},
                                     {"cgroup", &out.cgroup},
                                     {"cgroup_parent", &out.cgroup_parent},
                                     {"isolation", &out.isolation}})
        fields::text(node, key, *field);
}

std::vector<BlkioDevice> decode_blkio_devices(const SourceNode* list, std::string_view value) {
    std::vector<BlkioDevice> out;
    if (list == nullptr) return out;
    for (const auto& item : list->items) {
        auto& device = out.emplace_back();
        fields::text(item, "path", device.path);
        fields::bytes(item, value, device.value);
    }
    return out;
}

void decode_blkio(const SourceNode& node, Service& out) {
    fields::number(node, "weight", out.blkio_weight);
    auto& devices = out.blkio_devices;
    devices.weight = decode_blkio_devices(node.find("weight_device"), "weight");
    devices.read_bps = decode_blkio_devices(node.find("device_read_bps"), "rate");
    devices.write_bps = decode_blkio_devices(node.find("device_write_bps"), "rate");
    devices.read_iops = decode_blkio_devices(node.find("device_read_iops"), "rate");
    devices.write_iops = decode_blkio_devices(node.find("device_write_iops"), "rate");
}

void decode_resources(const SourceNode& node, Service& out) {
    fields::text_map(node, "sysctls", out.sysctls);
    out.ulimits = decode_ulimits(node.find("ulimits"));
    fields::bytes(node, "mem_limit", out.mem_limit);
    fields::bytes(node, "memswap_limit", out.memswap_limit);
    fields::bytes(node, "mem_reservation", out.mem_reservation);
    fields::number(node, "mem_swappiness", out.mem_swappiness);
    fields::text(node, "cpus", out.cpus);
    fields::text(node, "cpuset", out.cpuset);
    fields::number(node, "cpu_shares", out.cpu_shares);
    fields::number(node, "cpu_quota", out.cpu_quota);
    fields::number(node, "cpu_period", out.cpu_period);
    fields::number(node, "cpu_count", out.cpu_count);
    fields::number(node, "pids_limit", out.pids_limit);
    fields::number(node, "oom_score_adj", out.oom_score_adj);
    if (const auto* blkio = node.find("blkio_config")) decode_blkio(*blkio, out);
    if (const auto* deploy = node.find("deploy")) out.deploy = decode_deploy(*deploy);
    if (const auto scale = fields::whole(node.find("scale")))
        out.scale = *scale;
    else if (out.deploy.replicas)
        out.scale = *out.deploy.replicas;
}

} // namespace

Service decode_service(const std::string& name, const SourceNode& node) {
    Service out;
    out.name = name;
    out.at = node.pos();
    decode_identity(node, out);
    decode_network_part(node, out);
    decode_storage(node, out);
    decode_security(node, out);
    decode_resources(node, out);
    return out;
}

} // namespace berth::compose
