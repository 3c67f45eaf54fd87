#include "network/attach_steps.hpp"

#include "network/endpoint_options.hpp"
#include "network/ipam.hpp"
#include "network/link.hpp"
#include "network/names.hpp"
#include "network/network_options.hpp"
#include "network/networks.hpp"
#include "network/ports.hpp"
#include "runtime/base/id.hpp"

#include <algorithm>
#include <tuple>

namespace berth::network {

namespace {

std::string container_words(const std::string& name, const std::string& id) {
    return concat("the container ", name.empty() ? short_id(id) : name);
}

// What it has taken is not published yet.
std::string reserving_container(const std::vector<PendingConnection>& pendings, const PortMapping& port) {
    for (const auto& pending : pendings)
        for (const auto& held : pending.connection.ports)
            if (held.host_port == port.host_port && held.protocol == port.protocol)
                return container_words(pending.request->container_name, pending.request->container_id);
    return {};
}

std::string publishing_container(const Store& store, const PortMapping& port) {
    const auto networks = store.list();
    if (!networks) return {};
    for (const auto& network : *networks) {
        const auto records = store.all_published(network.id);
        if (!records) continue;
        for (const auto& record : *records)
            for (const auto& held : record.ports)
                if (held.host_port == port.host_port && held.protocol == port.protocol)
                    return container_words(record.container_name, record.container_id);
    }
    return {};
}

// What is known of an endpoint before it has an address.
Endpoint endpoint_for(const Network& network, const ConnectRequest& request, const EndpointRequest& wanted) {
    Endpoint endpoint;
    endpoint.network_id = network.id;
    endpoint.network_name = network.config.name;
    endpoint.container_id = request.container_id;
    endpoint.container_name = request.container_name;
    endpoint.aliases = wanted.aliases;
    endpoint.link_local_ips = wanted.link_local_ips;
    endpoint.driver_options = wanted.driver_options;
    endpoint.gateway_priority = wanted.gateway_priority;
    return endpoint;
}

// The names that the endpoints of a request ask for: no other interface gets one of them by counting.
std::vector<std::string> asked_interfaces(const ConnectRequest& request) {
    std::vector<std::string> out;
    for (const auto& endpoint : request.endpoints)
        if (const auto found = endpoint.driver_options.find(std::string(k_endpoint_ifname));
            found != endpoint.driver_options.end())
            out.push_back(found->second);
    return out;
}

Result<Endpoint> take_lease(const Store& store, const Network& network, const ConnectRequest& request,
                            const EndpointRequest& wanted, Endpoint endpoint, bool& was_there) {
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_network(network.id));
    // Removed between our look at it and the lock.
    if (!path_exists(store.folder(network.id) + "/network.json"))
        return fail(ErrorCode::not_found,
                    concat("the network '", network.config.name, "' has just been removed"));
    was_there = path_exists(concat(store.folder(network.id), "/leases/", request.container_id));
    // A damaged lease is written anew.
    if (const auto old = store.lease(network.id, request.container_id); old && *old)
        endpoint.chosen_ports = (*old)->chosen_ports;
    BERTH_TRY(take_addresses(store, network, wanted, endpoint));
    auto written = store.write_lease(endpoint);
    if (written) return endpoint;
    if (!was_there) (void)give_back_addresses(store, endpoint);
    return fail(std::move(written).error());
}

// The port that the container had of this range at its last start; 0: none. On whichever network carried it.
// The same range can be there more than once: what is `taken` this time already is another one's.
std::int64_t port_before(const std::vector<Endpoint>& endpoints, const PortMapping& port,
                         const std::vector<PortMapping>& taken) {
    const auto is_taken = [&](const PortMapping& chosen) {
        return std::any_of(taken.begin(), taken.end(), [&](const PortMapping& other) {
            return other.host_ip == chosen.host_ip && other.host_port == chosen.host_port &&
                   other.protocol == chosen.protocol;
        });
    };
    for (const auto& endpoint : endpoints)
        for (const auto& chosen : endpoint.chosen_ports)
            if (chosen.host_ip == port.host_ip && chosen.container_port == port.container_port &&
                chosen.protocol == port.protocol && chosen.host_port >= port.host_port &&
                chosen.host_port <= port.host_port_end && !is_taken(chosen))
                return chosen.host_port;
    return 0;
}

Status keep_chosen(const Store& store, Endpoint& endpoint, std::vector<PortMapping> chosen) {
    const auto same = [](const PortMapping& a, const PortMapping& b) {
        return std::tie(a.host_ip, a.host_port, a.container_port, a.protocol) ==
               std::tie(b.host_ip, b.host_port, b.container_port, b.protocol);
    };
    if (std::equal(chosen.begin(), chosen.end(), endpoint.chosen_ports.begin(), endpoint.chosen_ports.end(),
                   same))
        return {};
    endpoint.chosen_ports = std::move(chosen);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_network(endpoint.network_id));
    return store.write_lease(endpoint);
}

