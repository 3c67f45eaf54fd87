// netlink.hpp - RAII over libnl and the few look-ups of links and routes that the room needs. A socket
// belongs to the network namespace of the thread that opened it, for ever: so one thread can set up many
// namespaces. Errors: libnl's codes are turned back into errno values.
#pragma once

#include "network/address.hpp"
#include "runtime/base/result.hpp"

#include <memory>
#include <string>
#include <vector>

struct nl_sock;
struct rtnl_link;

namespace berth::network {

struct FreeSocket {
    void operator()(nl_sock* socket) const;
};
struct PutLink {
    void operator()(rtnl_link* link) const;
};
using NlSocket = std::unique_ptr<nl_sock, FreeSocket>;
using LinkPtr = std::unique_ptr<rtnl_link, PutLink>;

// NETLINK_ROUTE or NETLINK_NETFILTER, in the calling thread's network namespace.
[[nodiscard]] Result<NlSocket> open_netlink(int protocol);
// The error of a libnl call: a negative NLE_* code.
[[nodiscard]] Failure fail_netlink(int code, std::string message);
[[nodiscard]] int errno_of_netlink(int code);

[[nodiscard]] Lookup<LinkPtr> find_link(nl_sock* socket, const std::string& name);
[[nodiscard]] Result<LinkPtr> get_link(nl_sock* socket, const std::string& name);

struct HostRange {
    Prefix prefix;
    std::string interface;
    bool via_gateway = false;
};
// Every range that this host routes somewhere or has an address in; not the default routes.
[[nodiscard]] Result<std::vector<HostRange>> host_ranges(nl_sock* socket);
// MTU of the interface of the default route; 0 when there is none.
[[nodiscard]] Result<unsigned> default_route_mtu(nl_sock* socket);

} // namespace berth::network
