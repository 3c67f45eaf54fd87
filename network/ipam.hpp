// ipam.hpp - hands out subnets and addresses. Choosing is pure; taking an address is one symlink (store.hpp),
// so the cost does not grow with the number of containers. Callers hold the network's lock.
#pragma once

#include "network/address.hpp"
#include "network/store.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace berth::network {

// A range that is not ours to give, and who holds it ("network shop_front", "the route of eth0").
struct TakenRange {
    Prefix prefix;
    std::string holder;
    bool routed_away =
        false; // reached through a gateway: a narrower subnet of ours may lie inside when it is asked for
};

// Fills in what config.subnets leaves open (subnets from the pools, gateways) and checks what it says.
// network_id feeds the IPv6 prefix.
[[nodiscard]] Status settle_subnets(NetworkConfig& config, const std::string& network_id,
                                    const std::vector<TakenRange>& taken);

// One subnet of a network, parsed.
struct AddressPool {
    Prefix subnet;
    Prefix range; // addresses are given from here
    IpAddress gateway;
    std::set<IpAddress> reserved; // aux_addresses
};
// The first subnet of that family; empty when the network has none.
[[nodiscard]] Result<std::optional<AddressPool>> address_pool(const NetworkConfig& config, bool v6);

// The next free address after `last` (wrapping round), so that an address just given back is not given to
// another container whose neighbours still have the old one in their ARP tables. in_use, naming the option,
// when full.
[[nodiscard]] Result<IpAddress> next_free(const AddressPool& pool, const std::optional<IpAddress>& last,
                                          const std::function<bool(const IpAddress&)>& is_taken,
                                          const std::string& network_name);

// Takes addresses for one endpoint on disk: asked-for ones or an error, the preferred one if free, otherwise
// the next. Fills in addresses, prefixes, gateways and the hardware address. An existing lease of the same
// container is kept.
[[nodiscard]] Status take_addresses(const Store& store, const Network& network,
                                    const EndpointRequest& request, Endpoint& endpoint);
[[nodiscard]] Status give_back_addresses(const Store& store, const Endpoint& endpoint);
// Addresses whose lease does not exist (a kill between the two).
[[nodiscard]] Status drop_orphan_addresses(const Store& store, const std::string& network_id);

// 02:42 and the IPv4 address (as docker's), so that a re-created container with the same address keeps its
// neighbours' ARP entries right.
[[nodiscard]] std::string mac_of(const IpAddress& address);
[[nodiscard]] Status check_mac(const std::string& text);

} // namespace berth::network
