// One interface more or less in a namespace that a running container already uses.
#include "network/attach_steps.hpp"
#include "network/endpoint_options.hpp"
#include "network/ipam.hpp"
#include "network/link.hpp"
#include "network/names.hpp"
#include "network/network_options.hpp"
#include "network/networks.hpp"

#include <algorithm>
#include <linux/netlink.h>

namespace berth::network {

namespace {

// By the host's side, which has no other name than by its number.
std::size_t free_index(const std::string& container_id, const std::vector<Endpoint>& endpoints) {
    for (std::size_t index = 0;; ++index)
        if (std::none_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& other) {
                return other.host_interface == veth_name(container_id, index);
            }))
            return index;
}

// The endpoint that has the default route of a family; nullptr when none can.
const Endpoint* gateway_endpoint(const std::vector<Endpoint>& endpoints, bool v6) {
    const Endpoint* best = nullptr;
    for (const auto& endpoint : endpoints) {
        if ((v6 ? endpoint.gateway6 : endpoint.gateway).empty()) continue;
        if (best == nullptr || endpoint.gateway_priority > best->gateway_priority) best = &endpoint;
    }
    return best;
}

Status set_default_routes(nl_sock* inside, const std::vector<Endpoint>& endpoints) {
    for (const bool v6 : {false, true})
        if (const Endpoint* gateway = gateway_endpoint(endpoints, v6))
            BERTH_TRY(set_default_route(inside, *gateway, v6));
    return {};
}

Status wire_into(nl_sock* host, int netns, const Network& network, const Endpoint& endpoint,
                 const std::vector<Endpoint>& all) {
    BERTH_TRY(create_link(host, network, endpoint, netns));
    BERTH_TRY(set_port_flags(host, network, endpoint));
    BERTH_TRY(set_interface_sysctls(netns, endpoint));
    const Status inside_done = run_inside(netns, [&](nl_sock* inside) -> Status {
        const std::string ipv6 = concat("net/ipv6/conf/", endpoint.interface, "/");
        BERTH_TRY(write_sysctl(ipv6 + "disable_ipv6", has_ipv6(network, endpoint) ? "0" : "1", true));
        BERTH_TRY(configure_inside(inside, endpoint));
        return set_default_routes(inside, all);
    });
    if (!inside_done) return inside_done;
    return wait_until_running(host, network, endpoint);
}

// The ports go on through another network that leads outside, as the default route does. What was routed has
// no port of the host's to go on with, and what is routed now needs none.
Status move_ports(const Store& store, nl_sock* host, const PublishedRecord& published,
                  const std::vector<Endpoint>& endpoints) {
    const Endpoint* next = gateway_endpoint(endpoints, false);
    if (next == nullptr) next = gateway_endpoint(endpoints, true);
    if (next == nullptr) return {};
    BERTH_ASSIGN_OR_RETURN(const auto network, store.find(next->network_id));
    if (!network) return {};
    BERTH_ASSIGN_OR_RETURN(const auto there, store.published(next->network_id, published.container_id));
    PublishedRecord moved = there.value_or(published);
    if (there) moved.ports.insert(moved.ports.end(), published.ports.begin(), published.ports.end());
    moved.ipv4 = next->ipv4;
    moved.ipv6 = next->ipv6;
    moved.host_interface = next->host_interface;
    moved.routed4 = gateway_mode(network->config, false) == GatewayMode::routed;
    moved.routed6 = gateway_mode(network->config, true) == GatewayMode::routed;
    std::erase_if(moved.ports, [&](const PortMapping& port) {
        return port.host_port == 0 && (!moved.routed4 || !moved.routed6);
    });
    if (moved.ports.empty()) return {};
    BERTH_TRY(Firewall(store).publish({{next->network_id, moved}}));
    Endpoint carrier = *next;
    carrier.ports = moved.ports;
    return set_port_flags(host, *network, carrier);
}

} // namespace

Result<Endpoint> join(const Context& context, int netns, const std::string& container_id,
                      const std::string& container_name, const EndpointRequest& request) {
    const Store store(context);
    BERTH_TRY(ensure_host_state(context));
    BERTH_ASSIGN_OR_RETURN(const FileLock connecting, store.lock_connecting());
    BERTH_ASSIGN_OR_RETURN(auto endpoints, endpoints_of(context, container_id));
    const ConnectRequest one{container_id, container_name, {request}, {}};
    BERTH_TRY(check_request(one));
    PendingConnection pending;
    pending.request = &one;
    NetworkCache cache(context);
    BERTH_ASSIGN_OR_RETURN(const Network network, cache.get(request.network));
    for (const auto& endpoint : endpoints)
        if (endpoint.network_id == network.id)
            return fail(ErrorCode::already_exists,
                        concat("the container ", container_name, " is already connected to the network '",
                               network.config.name, "'"));
    auto joined = [&]() -> Status {
        BERTH_TRY(take_leases(store, cache, pending));
        Endpoint& endpoint = pending.connection.endpoints.front();
        const std::size_t index = free_index(container_id, endpoints);
        endpoint.index = static_cast<std::int64_t>(index);
        endpoint.host_interface = veth_name(container_id, index);
        BERTH_TRY(name_interface(endpoint, endpoints, {}, network.config));
        BERTH_TRY(store.write_lease(endpoint));
        endpoints.push_back(endpoint);
        BERTH_ASSIGN_OR_RETURN(const NlSocket host, open_netlink(NETLINK_ROUTE));
        auto wired = wire_into(host.get(), netns, network, endpoint, endpoints);
        if (wired) wired = register_names(store, pending);
        if (!wired) (void)remove_veth(host.get(), endpoint.host_interface);
        return wired;
    }();
    if (joined) return pending.connection.endpoints.front();
    undo_connection(store, pending);
    return fail(std::move(joined).error().context(
        concat("connect the container ", container_name, " to the network '", network.config.name, "'")));
}

Status leave(const Context& context, int netns, const std::string& container_id,
             const std::string& network_id) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(auto endpoints, endpoints_of(context, container_id));
    const auto found = std::find_if(endpoints.begin(), endpoints.end(), [&](const Endpoint& endpoint) {
        return endpoint.network_id == network_id;
    });
    if (found == endpoints.end())
        return fail(ErrorCode::not_found, concat("the container ", container_id.substr(0, 12),
                                                 " is not connected to that network"));
    const Endpoint gone = *found;
    endpoints.erase(found);
    BERTH_ASSIGN_OR_RETURN(const auto published, store.published(network_id, container_id));
    ErrorList failed;
    failed.push(erase_names(context, network_id, container_id));
    const Firewall firewall(store);
    const auto host = open_netlink(NETLINK_ROUTE);
    if (published) {
        failed.push(firewall.withdraw({{network_id, *published}}));
        if (host) failed.push(move_ports(store, host->get(), *published, endpoints));
    }
    failed.push(host ? remove_veth(host->get(), gone.host_interface) : fail(host.error()));
    if (netns >= 0)
        failed.push(
            run_inside(netns, [&](nl_sock* inside) { return set_default_routes(inside, endpoints); }));
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_network(network_id));
    failed.push(store.erase_lease(network_id, container_id));
    failed.push(give_back_addresses(store, gone));
    return std::move(failed).take();
}

} // namespace berth::network
