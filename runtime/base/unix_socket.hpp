// unix_socket.hpp - SOCK_SEQPACKET between berth programs: one message a packet, with descriptors. Path-based sockets
// only, 0600: abstract ones would be visible to every process of the network namespace (CVE-2020-15257).
#pragma once

#include "runtime/base/fd.hpp"

#include <string>
#include <utility>
#include <vector>

namespace berth {

struct SocketPair {
    Fd a;
    Fd b;
};
[[nodiscard]] Result<SocketPair> make_socket_pair(); // SOCK_SEQPACKET, close-on-exec

// Folder and name apart, because sun_path holds 107 bytes and exec roots can be longer: the call goes through
// /proc/self/fd/N/name of the folder.
[[nodiscard]] Result<Fd> listen_unix(const std::string& directory, const std::string& name);
// Empty: nothing listens there (no such file, or its owner is gone).
[[nodiscard]] Lookup<Fd> connect_unix(const std::string& directory, const std::string& name);
[[nodiscard]] Lookup<Fd> accept_unix(int listener); // non-blocking, close-on-exec; empty: nobody waits

inline constexpr std::size_t k_max_packet = 128u << 10;

[[nodiscard]] Status send_packet(int socket, std::string_view bytes, const std::vector<int>& fds = {});
struct Packet {
    std::string bytes;
    std::vector<Fd> fds;
};
// Empty: the other side has closed. EAGAIN comes back as an error with that errno.
[[nodiscard]] Lookup<Packet> receive_packet(int socket);

} // namespace berth
