// ports.hpp - holds published ports on the host: one bound, never listening socket for each address family,
// so that nobody else takes the port and a conflict is seen before anything is made. The monitor keeps them
// open.
#pragma once

#include "network/address.hpp"
#include "network/model.hpp"
#include "runtime/base/fd.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::network {

struct HeldSocket {
    Fd socket;
    bool v6 = false;
};
struct Reservation {
    std::vector<HeldSocket> sockets;
    PortMapping port; // settled
};
// host_port 0: a free one, the same in both families. A range: the first of it that is free in both, but
// `preferred` before it when that lies in the range. in_use, with the holder, when somebody has it, or all.
// find_container: which container of ours has published it, as text, or empty.
[[nodiscard]] Result<Reservation>
reserve_port(const PortMapping& wanted, const std::function<std::string(const PortMapping&)>& find_container,
             std::int64_t preferred = 0);

// "nginx (pid 812)": who has a socket on that port, from /proc; empty when it cannot be told.
[[nodiscard]] std::string find_port_holder(const std::string& protocol, std::uint16_t port);

// Pure part of it: the inodes of sockets with that local port in the text of /proc/net/{tcp,udp}[6].
// listening_only: without connections and their remains (TIME_WAIT).
[[nodiscard]] std::vector<std::uint64_t> socket_inodes(std::string_view table, std::uint16_t port, bool tcp);

} // namespace berth::network
