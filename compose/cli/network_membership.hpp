// network_membership.hpp - joining and leaving networks by hand, and networks that nobody uses. The record is
// changed under the container's lock, so that its next start asks for the same; a running one is changed at
// once.
#pragma once

#include "compose/cli/prune_filter.hpp"
#include "network/model.hpp"
#include "runtime/base/context.hpp"

#include <string>
#include <vector>

namespace berth::cli {

[[nodiscard]] Status connect_container(const Context& context, const std::string& container,
                                       const network::Network& network,
                                       const network::EndpointRequest& request);
[[nodiscard]] Status disconnect_container(const Context& context, const std::string& container,
                                          const network::Network& network);
// Names of the networks that were removed: no endpoints, and no container (also a stopped one) that asks for
// them.
[[nodiscard]] Result<std::vector<std::string>> prune_networks(const Context& context,
                                                              const PruneFilter& filter);

} // namespace berth::cli
