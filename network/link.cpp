#include "network/link.hpp"

#include "network/ipam.hpp"
#include "network/netns.hpp"
#include "network/network_options.hpp"

#include <cstdlib>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <poll.h>

namespace berth::network {

namespace {

struct PutAddress {
    void operator()(nl_addr* address) const { ::nl_addr_put(address); }
};
using AddressPtr = std::unique_ptr<nl_addr, PutAddress>;
struct PutRtnlAddress {
    void operator()(rtnl_addr* address) const { ::rtnl_addr_put(address); }
};
struct PutRoute {
    void operator()(rtnl_route* route) const { ::rtnl_route_put(route); }
};

Failure no_memory() {
    return fail_errno("allocate a netlink object", ENOMEM);
}

AddressPtr to_nl(const IpAddress& address, unsigned length) {
    AddressPtr out(::nl_addr_build(address.v6 ? AF_INET6 : AF_INET, address.bytes.data(), address.size()));
    if (out) ::nl_addr_set_prefixlen(out.get(), static_cast<int>(length));
    return out;
}

AddressPtr mac_to_nl(const std::string& text) {
    nl_addr* address = nullptr;
    if (::nl_addr_parse(text.c_str(), AF_LLC, &address) < 0) return nullptr;
    return AddressPtr(address);
}

Result<LinkPtr> new_link() {
    LinkPtr link(::rtnl_link_alloc());
    if (!link) return no_memory();
    return link;
}

// Changes an existing link; the change names it by index.
Status change_link(nl_sock* socket, int index, rtnl_link* change, const std::string& name) {
    const LinkPtr old(::rtnl_link_alloc());
    if (!old) return no_memory();
    ::rtnl_link_set_ifindex(old.get(), index);
    if (const int code = ::rtnl_link_change(socket, old.get(), change, 0); code < 0)
        return fail_netlink(code, concat("set up the interface ", name));
    return {};
}

Status add_address(nl_sock* socket, int index, const IpAddress& ip, unsigned length,
                   const std::string& name) {
    const std::unique_ptr<rtnl_addr, PutRtnlAddress> address(::rtnl_addr_alloc());
    const AddressPtr local = to_nl(ip, length);
    if (!address || !local) return no_memory();
    ::rtnl_addr_set_ifindex(address.get(), index);
    ::rtnl_addr_set_local(address.get(), local.get());
    if (ip.v6) {
        // Usable at once: our own allocator knows that nobody else has it.
        ::rtnl_addr_set_flags(address.get(), IFA_F_NODAD);
    } else if (length < 31) {
        const Prefix subnet = prefix_of(ip, length);
        const AddressPtr broadcast = to_nl(subnet.at(subnet.size() - 1), length);
        if (broadcast) ::rtnl_addr_set_broadcast(address.get(), broadcast.get());
    }
    const int code = ::rtnl_addr_add(socket, address.get(), 0);
    if (code < 0 && code != -NLE_EXIST)
        return fail_netlink(code, concat("give the address ", ip.to_string(), " to ", name));
    return {};
}

Result<Prefix> gateway_prefix(const Subnet& subnet) {
    BERTH_ASSIGN_OR_RETURN(const IpAddress gateway, parse_address(subnet.gateway));
    BERTH_ASSIGN_OR_RETURN(const Prefix prefix, parse_prefix(subnet.subnet));
    return Prefix{gateway, prefix.length};
}

Status bridge_sysctls(const Network& network) {
    const std::string v4 = concat("net/ipv4/conf/", network.bridge, "/");
    const std::string v6 = concat("net/ipv6/conf/", network.bridge, "/");
    // 127.0.0.1:PORT published: the packets leave through the bridge with a loopback source. What arrives on
    // the bridge for 127/8 is dropped by the firewall (CVE-2020-8558).
    BERTH_TRY(write_sysctl(v4 + "route_localnet", "1"));
    BERTH_TRY(write_sysctl(v6 + "accept_ra", "0", true));
    // An isolated bridge has no link-local address either: through that, containers would reach the host.
    const bool ipv6 = network.config.enable_ipv6 && bridge_has_address(network.config, true);
    return write_sysctl(v6 + "disable_ipv6", ipv6 ? "0" : "1", true);
}

// The gateway's address of each family that the bridge has one of.
Result<std::vector<Prefix>> bridge_addresses(const Network& network) {
    std::vector<Prefix> out;
    for (const auto& subnet : network.config.subnets) {
        BERTH_ASSIGN_OR_RETURN(const Prefix gateway, gateway_prefix(subnet));
        if (bridge_has_address(network.config, gateway.address.v6)) out.push_back(gateway);
    }
    return out;
}

Result<int> make_bridge(nl_sock* socket, const Network& network) {
    const LinkPtr bridge(::rtnl_link_bridge_alloc());
    if (!bridge) return no_memory();
    ::rtnl_link_set_name(bridge.get(), network.bridge.c_str());
    ::rtnl_link_set_group(bridge.get(), link_group(network.id));
    if (network.mtu > 0) ::rtnl_link_set_mtu(bridge.get(), static_cast<unsigned>(network.mtu));
    if (!network.config.subnets.empty()) {
        // A fixed one: otherwise it is the lowest of the ports' and changes under the containers' ARP tables.
        BERTH_ASSIGN_OR_RETURN(const IpAddress gateway,
                               parse_address(network.config.subnets.front().gateway));
        if (const AddressPtr mac = mac_to_nl(mac_of(gateway))) ::rtnl_link_set_addr(bridge.get(), mac.get());
    }
    if (const int code = ::rtnl_link_add(socket, bridge.get(), NLM_F_CREATE | NLM_F_EXCL);
        code < 0 && code != -NLE_EXIST)
        return fail_netlink(
            code, concat("make the bridge ", network.bridge, " of the network '", network.config.name, "'"));
    BERTH_ASSIGN_OR_RETURN(const LinkPtr made, get_link(socket, network.bridge));
    return ::rtnl_link_get_ifindex(made.get());
}

} // namespace

std::string bridge_name(const std::string& network_id) {
    return "br-" + network_id.substr(0, 12);
}

std::string veth_name(const std::string& container_id, std::size_t index) {
    static constexpr char digits[] = "h123456789abcdefgijklmnopqrstuvwxyz";
    return concat("vet", digits[index % (sizeof digits - 1)], std::string_view(container_id).substr(0, 11));
}

std::uint32_t link_group(const std::string& network_id) {
    // The upper half of the numbers: people use small ones by hand.
    return 0x40000000u |
           (static_cast<std::uint32_t>(std::strtoul(network_id.substr(0, 8).c_str(), nullptr, 16)) &
            0x3fffffffu);
}

Result<bool> ensure_bridge(nl_sock* socket, const Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto there, find_link(socket, network.bridge));
    int index = 0;
    if (there) {
        const char* type = ::rtnl_link_get_type(there->get());
        if (type == nullptr || std::string_view(type) != "bridge")
            return fail(ErrorCode::in_use,
                        concat("the interface ", network.bridge, " exists and is no bridge: the network '",
                               network.config.name, "' needs that name"));
        index = ::rtnl_link_get_ifindex(there->get());
    } else {
        BERTH_ASSIGN_OR_RETURN(index, make_bridge(socket, network));
    }
    BERTH_TRY(bridge_sysctls(network));
    BERTH_ASSIGN_OR_RETURN(const auto addresses, bridge_addresses(network));
    for (const auto& gateway : addresses)
        BERTH_TRY(add_address(socket, index, gateway.address, gateway.length, network.bridge));
    BERTH_ASSIGN_OR_RETURN(const LinkPtr change, new_link());
    ::rtnl_link_set_flags(change.get(), IFF_UP);
    ::rtnl_link_set_ifalias(change.get(), concat("berth network ", network.id).c_str());
    BERTH_TRY(change_link(socket, index, change.get(), network.bridge));
    return !there;
}

