#include "network/network_options.hpp"

#include "network/address.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"

#include <optional>
#include <vector>

namespace berth::network {

namespace {

Failure bad_value(std::string_view name, const std::string& value, std::string_view rule) {
    return fail(ErrorCode::invalid_input, concat("the network option ", name, " is '", value, "': ", rule));
}

// Go's strconv.ParseBool, which Docker reads these with.
std::optional<bool> read_flag(const std::string& text) {
    for (const auto* word : {"1", "t", "T", "true", "TRUE", "True"})
        if (text == word) return true;
    for (const auto* word : {"0", "f", "F", "false", "FALSE", "False"})
        if (text == word) return false;
    return std::nullopt;
}

std::optional<GatewayMode> read_mode(const std::string& text) {
    if (text.empty() || text == "nat") return GatewayMode::nat;
    if (text == "nat-unprotected") return GatewayMode::nat_unprotected;
    if (text == "routed") return GatewayMode::routed;
    if (text == "isolated") return GatewayMode::isolated;
    return std::nullopt;
}

Status check_mode(const NetworkConfig& config, const std::string& name, const std::string& value) {
    const auto mode = read_mode(value);
    if (!mode) return bad_value(name, value, "it must be nat, nat-unprotected, routed or isolated");
    if (*mode == GatewayMode::isolated && !config.internal)
        return bad_value(name, value, "only an internal network can be isolated from the host");
    return {};
}

Status check_option(const NetworkConfig& config, const std::string& name, const std::string& value) {
    if (name == k_bridge_name) {
        const bool good = !value.empty() && value.size() <= 15 && is_valid_name(value);
        return good ? Status{} : bad_value(name, value, "interface names have 1 to 15 letters");
    }
    if (name == k_interface_prefix) {
        // A number of up to two digits follows.
        const bool good = !value.empty() && value.size() <= 13 && is_valid_name(value) && value != "lo";
        return good ? Status{}
                    : bad_value(name, value, "the beginning of an interface name, 1 to 13 letters");
    }
    if (name == k_mtu) {
        // 1280 is the least that IPv6 works with; 68 what IPv4 allows.
        const auto mtu = parse_integer(value, config.enable_ipv6 ? 1280 : 68, 65535);
        if (mtu) return {};
        return bad_value(name, value,
                         config.enable_ipv6 ? "with IPv6 it must be between 1280 and 65535"
                                            : "it must be between 68 and 65535");
    }
    if (name == k_host_binding) {
        const auto address = parse_address(value);
        if (address && !address->v6) return {};
        return bad_value(name, value, "it must be an IPv4 address");
    }
    if (name == k_gateway_mode4 || name == k_gateway_mode6) return check_mode(config, name, value);
    if (name == k_enable_icc || name == k_masquerade || name == k_inhibit_ipv4)
        return read_flag(value) ? Status{} : bad_value(name, value, "it must be true or false");
    Error error(ErrorCode::unsupported, concat("the network option '", name, "' is not known"));
    static const std::vector<std::string> known = {
        std::string(k_bridge_name),   std::string(k_enable_icc),   std::string(k_masquerade),
        std::string(k_host_binding),  std::string(k_inhibit_ipv4), std::string(k_gateway_mode4),
        std::string(k_gateway_mode6), std::string(k_mtu),          std::string(k_interface_prefix)};
    if (const auto near = nearest_word(name, known); !near.empty())
        error.hint(concat("did you mean ", near, "?"));
    return fail(std::move(error));
}

} // namespace

Status check_network_options(const NetworkConfig& config) {
    for (const auto& [name, value] : config.options)
        BERTH_TRY(check_option(config, name, value));
    return {};
}

std::string option_of(const NetworkConfig& config, std::string_view name) {
    const auto found = config.options.find(std::string(name));
    return found == config.options.end() ? std::string() : found->second;
}

bool option_on(const NetworkConfig& config, std::string_view name, bool otherwise) {
    return read_flag(option_of(config, name)).value_or(otherwise);
}

GatewayMode gateway_mode(const NetworkConfig& config, bool v6) {
    return read_mode(option_of(config, v6 ? k_gateway_mode6 : k_gateway_mode4)).value_or(GatewayMode::nat);
}

bool bridge_has_address(const NetworkConfig& config, bool v6) {
    if (gateway_mode(config, v6) == GatewayMode::isolated) return false;
    return v6 || !option_on(config, k_inhibit_ipv4, false);
}

} // namespace berth::network
