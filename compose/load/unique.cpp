// Lists whose items have a key of their own.
#include "compose/load/canonical.hpp"

#include <unordered_map>

namespace berth::compose::load {

namespace {

using KeyOf = std::string (*)(const SourceNode&);

std::string text_key(const SourceNode& item) {
    return item.text;
}

std::string port_key(const SourceNode& item) {
    if (!item.is_mapping()) return item.text;
    return concat(item.text_of("host_ip"), ":", item.text_of("published"), ":", item.text_of("target"), "/",
                  item.text_of("protocol"));
}

std::string target_key(const SourceNode& item) {
    return item.is_mapping() ? std::string(item.text_of("target")) : item.text;
}

std::string path_key(const SourceNode& item) {
    return item.is_mapping() ? std::string(item.text_of("path")) : item.text;
}

std::string config_key(const SourceNode& item) {
    if (!item.is_mapping()) return item.text;
    const auto target = item.text_of("target");
    return target.empty() ? concat("/", item.text_of("source")) : std::string(target);
}

std::string secret_key(const SourceNode& item) {
    if (!item.is_mapping()) return item.text;
    const auto target = item.text_of("target");
    if (target.starts_with('/')) return std::string(target);
    return concat("/run/secrets/", target.empty() ? item.text_of("source") : target);
}

std::string before_equals(const SourceNode& item) {
    return item.text.substr(0, item.text.find('='));
}

void unique_items(LoadContext& context, SourceNode* list, KeyOf key_of) {
    if (list == nullptr || list->items.size() < 2) return;
    std::unordered_map<std::string, std::size_t> first;
    std::vector<SourceNode> out;
    for (auto& item : list->items) {
        std::string key = key_of(item);
        if (key.empty() && !item.is_string()) { // nothing to compare by: the checks have their say
            out.push_back(std::move(item));
            continue;
        }
        const auto [found, is_new] = first.emplace(std::move(key), out.size());
        if (is_new) {
            out.push_back(std::move(item));
            continue;
        }
        context.remember(item, replacement(item, out[found->second]));
        out[found->second] = std::move(item);
    }
    list->items = std::move(out);
}

} // namespace

void enforce_unique_items(LoadContext& context, SourceNode& root) {
    auto* services = root.find("services");
    if (services == nullptr) return;
    for (auto& entry : services->entries) {
        SourceNode& service = entry.value;
        for (const auto* key : {"cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "expose",
                                "extra_hosts", "label_file", "profiles"})
            unique_items(context, service.find(key), text_key);
        for (const auto* key : {"links", "tmpfs"})
            unique_items(context, service.find(key), before_equals);
        // Lists still only where values are left as they are written.
        for (const auto* key : {"annotations", "environment", "labels", "sysctls"})
            unique_items(context, service.find(key), before_equals);
        unique_items(context, service.find("ports"), port_key);
        unique_items(context, service.find("volumes"), target_key);
        unique_items(context, service.find("devices"), target_key);
        unique_items(context, service.find("configs"), config_key);
        unique_items(context, service.find("secrets"), secret_key);
        unique_items(context, service.find("env_file"), path_key);
        if (auto* build = service.find("build")) {
            unique_items(context, build->find("tags"), text_key);
            unique_items(context, build->find("platforms"), text_key);
            unique_items(context, build->find("extra_hosts"), text_key);
        }
        if (auto* networks = service.find("networks"))
            for (auto& network : networks->entries) {
                unique_items(context, network.value.find("aliases"), text_key);
                unique_items(context, network.value.find("link_local_ips"), text_key);
            }
    }
}

} // namespace berth::compose::load