Result<bool> bridge_is_right(nl_sock* socket, const Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto link, find_link(socket, network.bridge));
    if (!link || (::rtnl_link_get_flags(link->get()) & IFF_UP) == 0) return false;
    nl_cache* raw = nullptr;
    if (const int code = ::rtnl_addr_alloc_cache(socket, &raw); code < 0)
        return fail_netlink(code, "read the addresses");
    const std::unique_ptr<nl_cache, void (*)(nl_cache*)> cache(raw, ::nl_cache_free);
    BERTH_ASSIGN_OR_RETURN(const auto addresses, bridge_addresses(network));
    for (const auto& gateway : addresses) {
        const AddressPtr local = to_nl(gateway.address, gateway.length);
        if (!local) return no_memory();
        const std::unique_ptr<rtnl_addr, PutRtnlAddress> found(
            ::rtnl_addr_get(cache.get(), ::rtnl_link_get_ifindex(link->get()), local.get()));
        if (!found) return false;
    }
    return true;
}

Status remove_links(nl_sock* socket, const Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto link, find_link(socket, network.bridge));
    if (!link) return {};
    // A bridge that the user brought is left as it was found, without our address.
    if (::rtnl_link_get_group(link->get()) != link_group(network.id)) return {};
    nl_msg* message = ::nlmsg_alloc_simple(RTM_DELLINK, NLM_F_REQUEST);
    if (message == nullptr) return no_memory();
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    if (::nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        ::nla_put_u32(message, IFLA_GROUP, link_group(network.id)) < 0) {
        ::nlmsg_free(message);
        return no_memory();
    }
    const int code = ::nl_send_sync(socket, message); // frees the message
    if (code < 0 && code != -NLE_NODEV && code != -NLE_OBJ_NOTFOUND)
        return fail_netlink(code, concat("remove the bridge ", network.bridge, " of the network '",
                                         network.config.name, "'"));
    return {};
}

