#include "compose/plan/lower_network.hpp"

#include "compose/plan/naming.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

Error unsupported(const std::string& what, const SourcePos& at) {
    return Error(ErrorCode::unsupported, concat(what, " is not supported")).at(at);
}

struct PortRange {
    std::int64_t first = 0, last = 0;
};
Result<PortRange> parse_range(const std::string& text, const SourcePos& at) {
    const auto dash = text.find('-');
    const auto first = parse_integer(text.substr(0, dash), 0, 65535);
    const auto last = dash == std::string::npos ? first : parse_integer(text.substr(dash + 1), 0, 65535);
    if (!first || !last || *last < *first)
        return fail(Error(ErrorCode::invalid_input,
                          concat("port '", text, "' is not a number or range from 1 to 65535"))
                        .at(at));
    return PortRange{*first, *last};
}

Status lower_ports(const Service& service, ContainerRequest& request) {
    for (const auto& port : service.ports) {
        if (port.protocol != "tcp" && port.protocol != "udp")
            return fail(unsupported(concat("publishing a port of protocol ", port.protocol), port.at));
        runtime::PublishedPort out;
        out.host_ip = port.host_ip;
        out.container_port = port.target;
        out.protocol = port.protocol;
        if (!port.published.empty()) {
            BERTH_ASSIGN_OR_RETURN(const auto range, parse_range(port.published, port.at));
            out.host_port = range.first;
            if (range.last > range.first) out.host_port_end = range.last;
        }
        request.spec.network.asked_ports.push_back(out);
        request.spec.network.exposed_ports.push_back(concat(port.target, "/", port.protocol));
    }
    return {};
}

Status lower_expose(const Service& service, ContainerRequest& request) {
    for (const auto& text : service.expose) {
        const auto slash = text.find('/');
        const auto protocol = slash == std::string::npos ? std::string("tcp") : text.substr(slash + 1);
        BERTH_ASSIGN_OR_RETURN(const auto range, parse_range(text.substr(0, slash), service.at));
        for (auto port = range.first; port <= range.last; ++port)
            request.spec.network.exposed_ports.push_back(concat(port, "/", protocol));
    }
    auto& exposed = request.spec.network.exposed_ports;
    std::sort(exposed.begin(), exposed.end());
    exposed.erase(std::unique(exposed.begin(), exposed.end()), exposed.end());
    return {};
}

Status check_supported(const ServiceNetwork& network) {
    if (!network.link_local_ips.empty()) return fail(unsupported("link_local_ips", network.at));
    if (!network.interface_name.empty()) return fail(unsupported("interface_name", network.at));
    for (const auto& [name, value] : network.driver_opts)
        return fail(unsupported(concat("the endpoint option ", name), network.at));
    return {};
}

Status lower_endpoints(const Project& project, const Service& service, const LowerOptions& options,
                       ContainerRequest& request) {
    auto networks = service.networks;
    // eth0 is the network of the highest priority, as Docker connects them.
    std::stable_sort(networks.begin(), networks.end(),
                     [](const auto& a, const auto& b) { return a.priority > b.priority; });
    const bool with_aliases = !options.oneoff || options.use_aliases;
    for (const auto& network : networks) {
        BERTH_TRY(check_supported(network));
        const auto found = project.networks.find(network.network);
        network::EndpointRequest out;
        out.network = found == project.networks.end() ? network.network : found->second.name;
        if (with_aliases) {
            out.aliases.push_back(service.name);
            out.aliases.insert(out.aliases.end(), network.aliases.begin(), network.aliases.end());
            for (auto& alias : linked_aliases(project, service, network.network))
                out.aliases.push_back(std::move(alias));
        }
        out.ipv4 = network.ipv4_address;
        out.ipv6 = network.ipv6_address;
        if (const auto kept = options.preferred_ipv4.find(out.network); kept != options.preferred_ipv4.end())
            out.preferred_ipv4 = kept->second;
        out.mac = network.mac_address;
        if (out.mac.empty() && request.endpoints.empty()) out.mac = service.mac_address;
        out.gateway_priority = network.gateway_priority;
        request.endpoints.push_back(std::move(out));
    }
    return {};
}

} // namespace

Result<std::string> lower_mode(const std::string& mode, const Service& service, const LowerOptions& options) {
    constexpr std::string_view prefix = "service:";
    if (!mode.starts_with(prefix)) return mode;
    const auto found = options.container_ids.find(mode.substr(prefix.size()));
    if (found == options.container_ids.end())
        return fail(
            Error(ErrorCode::not_found, concat("service '", service.name, "' shares with service '",
                                               mode.substr(prefix.size()), "', which has no container"))
                .at(service.at));
    return concat("container:", found->second);
}

Status lower_networking(const Project& project, const Service& service, const LowerOptions& options,
                        ContainerRequest& request) {
    auto& view = request.spec.network;
    if (!service.external_links.empty())
        return fail(
            unsupported("external_links", service.at).hint("join a network of that container instead"));
    BERTH_ASSIGN_OR_RETURN(view.mode, lower_mode(service.network_mode, service, options));
    if (view.mode.empty() || view.mode == "default") view.mode = service.networks.empty() ? "none" : "bridge";
    if (service.network_mode == "bridge") view.mode = "bridge";
    if (view.mode == "bridge") BERTH_TRY(lower_endpoints(project, service, options, request));
    if (options.service_ports) BERTH_TRY(lower_ports(service, request));
    BERTH_TRY(lower_expose(service, request));
    for (const auto& host : service.extra_hosts) {
        const auto equals = host.find('=');
        view.extra_hosts.push_back(equals == std::string::npos
                                       ? host
                                       : concat(host.substr(0, equals), ":", host.substr(equals + 1)));
    }
    view.dns = service.dns;
    view.dns_search = service.dns_search;
    view.dns_options = service.dns_opt;
    return {};
}

Result<network::NetworkConfig> lower_network(const Project& project, const ProjectNetwork& network) {
    if (!network.ipam_driver.empty() && network.ipam_driver != "default")
        return fail(unsupported(concat("the address driver ", network.ipam_driver), network.at));
    if (network.enable_ipv4 && !*network.enable_ipv4)
        return fail(unsupported(concat("network '", network.key, "' without IPv4"), network.at));
    network::NetworkConfig out;
    out.name = network.name;
    if (!network.driver.empty() && network.driver != "default") out.driver = network.driver;
    out.internal = network.internal;
    out.attachable = network.attachable;
    out.enable_ipv6 = network.enable_ipv6;
    out.options = network.driver_opts;
    out.labels = network.labels;
    for (const auto& pool : network.ipam) {
        if (!pool.aux_addresses.empty())
            return fail(unsupported("aux_addresses", network.at)
                            .hint("set ip_range, so that other addresses stay free"));
        if (!pool.subnet.empty()) out.subnets.push_back({pool.subnet, pool.gateway, pool.ip_range});
    }
    out.labels[k_label_project] = project.name;
    out.labels[k_label_network] = network.key;
    out.labels[k_label_version] = k_compose_version;
    out.labels[k_label_config_hash] = config_hash(network);
    return out;
}

volumes::Volume lower_volume(const Project& project, const ProjectVolume& volume) {
    volumes::Volume out;
    out.name = volume.name;
    if (!volume.driver.empty()) out.driver = volume.driver;
    out.options = volume.driver_opts;
    out.labels = volume.labels;
    out.labels[k_label_project] = project.name;
    out.labels[k_label_volume] = volume.key;
    out.labels[k_label_version] = k_compose_version;
    out.labels[k_label_config_hash] = config_hash(volume);
    return out;
}

} // namespace berth::compose
