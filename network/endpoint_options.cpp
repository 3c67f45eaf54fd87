#include "network/endpoint_options.hpp"

#include "network/address.hpp"
#include "network/network_options.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::network {

namespace {

std::string asked_name(const std::map<std::string, std::string>& options) {
    const auto found = options.find(std::string(k_endpoint_ifname));
    return found == options.end() ? std::string() : found->second;
}

Failure bad_value(std::string_view name, std::string_view value, std::string_view rule) {
    return fail(ErrorCode::invalid_input, concat("the endpoint option ", name, " is '", value, "': ", rule));
}

// The kernel's rule, less the names that have a meaning already.
bool is_interface_name(const std::string& name) {
    return !name.empty() && name.size() <= 15 && name != "." && name != ".." && name != "lo" &&
           name != "all" && name != "default" && std::all_of(name.begin(), name.end(), [](char c) {
               return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%';
           });
}

// "net.ipv4.conf.IFNAME.log_martians=1": the interface's own settings and nothing else, so no part may hold a
// separator of paths.
bool is_interface_sysctl(const std::string& entry) {
    const auto equals = entry.find('=');
    if (equals == std::string::npos || equals + 1 == entry.size()) return false;
    const auto parts = split(std::string_view(entry).substr(0, equals), '.');
    if (parts.size() != 5 || parts[0] != "net" || parts[3] != "IFNAME") return false;
    if (parts[1] != "ipv4" && parts[1] != "ipv6" && parts[1] != "mpls") return false;
    return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
        return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                   c == '-';
        });
    });
}

} // namespace

Status check_endpoint_options(const EndpointRequest& request) {
    for (const auto& [name, value] : request.driver_options) {
        if (name == k_endpoint_ifname) {
            if (!is_interface_name(value))
                return bad_value(name, value, "an interface's name has 1 to 15 letters without '/' and ':'");
        } else if (name == k_endpoint_sysctls) {
            for (const auto& entry : split(value, ','))
                if (!is_interface_sysctl(entry))
                    return bad_value(name, entry,
                                     "write net.X.Y.IFNAME.Z=VALUE, X being ipv4, ipv6 or mpls and IFNAME "
                                     "standing for the interface");
        } else {
            Error error(ErrorCode::unsupported, concat("the endpoint option '", name, "' is not known"));
            error.hint(concat(k_endpoint_ifname, " and ", k_endpoint_sysctls, " are"));
            return fail(std::move(error));
        }
    }
    for (const auto& text : request.link_local_ips) {
        BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(text));
        if (address.is_unspecified() || address.is_loopback())
            return fail(ErrorCode::invalid_input,
                        concat("the link-local address ", text, " cannot be an interface's"));
    }
    return {};
}

Status name_interface(Endpoint& endpoint, const std::vector<Endpoint>& others,
                      const std::vector<std::string>& asked, const NetworkConfig& network) {
    const auto is_taken = [&](const std::string& name) {
        return std::any_of(others.begin(), others.end(),
                           [&](const Endpoint& other) { return other.interface == name; });
    };
    endpoint.interface = asked_name(endpoint.driver_options);
    if (!endpoint.interface.empty()) {
        if (!is_taken(endpoint.interface)) return {};
        return fail(ErrorCode::already_exists,
                    concat("the container ", endpoint.container_name, " has an interface ",
                           endpoint.interface, " already: it cannot be that of the network '",
                           endpoint.network_name, "' too"));
    }
    const std::string option = option_of(network, k_interface_prefix);
    const std::string prefix = option.empty() ? "eth" : option;
    for (int number = 0;; ++number) {
        endpoint.interface = concat(prefix, number);
        if (!is_taken(endpoint.interface) &&
            std::find(asked.begin(), asked.end(), endpoint.interface) == asked.end())
            return {};
    }
}

std::vector<std::pair<std::string, std::string>> endpoint_sysctls(const Endpoint& endpoint) {
    std::vector<std::pair<std::string, std::string>> out;
    const auto found = endpoint.driver_options.find(std::string(k_endpoint_sysctls));
    if (found == endpoint.driver_options.end()) return out;
    for (const auto& entry : split(found->second, ',')) {
        const auto equals = entry.find('=');
        auto parts = split(std::string_view(entry).substr(0, equals), '.');
        if (equals == std::string::npos || parts.size() != 5)
            continue; // of a record that somebody has edited
        parts[3] = endpoint.interface;
        out.emplace_back(join(parts, "/"), entry.substr(equals + 1));
    }
    return out;
}

} // namespace berth::network