Status create_veth(nl_sock* host, const VethRequest& request) {
    const Network& network = *request.network;
    const Endpoint& endpoint = *request.endpoint;
    BERTH_ASSIGN_OR_RETURN(const LinkPtr bridge, get_link(host, network.bridge));
    const LinkPtr link(::rtnl_link_veth_alloc());
    if (!link) return no_memory();
    rtnl_link* peer = ::rtnl_link_veth_get_peer(link.get()); // a new reference
    const LinkPtr peer_owner(peer);
    ::rtnl_link_set_name(link.get(), endpoint.host_interface.c_str());
    ::rtnl_link_set_group(link.get(), link_group(network.id));
    ::rtnl_link_set_name(peer, endpoint.interface.c_str());
    ::rtnl_link_set_ns_fd(peer, request.netns);
    if (const AddressPtr mac = mac_to_nl(endpoint.mac)) ::rtnl_link_set_addr(peer, mac.get());
    if (network.mtu > 0) {
        ::rtnl_link_set_mtu(link.get(), static_cast<unsigned>(network.mtu));
        ::rtnl_link_set_mtu(peer, static_cast<unsigned>(network.mtu));
    }
    int code = ::rtnl_link_add(host, link.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (code == -NLE_EXIST) {
        // Left by a killed command, or its namespace is just being taken apart.
        BERTH_TRY(remove_veth(host, endpoint.host_interface));
        code = ::rtnl_link_add(host, link.get(), NLM_F_CREATE | NLM_F_EXCL);
    }
    if (code < 0) return fail_netlink(code, concat("make the interface ", endpoint.host_interface));
    BERTH_ASSIGN_OR_RETURN(const LinkPtr made, get_link(host, endpoint.host_interface));
    BERTH_ASSIGN_OR_RETURN(const LinkPtr change, new_link());
    ::rtnl_link_set_master(change.get(), ::rtnl_link_get_ifindex(bridge.get()));
    ::rtnl_link_set_ifalias(
        change.get(),
        concat("berth container ", endpoint.container_id, " network ", endpoint.network_id).c_str());
    ::rtnl_link_set_flags(change.get(), IFF_UP);
    return change_link(host, ::rtnl_link_get_ifindex(made.get()), change.get(), endpoint.host_interface);
}

Status set_port_flags(nl_sock* host, const Network& network, const Endpoint& endpoint) {
    // With br_netfilter (any host that has had Docker) the bridge itself delivers what was translated to one
    // of its own ports, and gives a packet back to the port that it came from only in hairpin mode.
    const bool hairpin = !endpoint.ports.empty();
    bool isolated = !option_on(network.config, k_enable_icc, true);
    if (!hairpin && !isolated) return {};
    if (isolated) {
        // With br_netfilter the firewall decides, and must: isolated ports would not even get what was
        // translated.
        const auto filtered = read_sysctl("net/bridge/bridge-nf-call-iptables");
        isolated = !filtered || !*filtered || **filtered == "0";
    }
    BERTH_ASSIGN_OR_RETURN(const LinkPtr link, get_link(host, endpoint.host_interface));
    nl_msg* message = ::nlmsg_alloc_simple(RTM_SETLINK, NLM_F_REQUEST);
    if (message == nullptr) return no_memory();
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = ::rtnl_link_get_ifindex(link.get());
    nlattr* nest = nullptr;
    const bool built = ::nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) >= 0 &&
                       (nest = ::nla_nest_start(message, IFLA_PROTINFO | NLA_F_NESTED)) != nullptr &&
                       ::nla_put_u8(message, IFLA_BRPORT_MODE, hairpin ? 1 : 0) >= 0 &&
                       ::nla_put_u8(message, IFLA_BRPORT_ISOLATED, isolated ? 1 : 0) >= 0 &&
                       ::nla_nest_end(message, nest) >= 0;
    if (!built) {
        ::nlmsg_free(message);
        return no_memory();
    }
    if (const int code = ::nl_send_sync(host, message); code < 0) // frees the message
        return fail_netlink(code, concat("set the bridge port flags of ", endpoint.host_interface));
    return {};
}

