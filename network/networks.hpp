// networks.hpp - the facade for networks as objects: create, find, list, remove, and the state of the host
// that they need (bridge, firewall). Two roots never see each other, but share the host's interfaces: names
// carry the id.
#pragma once

#include "network/model.hpp"
#include "runtime/base/context.hpp"

#include <string>
#include <vector>

namespace berth::network {

// Record, subnet, bridge, firewall. already_exists when the name is taken; a subnet that overlaps another
// network's or a host route is refused with who holds it.
[[nodiscard]] Result<Network> create(const Context& context, NetworkConfig config);
[[nodiscard]] Lookup<Network> find(const Context& context, const std::string& name_or_id);
[[nodiscard]] Result<Network> get(const Context& context,
                                  const std::string& name_or_id); // not_found with "did you mean"
[[nodiscard]] Result<std::vector<Network>> list(const Context& context);
// in_use while endpoints exist (their container names are said).
[[nodiscard]] Status remove(const Context& context, const std::string& id);
// Takes down what a killed create or remove left of a network; one look at a folder when there is nothing.
[[nodiscard]] Status remove_leftovers(const Context& context);
// The networks that no record stands for: "host" and "none", which are modes of a container, and "bridge"
// until it is first used. Their ids follow from the roots, so that they are the same at each look.
[[nodiscard]] Result<std::vector<Network>> predefined(const Context& context);
[[nodiscard]] bool is_predefined(const std::string& name);
// Docker's default network "bridge" for plain `berth run`; made when first used.
[[nodiscard]] Result<Network> ensure_default(const Context& context);
// Bridge and firewall are what the records say, repaired if somebody deleted them (nft flush ruleset, ip link
// del). Cheap when nothing is wrong. All networks in one transaction.
[[nodiscard]] Status ensure_host_state(const Context& context);
[[nodiscard]] Result<std::vector<Endpoint>> endpoints(const Context& context, const std::string& network_id);

} // namespace berth::network
