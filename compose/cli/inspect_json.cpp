#include "compose/cli/inspect_json.hpp"

#include "compose/cli/container_rows.hpp"
#include "network/attach.hpp"
#include "network/networks.hpp"
#include "runtime/base/id.hpp"
#include "runtime/container/inspect.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::cli {

namespace {

// "172.18.0.2" behind "172.18.0.0/16" as "172.18.0.2/16".
std::string with_prefix(const std::string& address, std::int64_t prefix) {
    return address.empty() ? "" : concat(address, "/", prefix);
}

Json endpoint_json(const network::Endpoint& endpoint) {
    Json out = Json::object();
    Json asked; // null, unless there is something beside what the network gives
    if (!endpoint.link_local_ips.empty()) {
        asked = Json::object();
        asked.set("LinkLocalIPs", to_json(endpoint.link_local_ips));
    }
    out.set("IPAMConfig", std::move(asked));
    out.set("Links", Json());
    Json aliases = Json::array();
    for (const auto& alias : endpoint.aliases)
        aliases.push(alias);
    out.set("Aliases", endpoint.aliases.empty() ? Json() : aliases);
    out.set("MacAddress", endpoint.mac);
    out.set("DriverOpts", endpoint.driver_options.empty() ? Json() : to_json(endpoint.driver_options));
    out.set("GwPriority", endpoint.gateway_priority);
    out.set("NetworkID", endpoint.network_id);
    out.set("EndpointID", endpoint.host_interface);
    out.set("Gateway", endpoint.gateway);
    out.set("IPAddress", endpoint.ipv4);
    out.set("IPPrefixLen", endpoint.ipv4_prefix);
    out.set("IPv6Gateway", endpoint.gateway6);
    out.set("GlobalIPv6Address", endpoint.ipv6);
    out.set("GlobalIPv6PrefixLen", endpoint.ipv6_prefix);
    // The default network answers for no names.
    Json names = Json::array();
    if (!endpoint.container_name.empty()) names.push(endpoint.container_name);
    for (const auto& alias : endpoint.aliases)
        if (alias != endpoint.container_name) names.push(alias);
    if (!endpoint.container_id.empty()) names.push(short_id(endpoint.container_id));
    out.set("DNSNames",
            endpoint.network_name == "bridge" || names.as_array()->empty() ? Json() : std::move(names));
    return out;
}

} // namespace

Json ports_json(const Context& context, const runtime::Container& container) {
    Json out = Json::object();
    for (const auto& port : container.spec.network.exposed_ports)
        out.set(port.find('/') == std::string::npos ? port + "/tcp" : port, Json());
    for (const auto& port : settled_ports(context, container)) {
        if (port.host_port == 0) continue; // routed: open on the container's own address
        const auto key = concat(port.container_port, "/", port.protocol);
        if (out.find(key) == nullptr || out.find(key)->is_null()) out.set(key, Json::array());
        const auto hosts = port.host_ip.empty() ? std::vector<std::string>{"0.0.0.0", "::"}
                                                : std::vector<std::string>{port.host_ip};
        for (const auto& host : hosts) {
            Json entry = Json::object();
            entry.set("HostIp", host);
            entry.set("HostPort", concat(port.host_port));
            out.find(key)->push(std::move(entry));
        }
    }
    return out;
}

Result<Json> inspect_container(const Context& context, const runtime::Container& container) {
    Json networks = Json::object();
    const auto& mode = container.spec.network.mode;
    if (mode == "bridge") {
        BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints_of(context, container.spec.id));
        for (const auto& endpoint : endpoints)
            networks.set(endpoint.network_name, endpoint_json(endpoint));
        // Never started: what it will join.
        for (const auto& name : network_names_of(container))
            if (networks.find(name) == nullptr && endpoints.empty()) networks.set(name, endpoint_json({}));
    } else if (network::is_predefined(mode)) {
        BERTH_ASSIGN_OR_RETURN(const auto always, network::predefined(context));
        network::Endpoint endpoint;
        for (const auto& network : always)
            if (network.config.name == mode) endpoint.network_id = network.id;
        networks.set(mode, endpoint_json(endpoint));
    }
    return runtime::inspect(context, container, networks, ports_json(context, container));
}