// Which family a port's host address is of; empty: both.
std::optional<bool> family_of(const PortMapping& port) {
    if (port.host_ip.empty()) return std::nullopt;
    return port.host_ip.find(':') != std::string::npos;
}

Status check_port_family(const PortMapping& port, const PendingConnection& pending) {
    if (port.host_ip.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(port.host_ip));
    if (address.v6 || pending.gateway4) return {}; // without IPv6 inside, the monitor passes it on
    const auto& network = pending.networks[*pending.gateway6];
    return fail(Error(ErrorCode::unsupported, concat("publish a port on ", port.host_ip, ": the network '",
                                                     network.config.name, "' has no IPv4 addresses"))
                    .hint("give the network an IPv4 subnet"));
}

// The address that ports without one are published on; empty: all of them.
std::string default_binding(const PendingConnection& pending) {
    if (!pending.gateway4) return {};
    const auto binding = option_of(pending.networks[*pending.gateway4].config, k_host_binding);
    return binding == "0.0.0.0" ? std::string() : binding;
}

bool is_routed(bool v6, const PendingConnection& pending) {
    const auto& gateway = v6 ? pending.gateway6 : pending.gateway4;
    return gateway && gateway_mode(pending.networks[*gateway].config, v6) == GatewayMode::routed;
}

bool is_routed(const PortMapping& port, const PendingConnection& pending) {
    return is_routed(family_of(port).value_or(false), pending);
}

// One mapping for both families, or one for each where the two go different ways: through different networks,
// or one of them translated and the other routed.
std::vector<PortMapping> by_family(const PortMapping& port, const PendingConnection& pending) {
    const auto& [four, six] = std::tie(pending.gateway4, pending.gateway6);
    const bool together =
        four && (!six || (*four == *six && is_routed(false, pending) == is_routed(true, pending)));
    if (!port.host_ip.empty() || together) return {port};
    std::vector<PortMapping> out;
    for (const bool v6 : {false, true}) {
        if (!(v6 ? six : four)) continue;
        out.push_back(port);
        out.back().host_ip = v6 ? "::" : "0.0.0.0";
    }
    return out;
}

std::optional<std::size_t> carrier_of(const PortMapping& port, const PendingConnection& pending) {
    const bool six = family_of(port).value_or(false) && pending.gateway6;
    return six ? pending.gateway6 : pending.gateway4;
}

// IPv4 is always translated. A listening socket of IPv6 gets what is not; where all of it is, it gets
// nothing.
void add_reservation(PendingConnection& pending, HeldSocket held, const PortMapping& port) {
    auto& connection = pending.connection;
    if (held.v6) {
        const auto& endpoint = connection.endpoints[*carrier_of(port, pending)];
        connection.relays.push_back(
            {connection.reservations.size(), port.protocol,
             pending.gateway4 ? connection.endpoints[*pending.gateway4].ipv4 : endpoint.ipv6,
             port.container_port});
    }
    connection.reservations.push_back(std::move(held.socket));
}

} // namespace

Result<Network> NetworkCache::get(const std::string& name_or_id) {
    const std::string name = name_or_id.empty() || name_or_id == "default" ? "bridge" : name_or_id;
    if (const auto found = known_.find(name); found != known_.end()) return found->second;
    auto network = name == "bridge" ? ensure_default(context_) : berth::network::get(context_, name);
    if (network) known_.emplace(name, *network);
    return network;
}

bool has_ipv6(const Network& network, const Endpoint& endpoint) {
    return network.config.enable_ipv6 ||
           std::any_of(endpoint.link_local_ips.begin(), endpoint.link_local_ips.end(),
                       [](const std::string& text) { return text.find(':') != std::string::npos; });
}

bool has_ipv6(const PendingConnection& pending) {
    for (std::size_t i = 0; i < pending.networks.size(); ++i)
        if (has_ipv6(pending.networks[i], pending.connection.endpoints[i])) return true;
    return false;
}

