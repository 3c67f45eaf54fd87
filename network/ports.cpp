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

std::string address_text(const IpAddress& ip) {
    return ip.v6 ? concat("[", ip.to_string(), "]") : ip.to_string();
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
        return fail_errno(concat("publish the port ", address_text(ip), ":", port));
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

using FindContainer = std::function<std::string(const PortMapping&)>;

// in_use, without the holder: finding that one looks through all of /proc, which a range does only once.
Result<Fd> bind_port(const IpAddress& ip, const std::string& protocol_name, std::uint8_t protocol,
                     std::uint16_t port) {
    auto socket = bind_socket(ip, protocol, port, false);
    if (socket || socket.error().sys_errno() != EADDRINUSE) return socket;
    // Connections of a server that has just gone (TIME_WAIT) hold a port for a minute against a plain bind;
    // they are nobody's, so they do not count.
    if (protocol == k_protocol_tcp && holders_in_tables("tcp", port).empty()) {
        auto again = bind_socket(ip, protocol, port, true);
        if (again) return again;
    }
    return fail(ErrorCode::in_use,
                concat("publish the port ", address_text(ip), ":", port, "/", protocol_name));
}

std::string holder_text(const PortMapping& wanted, std::uint16_t port, const FindContainer& find_container) {
    PortMapping settled = wanted;
    settled.host_port = port;
    std::string holder = find_container(settled);
    if (holder.empty()) holder = find_port_holder(wanted.protocol, port);
    return holder.empty() ? "another program" : holder;
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
    return error.sys_errno() == EAFNOSUPPORT || error.sys_errno() == EADDRNOTAVAIL;
}

// Both families of one port number. `port`: 0 becomes the number picked at random, which can be in use in the
// second family.
Result<Reservation> reserve_number(const PortMapping& wanted, const std::vector<IpAddress>& addresses,
                                   std::uint8_t protocol, std::uint16_t& port) {
    Reservation out;
    out.port = wanted;
    out.port.host_port_end = 0;
    for (const auto& address : addresses) {
        auto socket = bind_port(address, wanted.protocol, protocol, port);
        if (!socket) {
            // A kernel without IPv6: all addresses are the IPv4 ones.
            if (address.v6 && addresses.size() > 1 && family_is_missing(socket.error())) continue;
            if (socket.error().sys_errno() != EADDRNOTAVAIL) return fail(std::move(socket).error());
            return fail(
                Error(ErrorCode::invalid_input, concat("publish a port on ", address.to_string(),
                                                       ": no interface of this host has that address"))
                    .hint("`ip address` shows the ones there are"));
        }
        if (port == 0) port = bound_port(socket->get());
        out.sockets.push_back({std::move(*socket), address.v6});
    }
    out.port.host_port = port;
    return out;
}

Result<Reservation> reserve_one(const PortMapping& wanted, const std::vector<IpAddress>& addresses,
                                std::uint8_t protocol, const FindContainer& find_container) {
    // A free number of one family can be taken in the other: then the next one, a few times.
    for (int left = wanted.host_port == 0 ? 32 : 1;; --left) {
        auto port = static_cast<std::uint16_t>(wanted.host_port);
        auto reserved = reserve_number(wanted, addresses, protocol, port);
        if (reserved || reserved.error().code() != ErrorCode::in_use) return reserved;
        if (left > 1) continue;
        return fail(Error(ErrorCode::in_use,
                          concat(reserved.error().message(), ": port is already allocated: it is held by ",
                                 holder_text(wanted, port, find_container)))
                        .hint("stop that, or publish another host port"));
    }
}

// Binding is what chooses, so that containers that start at the same time never get the same one.
Result<Reservation> reserve_of_range(const PortMapping& wanted, const std::vector<IpAddress>& addresses,
                                     std::uint8_t protocol, const FindContainer& find_container,
                                     std::int64_t preferred) {
    const auto attempt = [&](std::int64_t number) {
        auto port = static_cast<std::uint16_t>(number);
        return reserve_number(wanted, addresses, protocol, port);
    };
    if (preferred >= wanted.host_port && preferred <= wanted.host_port_end) {
        auto reserved = attempt(preferred);
        if (reserved || reserved.error().code() != ErrorCode::in_use) return reserved;
    }
    for (auto number = wanted.host_port; number <= wanted.host_port_end; ++number) {
        auto reserved = attempt(number);
        if (reserved || reserved.error().code() != ErrorCode::in_use) return reserved;
    }
    const auto last = static_cast<std::uint16_t>(wanted.host_port_end);
    return fail(Error(ErrorCode::in_use,
                      concat("publish a port of ", address_text(addresses.front()), ":", wanted.host_port,
                             "-", wanted.host_port_end, "/", wanted.protocol, ": all of them are held, ",
                             last, " by ", holder_text(wanted, last, find_container)))
                    .hint("publish a longer range, or start fewer containers"));
}

} // namespace

Result<Reservation> reserve_port(const PortMapping& wanted, const FindContainer& find_container,
                                 std::int64_t preferred) {
    const bool range = wanted.host_port_end != 0;
    if (wanted.host_port < (range ? 1 : 0) || wanted.host_port > 65535 || wanted.container_port < 1 ||
        wanted.container_port > 65535 ||
        (range && (wanted.host_port_end < wanted.host_port || wanted.host_port_end > 65535)))
        return fail(ErrorCode::invalid_input,
                    concat("publish ", wanted.host_port, range ? concat("-", wanted.host_port_end) : "", ":",
                           wanted.container_port, ": port numbers lie between 1 and 65535"));
    BERTH_ASSIGN_OR_RETURN(const std::uint8_t protocol, protocol_number(wanted.protocol));
    Status status;
    const auto addresses = host_addresses(wanted, status);
    BERTH_TRY(status);
    return range ? reserve_of_range(wanted, addresses, protocol, find_container, preferred)
                 : reserve_one(wanted, addresses, protocol, find_container);
}

} // namespace berth::network
