// link.hpp - bridges and veth pairs. Names and aliases carry the id, so that what lies about can be traced
// back. Invariants: all links of one network are in one link group, so that they go in one step (one grace
// period of the kernel, 22-27 ms, instead of one for each); a veth is otherwise never deleted: it goes with
// its namespace.
#pragma once

#include "network/model.hpp"
#include "network/netlink.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::network {

[[nodiscard]] std::string bridge_name(const std::string& network_id);
// "veth" + 11 digits for the first interface of a container, "vet1" + 11 digits for its second, ...
[[nodiscard]] std::string veth_name(const std::string& container_id, std::size_t index);
[[nodiscard]] std::uint32_t link_group(const std::string& network_id);

// Makes the bridge or repairs it: addresses, MTU, up, sysctls. true: it was not there and is now.
[[nodiscard]] Result<bool> ensure_bridge(nl_sock* socket, const Network& network);
// True when the bridge exists, is up and has its gateway addresses.
[[nodiscard]] Result<bool> bridge_is_right(nl_sock* socket, const Network& network);
// The bridge and every veth that is still on it, together. Fine if they are gone.
[[nodiscard]] Status remove_links(nl_sock* socket, const Network& network);

struct VethRequest {
    const Network* network = nullptr;
    const Endpoint* endpoint = nullptr;
    int netns = -1;
};
// Pair with the peer already inside the namespace; the host's side on the bridge and up.
[[nodiscard]] Status create_veth(nl_sock* host, const VethRequest& request);
// What the bridge needs to know of a port: hairpin where the container has published ports, isolated where
// neighbours may not talk. Costs nothing for the others.
[[nodiscard]] Status set_port_flags(nl_sock* host, const Network& network, const Endpoint& endpoint);
// Puts an existing veth on its bridge again (the bridge was deleted and made anew). Fine if the veth is gone.
[[nodiscard]] Status reattach_veth(nl_sock* host, const Network& network, const Endpoint& endpoint);
[[nodiscard]] Status remove_veth(nl_sock* host, const std::string& name); // fine if it is gone

// Returns when packets pass in both directions. An interface without carrier when it was brought up is
// switched on by a work queue of the kernel some time later; what a container sends before is lost, and a
// lost ARP request or SYN costs a whole second.
[[nodiscard]] Status wait_until_running(nl_sock* host, const Network& network, const Endpoint& endpoint);
// The same for a bridge that was made or brought up again under endpoints that are there.
[[nodiscard]] Status wait_until_bridge_runs(nl_sock* host, const Network& network,
                                            const std::vector<Endpoint>& endpoints);

// Inside: `socket` belongs to the namespace.
[[nodiscard]] Status bring_loopback_up(nl_sock* socket);
[[nodiscard]] Status configure_inside(nl_sock* socket, const Endpoint& endpoint);
// Default routes through this endpoint, in place of any that are there.
[[nodiscard]] Status set_default_route(nl_sock* socket, const Endpoint& endpoint, bool v6);

} // namespace berth::network
