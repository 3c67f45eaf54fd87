#include "network/netlink.hpp"

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

namespace berth::network {

void FreeSocket::operator()(nl_sock* socket) const {
    ::nl_socket_free(socket);
}
void PutLink::operator()(rtnl_link* link) const {
    ::rtnl_link_put(link);
}

int errno_of_netlink(int code) {
    switch (-code) {
    case NLE_INTR:
        return EINTR;
    case NLE_BAD_SOCK:
        return ENOTSOCK;
    case NLE_AGAIN:
        return EAGAIN;
    case NLE_NOMEM:
        return ENOMEM;
    case NLE_EXIST:
        return EEXIST;
    case NLE_INVAL:
        return EINVAL;
    case NLE_RANGE:
        return ERANGE;
    case NLE_MSGSIZE:
        return EMSGSIZE;
    case NLE_OPNOTSUPP:
        return EOPNOTSUPP;
    case NLE_AF_NOSUPPORT:
        return EAFNOSUPPORT;
    case NLE_OBJ_NOTFOUND:
        return ENOENT;
    case NLE_NOADDR:
        return EADDRNOTAVAIL;
    case NLE_PERM:
        return EPERM;
    case NLE_NOACCESS:
        return EACCES;
    case NLE_BUSY:
        return EBUSY;
    case NLE_PROTO_MISMATCH:
        return EPROTONOSUPPORT;
    case NLE_NODEV:
        return ENODEV;
    default:
        return EIO;
    }
}

Failure fail_netlink(int code, std::string message) {
    return fail_errno(std::move(message), errno_of_netlink(code));
}

Result<NlSocket> open_netlink(int protocol) {
    NlSocket socket(::nl_socket_alloc());
    if (!socket) return fail_errno("allocate a netlink socket", ENOMEM);
    // libnl asks the kernel for a new socket with SOCK_CLOEXEC (since 3.2.25).
    if (const int code = ::nl_connect(socket.get(), protocol); code < 0)
        return fail_netlink(code, "open a netlink socket");
    return socket;
}

Lookup<LinkPtr> find_link(nl_sock* socket, const std::string& name) {
    rtnl_link* link = nullptr;
    const int code = ::rtnl_link_get_kernel(socket, 0, name.c_str(), &link);
    if (code == -NLE_NODEV || code == -NLE_OBJ_NOTFOUND) return std::optional<LinkPtr>();
    if (code < 0) return fail_netlink(code, concat("look for the interface ", name));
    return std::optional<LinkPtr>(LinkPtr(link));
}

Result<LinkPtr> get_link(nl_sock* socket, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(auto link, find_link(socket, name));
    if (!link) return fail_errno(concat("look for the interface ", name), ENODEV);
    return std::move(*link);
}

namespace {

struct FreeCache {
    void operator()(nl_cache* cache) const { ::nl_cache_free(cache); }
};
using CachePtr = std::unique_ptr<nl_cache, FreeCache>;

Result<CachePtr> load_links(nl_sock* socket) {
    nl_cache* cache = nullptr;
    if (const int code = ::rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache); code < 0)
        return fail_netlink(code, "read the interfaces");
    return CachePtr(cache);
}

Result<CachePtr> load_routes(nl_sock* socket) {
    nl_cache* cache = nullptr;
    if (const int code = ::rtnl_route_alloc_cache(socket, AF_UNSPEC, 0, &cache); code < 0)
        return fail_netlink(code, "read the routes");
    return CachePtr(cache);
}

Result<CachePtr> load_addresses(nl_sock* socket) {
    nl_cache* cache = nullptr;
    if (const int code = ::rtnl_addr_alloc_cache(socket, &cache); code < 0)
        return fail_netlink(code, "read the addresses");
    return CachePtr(cache);
}

std::optional<Prefix> prefix_from(const nl_addr* address) {
    if (address == nullptr) return std::nullopt;
    const int family = ::nl_addr_get_family(address);
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    IpAddress ip;
    ip.v6 = family == AF_INET6;
    const auto length = static_cast<std::size_t>(::nl_addr_get_len(address));
    if (length == ip.size()) {
        const auto* bytes = static_cast<const std::uint8_t*>(::nl_addr_get_binary_addr(address));
        std::copy(bytes, bytes + length, ip.bytes.begin());
    }
    return prefix_of(ip, ::nl_addr_get_prefixlen(address));
}

std::string link_name(nl_cache* links, int index) {
    const LinkPtr link(::rtnl_link_get(links, index));
    const char* name = link ? ::rtnl_link_get_name(link.get()) : nullptr;
    return name != nullptr ? name : concat("interface ", index);
}

bool is_own_local(const Prefix& prefix) {
    if (prefix.length == 0 || prefix.address.is_loopback()) return true;
    // Link-local and multicast ranges exist on every interface.
    if (prefix.address.v6)
        return prefix.address.bytes[0] == 0xff ||
               (prefix.address.bytes[0] == 0xfe && (prefix.address.bytes[1] & 0xc0) == 0x80);
    return prefix.address.bytes[0] >= 224;
}

} // namespace

