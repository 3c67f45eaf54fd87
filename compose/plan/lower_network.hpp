// lower_network.hpp - networks, ports and names of a service. Part of lower.hpp.
#pragma once

#include "compose/plan/lower.hpp"

namespace berth::compose {

[[nodiscard]] Status lower_networking(const Project& project, const Service& service,
                                      const LowerOptions& options, ContainerRequest& request);
// "service:db" -> "container:<id>"; everything else as it is.
[[nodiscard]] Result<std::string> lower_mode(const std::string& mode, const Service& service,
                                             const LowerOptions& options);

} // namespace berth::compose