Result<Json> inspect_network(const Context& context, const network::Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints(context, network.id));
    const auto& config = network.config;
    Json pools = Json::array();
    for (const auto& subnet : config.subnets) {
        Json pool = Json::object();
        pool.set("Subnet", subnet.subnet);
        if (!subnet.ip_range.empty()) pool.set("IPRange", subnet.ip_range);
        if (!subnet.gateway.empty()) pool.set("Gateway", subnet.gateway);
        if (!subnet.aux_addresses.empty()) pool.set("AuxiliaryAddresses", to_json(subnet.aux_addresses));
        pools.push(std::move(pool));
    }
    Json ipam = Json::object();
    ipam.set("Driver", "default");
    ipam.set("Options", Json());
    ipam.set("Config", std::move(pools));
    Json containers = Json::object();
    for (const auto& endpoint : endpoints) {
        Json entry = Json::object();
        entry.set("Name", endpoint.container_name);
        entry.set("EndpointID", endpoint.host_interface);
        entry.set("MacAddress", endpoint.mac);
        entry.set("IPv4Address", with_prefix(endpoint.ipv4, endpoint.ipv4_prefix));
        entry.set("IPv6Address", with_prefix(endpoint.ipv6, endpoint.ipv6_prefix));
        containers.set(endpoint.container_id, std::move(entry));
    }
    Json out = Json::object();
    out.set("Name", config.name);
    out.set("Id", network.id);
    out.set("Created", network.created_at);
    out.set("Scope", "local");
    out.set("Driver", config.driver);
    out.set("EnableIPv4", config.enable_ipv4);
    out.set("EnableIPv6", config.enable_ipv6);
    out.set("IPAM", std::move(ipam));
    out.set("Internal", config.internal);
    out.set("Attachable", config.attachable);
    out.set("Ingress", false);
    Json from = Json::object();
    from.set("Network", "");
    out.set("ConfigFrom", std::move(from));
    out.set("ConfigOnly", false);
    out.set("Bridge", network.bridge);
    out.set("Containers", std::move(containers));
    out.set("Options", to_json(config.options));
    out.set("Labels", to_json(config.labels));
    return out;
}

Json inspect_volume(const Context& context, const volumes::Volume& volume) {
    Json out = Json::object();
    out.set("CreatedAt", volume.created_at);
    out.set("Driver", volume.driver);
    out.set("Labels", volume.labels.empty() ? Json() : to_json(volume.labels));
    out.set("Mountpoint", volumes::mountpoint(context, volume));
    out.set("Name", volume.name);
    out.set("Options", volume.options.empty() ? Json() : to_json(volume.options));
    out.set("Scope", "local");
    return out;
}

namespace {

Json text_list(const std::vector<std::string>& words) {
    Json out = Json::array();
    for (const auto& word : words)
        out.push(word);
    return out;
}

std::vector<std::string> familiar(const std::vector<std::string>& references) {
    std::vector<std::string> out;
    for (const auto& text : references) {
        auto reference = image::parse_reference(text);
        out.push_back(reference ? reference->familiar() : text);
    }
    return out;
}

} // namespace

Result<Json> inspect_image(const Context&, const image::Image& image) {
    Json out = Json::object();
    out.set("Id", image.id);
    out.set("RepoTags", text_list(familiar(image.references)));
    out.set("RepoDigests", text_list(familiar(image.repo_digests)));
    out.set("Parent", "");
    const auto& history = image.config.history;
    out.set("Comment", history.empty() ? std::string() : history.back().comment);
    out.set("Created", image.config.created);
    out.set("Author", image.config.author);
    // As the configuration has it, without what is empty there.
    Json config = Json::object();
    if (auto parsed = parse_json(image.config_json); parsed)
        if (const auto* own = parsed->find("config"); own != nullptr) config = *own;
    if (config.is_null()) config = Json::object();
    for (const char* name : {"Env", "Cmd", "Entrypoint", "Labels", "Volumes"})
        if (config.find(name) == nullptr) config.set(name, Json());
    for (const char* name : {"User", "WorkingDir"})
        if (config.find(name) == nullptr) config.set(name, "");
    out.set("Config", std::move(config));
    out.set("Architecture", image.config.architecture);
    if (!image.config.variant.empty()) out.set("Variant", image.config.variant);
    out.set("Os", image.config.os);
    out.set("Size", image.size);
    Json rootfs = Json::object();
    rootfs.set("Type", image.config.rootfs.type);
    rootfs.set("Layers", text_list(image.config.rootfs.diff_ids));
    out.set("RootFS", std::move(rootfs));
    Json driver = Json::object();
    driver.set("Data", Json());
    driver.set("Name", "overlay2");
    out.set("GraphDriver", std::move(driver));
    Json metadata = Json::object();
    metadata.set("LastTagTime", "0001-01-01T00:00:00Z"); // not kept: docker's word for that
    out.set("Metadata", std::move(metadata));
    return out;
}

} // namespace berth::cli