Status set_interface_sysctls(int netns, const Endpoint& endpoint) {
    const auto sysctls = endpoint_sysctls(endpoint);
    if (sysctls.empty()) return {};
    return run_inside(netns, [&](nl_sock*) -> Status {
        for (const auto& [name, value] : sysctls)
            if (auto written = write_sysctl(name, value); !written)
                return fail(std::move(written).error().context(
                    concat("set ", name, " of the interface on the network '", endpoint.network_name, "'")));
        return {};
    });
}

Status check_request(const ConnectRequest& request) {
    if (!is_hex(request.container_id) || request.container_id.size() < 12)
        return fail(ErrorCode::internal,
                    concat("connect a container with the id '", request.container_id, "'"));
    if (!request.container_name.empty()) BERTH_TRY(check_name(request.container_name, "container"));
    if (request.endpoints.size() > 30)
        return fail(ErrorCode::unsupported, "connect a container to more than 30 networks");
    for (const auto& endpoint : request.endpoints) {
        for (const auto& alias : endpoint.aliases)
            BERTH_TRY(check_alias(alias));
        if (!endpoint.mac.empty()) BERTH_TRY(check_mac(endpoint.mac));
        BERTH_TRY(check_endpoint_options(endpoint));
    }
    return {};
}

Status take_leases(const Store& store, NetworkCache& cache, PendingConnection& pending) {
    const ConnectRequest& request = *pending.request;
    const auto asked = asked_interfaces(request);
    for (std::size_t i = 0; i < request.endpoints.size(); ++i) {
        BERTH_ASSIGN_OR_RETURN(Network network, cache.get(request.endpoints[i].network));
        for (const auto& other : pending.networks)
            if (other.id == network.id)
                return fail(ErrorCode::invalid_input,
                            concat("the network '", network.config.name,
                                   "' is named twice for the container ", request.container_name));
        auto named = endpoint_for(network, request, request.endpoints[i]);
        named.index = static_cast<std::int64_t>(i);
        named.host_interface = veth_name(request.container_id, i);
        BERTH_TRY(name_interface(named, pending.connection.endpoints, asked, network.config));
        bool was_there = false;
        BERTH_ASSIGN_OR_RETURN(Endpoint endpoint, take_lease(store, network, request, request.endpoints[i],
                                                             std::move(named), was_there));
        pending.networks.push_back(std::move(network));
        pending.lease_was_there.push_back(was_there);
        pending.connection.endpoints.push_back(std::move(endpoint));
    }
    return {};
}

void choose_gateways(PendingConnection& pending) {
    const auto& endpoints = pending.connection.endpoints;
    const auto better = [&](std::size_t i, const std::optional<std::size_t>& best) {
        return !best || endpoints[i].gateway_priority > endpoints[*best].gateway_priority;
    };
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (!endpoints[i].gateway.empty() && better(i, pending.gateway4)) pending.gateway4 = i;
        if (!endpoints[i].gateway6.empty() && better(i, pending.gateway6)) pending.gateway6 = i;
    }
    pending.connection.internal_only = !endpoints.empty() && !pending.gateway4 && !pending.gateway6;
}

Status reserve_ports(const Store& store, PendingConnection& pending,
                     const std::vector<PendingConnection>& beside) {
    const ConnectRequest& request = *pending.request;
    if (request.ports.empty()) return {};
    if (!pending.gateway4 && !pending.gateway6) {
        // As docker: an internal network is not reached from outside, so there is nothing to publish on.
        store.context().progress->warn(concat("the ports of the container ", request.container_name,
                                              " are not published: it is on internal networks only"));
        return {};
    }
    const auto find_container = [&](const PortMapping& port) {
        auto holder = publishing_container(store, port);
        return holder.empty() ? reserving_container(beside, port) : holder;
    };
    auto& endpoints = pending.connection.endpoints;
    std::vector<PortMapping> chosen;
    for (PortMapping port : request.ports) {
        if (port.host_ip.empty()) port.host_ip = default_binding(pending);
        BERTH_TRY(check_port_family(port, pending));
        std::int64_t settled = 0; // both families of one port get one number
        for (PortMapping part : by_family(port, pending)) {
            const std::size_t carrier = *carrier_of(part, pending);
            if (is_routed(part, pending)) {
                part.host_port = part.host_port_end = 0; // nothing of the host's is taken
            } else {
                if (settled != 0) {
                    part.host_port = settled;
                    part.host_port_end = 0;
                }
                BERTH_ASSIGN_OR_RETURN(
                    Reservation reservation,
                    reserve_port(part, find_container, port_before(endpoints, part, chosen)));
                settled = reservation.port.host_port;
                if (part.host_port_end != 0) chosen.push_back(reservation.port);
                part = reservation.port;
                for (auto& socket : reservation.sockets)
                    add_reservation(pending, std::move(socket), part);
            }
            endpoints[carrier].ports.push_back(part);
            pending.connection.ports.push_back(std::move(part));
        }
    }
    return keep_chosen(store, endpoints[pending.gateway4.value_or(pending.gateway6.value_or(0))],
                       std::move(chosen));
}

