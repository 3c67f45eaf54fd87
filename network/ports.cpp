#include "network/ports.hpp"

#include "network/ruleset.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace berth::network {

namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

SocketAddress socket_address(const IpAddress& ip, std::uint16_t port) {
    SocketAddress out;
    if (ip.v6) {
        sockaddr_in6 in6{};
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(port);
        std::memcpy(&in6.sin6_addr, ip.bytes.data(), 16);
        std::memcpy(&out.storage, &in6, sizeof in6);
        out.size = sizeof in6;
    } else {
        sockaddr_in in4{};
        in4.sin_family = AF_INET;
        in4.sin_port = htons(port);
        std::memcpy(&in4.sin_addr, ip.bytes.data(), 4);
        std::memcpy(&out.storage, &in4, sizeof in4);
        out.size = sizeof in4;
    }
    return out;
}

std::uint16_t bound_port(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
    std::uint16_t port = 0; // at the same place in both families
    std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    return ntohs(port);
}

// errno on failure.
Result<Fd> bind_socket(const IpAddress& ip, std::uint8_t protocol, std::uint16_t port, bool reuse) {
    const int type = protocol == k_protocol_udp ? SOCK_DGRAM : SOCK_STREAM;
    Fd socket(::socket(ip.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("open a socket for a published port");
    const int on = 1;
    if (ip.v6) (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (reuse) (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const SocketAddress address = socket_address(ip, port);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0)
        return fail_errno(concat("publish the port ",
                                 ip.v6 ? concat("[", ip.to_string(), "]") : ip.to_string(), ":", port));
    if (reuse) {
        const int off = 0; // a second socket with the option could be bound beside this one
        (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
    }
    return socket;
}

std::vector<std::uint64_t> holders_in_tables(const std::string& protocol, std::uint16_t port) {
    std::vector<std::uint64_t> inodes;
    for (const char* suffix : {"", "6"}) {
        const auto text = read_file_if_exists(concat("/proc/net/", protocol, suffix));
        if (!text || !*text) continue;
        for (const auto inode : socket_inodes(**text, port, protocol == "tcp"))
            inodes.push_back(inode);
    }
    return inodes;
}

Result<Fd> bind_or_explain(const IpAddress& ip, const PortMapping& wanted, std::uint8_t protocol,
                           std::uint16_t port,
                           const std::function<std::string(const PortMapping&)>& find_container) {
    auto socket = bind_socket(ip, protocol, port, false);
    if (socket) return socket;
    const int error = socket.error().sys_errno();
    if (error == EADDRNOTAVAIL)
        return fail(Error(ErrorCode::invalid_input, concat("publish a port on ", ip.to_string(),
                                                           ": no interface of this host has that address"))
                        .hint("`ip address` shows the ones there are"));
    if (error != EADDRINUSE) return socket;
    // Connections of a server that has just gone (TIME_WAIT) hold a port for a minute against a plain bind;
    // they are nobody's, so they do not count.
    if (protocol == k_protocol_tcp && holders_in_tables("tcp", port).empty()) {
        auto again = bind_socket(ip, protocol, port, true);
        if (again) return again;
    }
    PortMapping settled = wanted;
    settled.host_port = port;
    std::string holder = find_container(settled);
    if (holder.empty()) holder = find_port_holder(wanted.protocol, port);
    Error explained(ErrorCode::in_use,
                    concat("publish the port ", ip.v6 ? concat("[", ip.to_string(), "]") : ip.to_string(),
                           ":", port, "/", wanted.protocol, ": it is held by ",
                           holder.empty() ? "another program" : holder));
    return fail(std::move(explained).hint("stop that, or publish another host port"));
}

std::vector<IpAddress> host_addresses(const PortMapping& wanted, Status& status) {
    IpAddress v4;
    IpAddress v6;
    v6.v6 = true;
    if (wanted.host_ip.empty()) return {v4, v6};
    auto address = parse_address(wanted.host_ip);
    if (address) return {*address};
    status = fail(std::move(address).error());
    return {};
}

bool family_is_missing(const Error& error) {
    return error.sys_errno() == EAFNOSUPPORT;
}

// Both families of one port number; EADDRINUSE in the second family when the first one's number was picked at
// random.
Result<Reservation> reserve_number(const PortMapping& wanted, const std::vector<IpAddress>& addresses,
                                   std::uint8_t protocol,
                                   const std::function<std::string(const PortMapping&)>& find_container) {
    Reservation out;
    out.port = wanted;
    auto port = static_cast<std::uint16_t>(wanted.host_port);
    for (const auto& address : addresses) {
        auto socket = bind_or_explain(address, wanted, protocol, port, find_container);
        if (!socket) {
            // A kernel without IPv6: all addresses are the IPv4 ones.
            const bool no_ipv6 =
                address.v6 && addresses.size() > 1 &&
                (family_is_missing(socket.error()) || socket.error().code() == ErrorCode::invalid_input);
            if (no_ipv6) continue;
            return fail(std::move(socket).error());
        }
        if (port == 0) port = bound_port(socket->get());
        out.sockets.push_back(std::move(*socket));
    }
    out.port.host_port = port;
    return out;
}

} // namespace

Result<Reservation> reserve_port(const PortMapping& wanted,
                                 const std::function<std::string(const PortMapping&)>& find_container) {
    if (wanted.host_port < 0 || wanted.host_port > 65535 || wanted.container_port < 1 ||
        wanted.container_port > 65535)
        return fail(ErrorCode::invalid_input, concat("publish ", wanted.host_port, ":", wanted.container_port,
                                                     ": port numbers lie between 1 and 65535"));
    BERTH_ASSIGN_OR_RETURN(const std::uint8_t protocol, protocol_number(wanted.protocol));
    Status status;
    const auto addresses = host_addresses(wanted, status);
    BERTH_TRY(status);
    // A free number of one family can be taken in the other: then the next one, a few times.
    for (int left = wanted.host_port == 0 ? 32 : 1;; --left) {
        auto reserved = reserve_number(wanted, addresses, protocol, find_container);
        if (reserved || left <= 1 || reserved.error().code() != ErrorCode::in_use) return reserved;
    }
}

} // namespace berth::network
