// attach.hpp - the facade for one container's network: connect before it starts, disconnect when it has
// ended, release when it is removed. All idempotent.
#pragma once

#include "network/model.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/fd.hpp"

#include <string>
#include <vector>

namespace berth::network {

struct ConnectRequest {
    std::string container_id, container_name;
    std::vector<EndpointRequest>
        endpoints; // in order: eth0, eth1, ...; the default route by priority, then order
    std::vector<PortMapping> ports;
};
// A reservation whose own socket serves clients, because the kernel does not translate what reaches it: ::1,
// and IPv6 to a container that has only IPv4.
struct PortRelay {
    std::size_t reservation = 0; // index in Connection::reservations
    std::string protocol;        // "tcp", "udp"
    std::string address;         // the container's, where it is passed on to
    std::int64_t container_port = 0;
};
struct Connection {
    Fd netns;                     // new, with lo up, interfaces, addresses and routes
    std::vector<Fd> reservations; // bound (not listening) host sockets that keep each published port
    std::vector<PortRelay> relays;
    std::vector<Endpoint> endpoints;
    std::vector<PortMapping> ports;        // settled
    std::vector<std::string> name_folders; // NameRecord folders of the networks, same order
    std::vector<std::string> network_names;
    std::vector<std::string> name_files; // this container's records
    bool internal_only = false;          // nothing may be forwarded to the outside
};
// A port that is held by somebody: in_use, saying by whom (pid and program, or which container). On failure
// nothing of this connection is left.
[[nodiscard]] Result<Connection> connect(const Context& context, const ConnectRequest& request);
// Many at once: one firewall transaction, one pass over the records. Same order as the requests; each its own
// result.
[[nodiscard]] std::vector<Result<Connection>> connect_all(const Context& context,
                                                          const std::vector<ConnectRequest>& requests);

// Takes down published ports and names; addresses stay leased for the next start. The veth goes with the
// namespace.
[[nodiscard]] Status disconnect(const Context& context, const std::string& container_id);
[[nodiscard]] Status disconnect_all(const Context& context, const std::vector<std::string>& container_ids);
// disconnect, and gives the addresses back.
[[nodiscard]] Status release(const Context& context, const std::string& container_id);
[[nodiscard]] Status release_all(const Context& context, const std::vector<std::string>& container_ids);

// The endpoints of one container, as recorded.
[[nodiscard]] Result<std::vector<Endpoint>> endpoints_of(const Context& context,
                                                         const std::string& container_id);
// `berth network connect|disconnect` of a running container: adds or removes one interface in a namespace
// that exists.
[[nodiscard]] Result<Endpoint> join(const Context& context, int netns, const std::string& container_id,
                                    const std::string& container_name, const EndpointRequest& request);
[[nodiscard]] Status leave(const Context& context, int netns, const std::string& container_id,
                           const std::string& network_id);
// Nameservers of the host's resolv.conf for the containers' DNS servers to ask, search domains and options.
struct HostResolver {
    std::vector<std::string> servers, search, options;
};
[[nodiscard]] Result<HostResolver> host_resolver();

} // namespace berth::network