Status create_link(nl_sock* host, const Network& network, const Endpoint& endpoint, int netns) {
    const VethRequest veth{&network, &endpoint, netns};
    auto created = create_veth(host, veth);
    if (created || created.error().sys_errno() != ENODEV) return created;
    BERTH_ASSIGN_OR_RETURN([[maybe_unused]] const bool made, ensure_bridge(host, network));
    return create_veth(host, veth);
}

Status wire_up(nl_sock* host, PendingConnection& pending) {
    nl_sock* inside = pending.inside.get();
    auto& endpoints = pending.connection.endpoints;
    const int netns = pending.connection.netns.get();
    BERTH_TRY(bring_loopback_up(inside));
    const bool any_ipv6 = has_ipv6(pending);
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        BERTH_TRY(create_link(host, pending.networks[i], endpoints[i], netns));
        BERTH_TRY(set_port_flags(host, pending.networks[i], endpoints[i]));
        if (any_ipv6 && !has_ipv6(pending.networks[i], endpoints[i])) {
            const std::string sysctl = concat("net/ipv6/conf/", endpoints[i].interface, "/disable_ipv6");
            BERTH_TRY(run_inside(netns, [&](nl_sock*) { return write_sysctl(sysctl, "1", true); }));
        }
        BERTH_TRY(set_interface_sysctls(netns, endpoints[i]));
        BERTH_TRY(configure_inside(inside, endpoints[i]));
        BERTH_TRY(wait_until_running(host, pending.networks[i], endpoints[i]));
    }
    if (pending.gateway4) BERTH_TRY(set_default_route(inside, endpoints[*pending.gateway4], false));
    if (pending.gateway6) BERTH_TRY(set_default_route(inside, endpoints[*pending.gateway6], true));
    return {};
}

std::vector<Publication> publications_of(const PendingConnection& pending) {
    std::vector<Publication> out;
    const auto& endpoints = pending.connection.endpoints;
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        const Endpoint& carrier = endpoints[i];
        if (carrier.ports.empty()) continue;
        PublishedRecord record{carrier.container_id,   carrier.container_name, {},    {},
                               carrier.host_interface, carrier.ports,          false, false};
        if (pending.gateway4 == i) record.ipv4 = carrier.ipv4;
        if (pending.gateway6 == i) record.ipv6 = carrier.ipv6;
        record.routed4 = gateway_mode(pending.networks[i].config, false) == GatewayMode::routed;
        record.routed6 = gateway_mode(pending.networks[i].config, true) == GatewayMode::routed;
        out.push_back({carrier.network_id, std::move(record)});
    }
    return out;
}

Status register_names(const Store& store, PendingConnection& pending) {
    pending.names_written = true;
    for (const auto& endpoint : pending.connection.endpoints) {
        BERTH_TRY(write_names(store.context(), endpoint));
        pending.connection.name_folders.push_back(store.context().paths.network_names(endpoint.network_id));
        pending.connection.network_names.push_back(endpoint.network_name);
        pending.connection.name_files.push_back(
            name_file(store.context(), endpoint.network_id, endpoint.container_id));
    }
    return {};
}

void undo_connection(const Store& store, PendingConnection& pending) {
    const auto& endpoints = pending.connection.endpoints;
    if (pending.published) (void)Firewall(store).withdraw(publications_of(pending));
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        if (pending.names_written)
            (void)erase_names(store.context(), endpoints[i].network_id, endpoints[i].container_id);
        if (pending.lease_was_there[i]) continue;
        const auto lock = store.lock_network(endpoints[i].network_id);
        (void)store.erase_lease(endpoints[i].network_id, endpoints[i].container_id);
        (void)give_back_addresses(store, endpoints[i]);
    }
    pending.connection = Connection{};
}

} // namespace berth::network