Status reattach_veth(nl_sock* host, const Network& network, const Endpoint& endpoint) {
    BERTH_ASSIGN_OR_RETURN(const auto veth, find_link(host, endpoint.host_interface));
    if (!veth) return {};
    BERTH_ASSIGN_OR_RETURN(const LinkPtr bridge, get_link(host, network.bridge));
    if (::rtnl_link_get_master(veth->get()) == ::rtnl_link_get_ifindex(bridge.get())) return {};
    BERTH_ASSIGN_OR_RETURN(const LinkPtr change, new_link());
    ::rtnl_link_set_master(change.get(), ::rtnl_link_get_ifindex(bridge.get()));
    ::rtnl_link_set_flags(change.get(), IFF_UP);
    BERTH_TRY(change_link(host, ::rtnl_link_get_ifindex(veth->get()), change.get(), endpoint.host_interface));
    return set_port_flags(host, network, endpoint);
}

Status remove_veth(nl_sock* host, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(const auto link, find_link(host, name));
    if (!link) return {};
    const int code = ::rtnl_link_delete(host, link->get());
    if (code < 0 && code != -NLE_NODEV && code != -NLE_OBJ_NOTFOUND)
        return fail_netlink(code, concat("remove the interface ", name));
    return {};
}

Status bring_loopback_up(nl_sock* socket) {
    BERTH_ASSIGN_OR_RETURN(const LinkPtr change, new_link());
    ::rtnl_link_set_flags(change.get(), IFF_UP);
    return change_link(socket, 1, change.get(), "lo"); // lo is number 1 in every namespace
}

namespace {

Result<bool> is_running(nl_sock* host, const std::string& name) {
    // Since Linux 6.8 asking for a link also runs what is queued for it, so the first answer is already "up".
    BERTH_ASSIGN_OR_RETURN(const auto link, find_link(host, name));
    return !link || ::rtnl_link_get_operstate(link->get()) == IF_OPER_UP;
}

int take_event(nl_msg*, void*) {
    return NL_OK;
}

// Older kernels: by the notification.
Status await_running(nl_sock* host, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(const NlSocket events, open_netlink(NETLINK_ROUTE));
    ::nl_socket_disable_seq_check(events.get());
    if (const int code = ::nl_socket_add_memberships(events.get(), RTNLGRP_LINK, 0); code < 0)
        return fail_netlink(code, "listen for changes of interfaces");
    ::nl_socket_modify_cb(events.get(), NL_CB_VALID, NL_CB_CUSTOM, take_event, nullptr);
    // Bounded: somebody may have set it down again, and that is no reason to hang.
    for (int left = 64; left > 0; --left) {
        BERTH_ASSIGN_OR_RETURN(const bool running, is_running(host, name));
        if (running) return {};
        pollfd waiting{::nl_socket_get_fd(events.get()), POLLIN, 0};
        if (::poll(&waiting, 1, 2000) == 0) break;
        (void)::nl_recvmsgs_default(events.get());
    }
    return fail_errno(concat("wait until the interface ", name, " is up"), ETIMEDOUT);
}

} // namespace

