// endpoint_options.hpp - what one container may ask of one interface (driver_opts of a service's network,
// interface_name). Pure. Errors: invalid_input or unsupported, naming the option.
#pragma once

#include "network/model.hpp"
#include "runtime/base/result.hpp"

#include <string>
#include <utility>
#include <vector>

namespace berth::network {

inline constexpr std::string_view k_endpoint_ifname = "com.docker.network.endpoint.ifname";
inline constexpr std::string_view k_endpoint_sysctls = "com.docker.network.endpoint.sysctls";

[[nodiscard]] Status check_endpoint_options(const EndpointRequest& request);

// Gives `endpoint` the name of its interface inside: the one asked for, or the prefix and the first number
// that is free among `others`, and further `asked` names.
[[nodiscard]] Status name_interface(Endpoint& endpoint, const std::vector<Endpoint>& others,
                                    const std::vector<std::string>& asked, const NetworkConfig& network);

// Below /proc/sys, with the interface's name in place: {"net/ipv4/conf/eth0/log_martians", "1"}.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> endpoint_sysctls(const Endpoint& endpoint);

} // namespace berth::network
