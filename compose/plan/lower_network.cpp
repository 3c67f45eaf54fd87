#include "compose/plan/lower_network.hpp"

#include "compose/plan/naming.hpp"
#include "network/endpoint_options.hpp"
#include "network/network_options.hpp"
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

Status lower_interface(const ServiceNetwork& network, network::EndpointRequest& out) {
    out.link_local_ips = network.link_local_ips;
    out.driver_options = network.driver_opts;
    if (!network.interface_name.empty()) {
        auto& name = out.driver_options[std::string(network::k_endpoint_ifname)];
        if (!name.empty() && name != network.interface_name)
            return fail(Error(ErrorCode::invalid_input,
                              concat("interface_name '", network.interface_name, "' and the endpoint option ",
                                     network::k_endpoint_ifname, " '", name, "' differ"))
                            .at(network.at)
                            .hint("leave one of the two out"));
        name = network.interface_name;
    }
    auto checked = network::check_endpoint_options(out);
    return checked ? std::move(checked) : fail(std::move(checked).error().at(network.at));
}

// "container" or "container:alias". Whether it is there, the one who creates the container sees.
Status lower_external_links(const Service& service, runtime::NetworkView& view) {
    if (service.external_links.empty()) return {};
    if (view.mode != "bridge")
        return fail(Error(ErrorCode::invalid_input, concat("service '", service.name,
                                                           "' has external_links, but no network of its own"))
                        .at(service.at)
                        .hint("names are looked up on the networks that the service joins"));
    for (const auto& link : service.external_links) {
        const auto colon = link.find(':');
        const auto name = link.substr(0, colon);
        const auto alias = colon == std::string::npos ? name : link.substr(colon + 1);
        if (name.empty() || alias.empty() || alias.find(':') != std::string::npos)
            return fail(Error(ErrorCode::invalid_input,
                              concat("'", link, "' is not an external link of service '", service.name, "'"))
                            .at(service.at)
                            .hint("write CONTAINER or CONTAINER:ALIAS"));
        view.links.push_back(concat(name, ":", alias));
    }
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
        BERTH_TRY(lower_interface(network, out));
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
    BERTH_ASSIGN_OR_RETURN(view.mode, lower_mode(service.network_mode, service, options));
    if (view.mode.empty() || view.mode == "default") view.mode = service.networks.empty() ? "none" : "bridge";
    if (service.network_mode == "bridge") view.mode = "bridge";
    if (view.mode == "bridge") BERTH_TRY(lower_endpoints(project, service, options, request));
    BERTH_TRY(lower_external_links(service, view));
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
    network::NetworkConfig out;
    out.name = network.name;
    if (!network.driver.empty() && network.driver != "default") out.driver = network.driver;
    out.internal = network.internal;
    out.attachable = network.attachable;
    out.enable_ipv4 = network.enable_ipv4.value_or(true);
    out.enable_ipv6 = network.enable_ipv6;
    out.options = network.driver_opts;
    out.labels = network.labels;
    for (const auto& pool : network.ipam)
        if (!pool.subnet.empty())
            out.subnets.push_back({pool.subnet, pool.gateway, pool.ip_range, pool.aux_addresses});
    if (auto checked = network::check_network_options(out); !checked)
        return fail(std::move(checked).error().at(network.at));
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
