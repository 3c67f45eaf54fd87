#include "network/host_state.hpp"

#include "network/firewall.hpp"
#include "network/ipam.hpp"
#include "network/link.hpp"
#include "network/names.hpp"
#include "network/netns.hpp"
#include "network/networks.hpp"
#include "runtime/base/log.hpp"

#include <linux/netlink.h>
#include <net/if.h>

namespace berth::network {

namespace {

// With forwarding on, the kernel stops listening to router advertisements and the host would lose its IPv6
// default route after a while; accept_ra 2 means "also when forwarding".
Status keep_router_advertisements() {
    BERTH_ASSIGN_OR_RETURN(const auto interfaces, list_dir("/proc/sys/net/ipv6/conf"));
    for (const auto& interface : interfaces) {
        if (interface == "all" || interface == "lo") continue;
        const std::string name = concat("net/ipv6/conf/", interface, "/accept_ra");
        const auto value = read_sysctl(name);
        if (value && *value && **value == "1") BERTH_TRY(write_sysctl(name, "2", true));
    }
    return {};
}

Status turn_on(const std::string& name, const std::function<Status()>& before) {
    BERTH_ASSIGN_OR_RETURN(const auto value, read_sysctl(name));
    if (!value || *value != "0") return {};
    BERTH_TRY(before());
    log::info("turning on {}", name);
    return write_sysctl(name, "1");
}

Status repair_bridges(nl_sock* socket, const Store& store, const std::vector<Network>& networks) {
    ErrorList failed;
    for (const auto& network : networks) {
        const auto right = bridge_is_right(socket, network);
        if (right && *right) continue;
        const auto made = ensure_bridge(socket, network);
        if (!made) {
            failed.push(made.error());
            continue;
        }
        log::info("repaired the bridge {} of the network {}", network.bridge, network.config.name);
        const auto endpoints = store.leases(network.id);
        if (!endpoints) continue;
        for (const auto& endpoint : *endpoints)
            failed.push(reattach_veth(socket, network, endpoint));
        // The kernel switches a bridge on a moment after its first port: whatever is sent before that is
        // lost, and a lost ARP request costs a second.
        failed.push(wait_until_bridge_runs(socket, network, *endpoints));
    }
    return std::move(failed).take();
}

bool interface_exists(const std::string& name) {
    return ::if_nametoindex(name.c_str()) != 0;
}

// Ports whose container's namespace is gone (its monitor was killed): nobody answers there any more.
Status withdraw_abandoned(const Store& store, const std::vector<Network>& networks) {
    std::vector<Publication> gone;
    for (const auto& network : networks) {
        BERTH_ASSIGN_OR_RETURN(auto records, store.all_published(network.id));
        for (auto& record : records) {
            if (interface_exists(record.host_interface)) continue;
            (void)erase_names(store.context(), network.id, record.container_id);
            gone.push_back({network.id, std::move(record)});
        }
    }
    return Firewall(store).forget(gone);
}

// Leases of containers that have no record: a command was killed between the two. A container that is being
// built has no record either, but an interface.
Status drop_abandoned_leases(const Store& store, const std::vector<Network>& networks) {
    ErrorList failed;
    for (const auto& network : networks) {
        const auto holders = store.lease_holders(network.id);
        if (!holders) {
            failed.push(holders.error());
            continue;
        }
        for (const auto& holder : *holders) {
            if (path_exists(store.context().paths.container(holder))) continue;
            const auto lease = store.lease(network.id, holder);
            if (lease && (!*lease || interface_exists((*lease)->host_interface))) continue;
            const auto lock = store.lock_network(network.id);
            failed.push(store.erase_lease(network.id, holder));
            // Of a damaged one, the addresses are found by the missing lease.
            if (lease) failed.push(give_back_addresses(store, **lease));
            failed.push(erase_names(store.context(), network.id, holder));
        }
        // A kill between the address and its lease leaves an address alone.
        const auto lock = store.lock_network(network.id);
        failed.push(drop_orphan_addresses(store, network.id));
        store.remove_temporaries_of(network.id);
    }
    return std::move(failed).take();
}

} // namespace

Status ensure_forwarding(bool ipv6) {
    BERTH_TRY(turn_on("net/ipv4/ip_forward", [] { return Status{}; }));
    if (!ipv6) return {};
    return turn_on("net/ipv6/conf/all/forwarding", keep_router_advertisements);
}

Status ensure_host_state(const Context& context) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const auto networks, store.list());
    if (networks.empty()) return {};
    ErrorList failed;
    bool ipv6 = false;
    for (const auto& network : networks)
        ipv6 = ipv6 || network.config.enable_ipv6;
    failed.push(ensure_forwarding(ipv6));
    failed.push(Firewall(store).ensure());
    const auto socket = open_netlink(NETLINK_ROUTE);
    if (!socket) return fail(socket.error());
    failed.push(repair_bridges(socket->get(), store, networks));
    // Only when no connection is half-made: then whatever looks abandoned is.
    const auto idle = store.try_lock_idle();
    if (!idle) {
        failed.push(idle.error());
    } else if (*idle) {
        failed.push(withdraw_abandoned(store, networks));
        failed.push(drop_abandoned_leases(store, networks));
    }
    return std::move(failed).take();
}

} // namespace berth::network
