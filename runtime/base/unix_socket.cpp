#include "runtime/base/unix_socket.hpp"

#include "runtime/base/file.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace berth {

namespace {

constexpr std::size_t k_max_fds = 16;

Result<sockaddr_un> address_of(const Fd& directory, const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = concat("/proc/self/fd/", directory.get(), "/", name);
    if (path.size() >= sizeof address.sun_path)
        return fail(ErrorCode::invalid_input, concat("socket name '", name, "' is too long"));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

} // namespace

Result<SocketPair> make_socket_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_errno("make a socket pair");
    return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> listen_unix(const std::string& directory, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(const Fd folder, open_directory(directory));
    BERTH_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(folder, name));
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno("make a socket");
    if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(concat("remove the old socket '", join_path(directory, name), "'"));
    // 0600 from the first moment: bind() applies the umask of the process to the mode of the socket's descriptor.
    if (::fchmod(socket.get(), 0600) != 0) return fail_errno("set the mode of a socket");
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno(concat("bind the socket '", join_path(directory, name), "'"));
    if (::listen(socket.get(), 128) != 0)
        return fail_errno(concat("listen on '", join_path(directory, name), "'"));
    return socket;
}

Lookup<Fd> connect_unix(const std::string& directory, const std::string& name) {
    auto folder = open_directory(directory);
    if (!folder) {
        if (folder.error().sys_errno() == ENOENT) return std::optional<Fd>();
        return fail(std::move(folder).error());
    }
    BERTH_ASSIGN_OR_RETURN(const sockaddr_un address, address_of(*folder, name));
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("make a socket");
    while (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EINTR) continue;
        if (errno == ENOENT || errno == ECONNREFUSED) return std::optional<Fd>();
        return fail_errno(concat("connect to '", join_path(directory, name), "'"));
    }
    return std::optional<Fd>(std::move(socket));
}

Lookup<Fd> accept_unix(int listener) {
    for (;;) {
        Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (client) return std::optional<Fd>(std::move(client));
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return std::optional<Fd>();
        return fail_errno("accept a connection");
    }
}

Status send_packet(int socket, std::string_view bytes, const std::vector<int>& fds) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * k_max_fds)> control{};
    if (fds.size() > k_max_fds) return fail(ErrorCode::internal, "send more descriptors than a packet holds");
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(header), fds.data(), sizeof(int) * fds.size());
    }
    for (;;) {
        if (::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0) return {};
        if (errno != EINTR) return fail_errno("send a message");
    }
}

Lookup<Packet> receive_packet(int socket) {
    Packet packet;
    packet.bytes.resize(k_max_packet);
    iovec part{packet.bytes.data(), packet.bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * k_max_fds)> control{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t got = 0;
    bool reset = false;
    for (;;) {
        got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        // The kernel tells ECONNRESET once, ahead of what is still queued: a last reply must not be lost with it.
        if (got < 0 && errno == ECONNRESET && !std::exchange(reset, true)) continue;
        if (got >= 0 || errno != EINTR) break;
    }
    if (got < 0 && errno == ECONNRESET) return std::optional<Packet>();
    if (got < 0) return fail_errno("receive a message");
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            packet.fds.emplace_back(fd);
        }
    }
    if (got == 0) return std::optional<Packet>();
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fail(ErrorCode::failed, "receive a message: it is too long");
    packet.bytes.resize(static_cast<std::size_t>(got));
    packet.bytes.shrink_to_fit();
    return std::optional<Packet>(std::move(packet));
}

} // namespace berth
