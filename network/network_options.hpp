// network_options.hpp - the options of a network (driver_opts, --opt) and what they mean. Pure.
#pragma once

#include "network/model.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::network {

inline constexpr std::string_view k_bridge_name = "com.docker.network.bridge.name";
inline constexpr std::string_view k_enable_icc = "com.docker.network.bridge.enable_icc";
inline constexpr std::string_view k_masquerade = "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr std::string_view k_host_binding = "com.docker.network.bridge.host_binding_ipv4";
inline constexpr std::string_view k_inhibit_ipv4 = "com.docker.network.bridge.inhibit_ipv4";
inline constexpr std::string_view k_gateway_mode4 = "com.docker.network.bridge.gateway_mode_ipv4";
inline constexpr std::string_view k_gateway_mode6 = "com.docker.network.bridge.gateway_mode_ipv6";
inline constexpr std::string_view k_mtu = "com.docker.network.driver.mtu";
inline constexpr std::string_view k_interface_prefix = "com.docker.network.container_iface_prefix";

// How a family of a network leads outside. nat: masqueraded, entered through published ports of the host.
// nat_unprotected: as nat, and every port of a container can be reached by a route. routed: no translation;
// the published container ports can be reached by a route. isolated: the bridge has no address at all.
enum class GatewayMode : std::uint8_t { nat, nat_unprotected, routed, isolated };

// Every option is known and its value one that it can have; otherwise invalid_input or unsupported, with the
// option's name.
[[nodiscard]] Status check_network_options(const NetworkConfig& config);

// Empty: not given. The values were checked when the network was made.
[[nodiscard]] std::string option_of(const NetworkConfig& config, std::string_view name);
[[nodiscard]] bool option_on(const NetworkConfig& config, std::string_view name, bool otherwise);
[[nodiscard]] GatewayMode gateway_mode(const NetworkConfig& config, bool v6);
// Whether the bridge itself has the gateway's address of that family.
[[nodiscard]] bool bridge_has_address(const NetworkConfig& config, bool v6);

} // namespace berth::network