Result<std::vector<HostRange>> host_ranges(nl_sock* socket) {
    BERTH_ASSIGN_OR_RETURN(const auto links, load_links(socket));
    BERTH_ASSIGN_OR_RETURN(const auto routes, load_routes(socket));
    BERTH_ASSIGN_OR_RETURN(const auto addresses, load_addresses(socket));
    std::vector<HostRange> out;
    for (auto* object = ::nl_cache_get_first(routes.get()); object != nullptr;
         object = ::nl_cache_get_next(object)) {
        auto* route = reinterpret_cast<rtnl_route*>(object);
        if (::rtnl_route_get_table(route) == RT_TABLE_LOCAL || ::rtnl_route_get_type(route) != RTN_UNICAST)
            continue;
        const auto prefix = prefix_from(::rtnl_route_get_dst(route));
        if (!prefix || is_own_local(*prefix)) continue;
        HostRange range{*prefix, {}, false};
        if (auto* hop = ::rtnl_route_nexthop_n(route, 0)) {
            range.interface = link_name(links.get(), ::rtnl_route_nh_get_ifindex(hop));
            range.via_gateway = ::rtnl_route_nh_get_gateway(hop) != nullptr;
        }
        out.push_back(std::move(range));
    }
    for (auto* object = ::nl_cache_get_first(addresses.get()); object != nullptr;
         object = ::nl_cache_get_next(object)) {
        auto* address = reinterpret_cast<rtnl_addr*>(object);
        const auto prefix = prefix_from(::rtnl_addr_get_local(address));
        if (!prefix || is_own_local(*prefix)) continue;
        const auto length = static_cast<unsigned>(::rtnl_addr_get_prefixlen(address));
        out.push_back({prefix_of(prefix->address, length),
                       link_name(links.get(), ::rtnl_addr_get_ifindex(address)), false});
    }
    return out;
}

Result<unsigned> default_route_mtu(nl_sock* socket) {
    BERTH_ASSIGN_OR_RETURN(const auto routes, load_routes(socket));
    for (auto* object = ::nl_cache_get_first(routes.get()); object != nullptr;
         object = ::nl_cache_get_next(object)) {
        auto* route = reinterpret_cast<rtnl_route*>(object);
        if (::rtnl_route_get_family(route) != AF_INET || ::rtnl_route_get_table(route) != RT_TABLE_MAIN)
            continue;
        const auto prefix = prefix_from(::rtnl_route_get_dst(route));
        auto* hop = ::rtnl_route_nexthop_n(route, 0);
        if (!prefix || prefix->length != 0 || hop == nullptr) continue;
        rtnl_link* link = nullptr;
        if (::rtnl_link_get_kernel(socket, ::rtnl_route_nh_get_ifindex(hop), nullptr, &link) < 0) continue;
        const LinkPtr owned(link);
        return ::rtnl_link_get_mtu(owned.get());
    }
    return 0u;
}

} // namespace berth::network
