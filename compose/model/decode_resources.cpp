#include "compose/model/decode_model.hpp"
#include "compose/model/fields.hpp"

namespace berth::compose {

namespace {

ResourceLimits decode_limits(const SourceNode* node) {
    ResourceLimits out;
    if (node == nullptr) return out;
    fields::text(*node, "cpus", out.cpus);
    fields::bytes(*node, "memory", out.memory);
    fields::number(*node, "pids", out.pids);
    return out;
}

} // namespace

std::vector<UlimitSpec> decode_ulimits(const SourceNode* node) {
    std::vector<UlimitSpec> out;
    if (node == nullptr) return out;
    for (const auto& entry : node->entries) {
        UlimitSpec limit;
        limit.name = entry.key;
        if (entry.value.is_mapping()) {
            fields::number(entry.value, "soft", limit.soft);
            fields::number(entry.value, "hard", limit.hard);
        } else {
            limit.single = true;
            limit.soft = limit.hard = fields::whole(&entry.value).value_or(0);
        }
        out.push_back(std::move(limit));
    }
    return out;
}

Build decode_build(const SourceNode& node) {
    Build out;
    out.at = node.pos();
    fields::text(node, "context", out.context);
    fields::text(node, "dockerfile", out.dockerfile);
    fields::text(node, "dockerfile_inline", out.dockerfile_inline);
    fields::optional_text_map(node, "args", out.args);
    fields::text_map(node, "labels", out.labels);
    fields::text_map(node, "additional_contexts", out.additional_contexts);
    fields::texts(node, "cache_from", out.cache_from);
    fields::texts(node, "cache_to", out.cache_to);
    fields::texts(node, "extra_hosts", out.extra_hosts);
    fields::texts(node, "tags", out.tags);
    fields::texts(node, "platforms", out.platforms);
    fields::texts(node, "entitlements", out.entitlements);
    if (const auto* ssh = node.find("ssh"))
        for (const auto& entry : ssh->entries)
            out.ssh.push_back(entry.value.text.empty() ? entry.key
                                                       : concat(entry.key, "=", entry.value.text));
    if (const auto* secrets = node.find("secrets"))
        for (const auto& secret : secrets->items) {
            const auto source = secret.text_of("source"), target = secret.text_of("target");
            out.secrets.push_back({std::string(source), std::string(target.empty() ? source : target)});
        }
    fields::text(node, "target", out.target);
    fields::text(node, "network", out.network);
    fields::text(node, "isolation", out.isolation);
    fields::flag(node, "no_cache", out.no_cache);
    fields::text_or_texts(node, "no_cache_filter", out.no_cache_filter);
    out.ulimits = decode_ulimits(node.find("ulimits"));
    fields::flag(node, "pull", out.pull);
    fields::flag(node, "privileged", out.privileged);
    fields::bytes(node, "shm_size", out.shm_size);
    return out;
}

Deploy decode_deploy(const SourceNode& node) {
    Deploy out;
    if (!node.is_mapping()) return out;
    out.present = true;
    fields::number(node, "replicas", out.replicas);
    fields::text(node, "mode", out.mode);
    fields::text(node, "endpoint_mode", out.endpoint_mode);
    fields::text_map(node, "labels", out.labels);
    if (const auto* resources = node.find("resources")) {
        out.limits = decode_limits(resources->find("limits"));
        out.reservations = decode_limits(resources->find("reservations"));
    }
    if (const auto* restart = node.find("restart_policy")) {
        fields::text(*restart, "condition", out.restart_condition);
        fields::duration(*restart, "delay", out.restart_delay);
        fields::duration(*restart, "window", out.restart_window);
        fields::number(*restart, "max_attempts", out.restart_max_attempts);
    }
    return out;
}

ProjectNetwork decode_network(const std::string& key, const SourceNode& node) {
    ProjectNetwork out;
    out.key = key;
    out.at = node.pos();
    fields::text(node, "name", out.name);
    fields::flag(node, "external", out.external);
    fields::flag(node, "internal", out.internal);
    fields::flag(node, "attachable", out.attachable);
    fields::flag(node, "enable_ipv6", out.enable_ipv6);
    if (const auto* ipv4 = node.find("enable_ipv4"))
        if (const auto value = read_bool(*ipv4)) out.enable_ipv4 = *value;
    fields::text(node, "driver", out.driver);
    fields::text_map(node, "driver_opts", out.driver_opts);
    fields::text_map(node, "labels", out.labels);
    const auto* ipam = node.find("ipam");
    if (ipam == nullptr) return out;
    fields::text(*ipam, "driver", out.ipam_driver);
    if (const auto* pools = ipam->find("config"))
        for (const auto& pool : pools->items) {
            IpamSubnet subnet;
            fields::text(pool, "subnet", subnet.subnet);
            fields::text(pool, "gateway", subnet.gateway);
            fields::text(pool, "ip_range", subnet.ip_range);
            fields::text_map(pool, "aux_addresses", subnet.aux_addresses);
            out.ipam.push_back(std::move(subnet));
        }
    return out;
}

ProjectVolume decode_volume(const std::string& key, const SourceNode& node) {
    ProjectVolume out;
    out.key = key;
    out.at = node.pos();
    fields::text(node, "name", out.name);
    fields::flag(node, "external", out.external);
    fields::text(node, "driver", out.driver);
    fields::text_map(node, "driver_opts", out.driver_opts);
    fields::text_map(node, "labels", out.labels);
    return out;
}

ProjectFile decode_file(const std::string& key, const SourceNode& node) {
    ProjectFile out;
    out.key = key;
    out.at = node.pos();
    fields::text(node, "name", out.name);
    fields::flag(node, "external", out.external);
    fields::text(node, "file", out.file);
    fields::text(node, "environment", out.environment);
    if (const auto* content = node.find("content"); content != nullptr && content->is_string())
        out.content = content->text;
    fields::text_map(node, "labels", out.labels);
    return out;
}

} // namespace berth::compose
