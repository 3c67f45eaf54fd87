// conntrack.hpp - removes the kernel's memory of UDP flows to host ports that lead elsewhere from now on.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <vector>

namespace berth::network {

[[nodiscard]] Status delete_udp_flows(const std::vector<std::uint16_t>& host_ports);

} // namespace berth::network