Status wait_until_running(nl_sock* host, const Network& network, const Endpoint& endpoint) {
    for (const std::string* name : {&endpoint.host_interface, &network.bridge}) {
        BERTH_ASSIGN_OR_RETURN(const bool running, is_running(host, *name));
        if (!running) BERTH_TRY(await_running(host, *name));
    }
    return {};
}

Status wait_until_bridge_runs(nl_sock* host, const Network& network, const std::vector<Endpoint>& endpoints) {
    for (const auto& endpoint : endpoints) {
        BERTH_ASSIGN_OR_RETURN(const auto port, find_link(host, endpoint.host_interface));
        // Without a port that runs, a bridge has no carrier, and there is nobody to reach.
        if (!port || ::rtnl_link_get_operstate(port->get()) != IF_OPER_UP) continue;
        BERTH_ASSIGN_OR_RETURN(const bool running, is_running(host, network.bridge));
        return running ? Status() : await_running(host, network.bridge);
    }
    return {};
}

Status set_default_route(nl_sock* socket, const Endpoint& endpoint, bool v6) {
    const std::string& text = v6 ? endpoint.gateway6 : endpoint.gateway;
    if (text.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const IpAddress gateway, parse_address(text));
    BERTH_ASSIGN_OR_RETURN(const LinkPtr link, get_link(socket, endpoint.interface));
    const std::unique_ptr<rtnl_route, PutRoute> route(::rtnl_route_alloc());
    rtnl_nexthop* hop = ::rtnl_route_nh_alloc();
    IpAddress any;
    any.v6 = v6;
    const AddressPtr to = to_nl(any, 0);
    const AddressPtr via = to_nl(gateway, v6 ? 128 : 32);
    if (!route || hop == nullptr || !to || !via) return no_memory();
    ::rtnl_route_set_family(route.get(), v6 ? AF_INET6 : AF_INET);
    ::rtnl_route_set_dst(route.get(), to.get());
    ::rtnl_route_nh_set_ifindex(hop, ::rtnl_link_get_ifindex(link.get()));
    ::rtnl_route_nh_set_gateway(hop, via.get());
    ::rtnl_route_add_nexthop(route.get(), hop); // takes it over
    if (const int code = ::rtnl_route_add(socket, route.get(), NLM_F_CREATE | NLM_F_REPLACE); code < 0)
        return fail_netlink(code, concat("set the default route through ", text));
    return {};
}

namespace {

// Masks as Docker's, whatever the address.
Status add_link_locals(nl_sock* socket, int index, const Endpoint& endpoint) {
    for (const auto& text : endpoint.link_local_ips) {
        BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(text));
        BERTH_TRY(add_address(socket, index, address, address.v6 ? 64 : 16, endpoint.interface));
    }
    return {};
}

} // namespace

Status configure_inside(nl_sock* socket, const Endpoint& endpoint) {
    BERTH_ASSIGN_OR_RETURN(const LinkPtr link, get_link(socket, endpoint.interface));
    const int index = ::rtnl_link_get_ifindex(link.get());
    BERTH_ASSIGN_OR_RETURN(const LinkPtr change, new_link());
    ::rtnl_link_set_flags(change.get(), IFF_UP);
    BERTH_TRY(change_link(socket, index, change.get(), endpoint.interface));
    if (!endpoint.ipv4.empty()) {
        BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(endpoint.ipv4));
        BERTH_TRY(add_address(socket, index, address, static_cast<unsigned>(endpoint.ipv4_prefix),
                              endpoint.interface));
    }
    if (!endpoint.ipv6.empty()) {
        BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(endpoint.ipv6));
        BERTH_TRY(add_address(socket, index, address, static_cast<unsigned>(endpoint.ipv6_prefix),
                              endpoint.interface));
    }
    return add_link_locals(socket, index, endpoint);
}

} // namespace berth::network
