#include "runtime/sandbox/steps.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace berth::sandbox {

std::string_view step_words(Step step) {
    static constexpr std::array<std::string_view, static_cast<std::size_t>(Step::count_)> words{
        "create the container's process",
        "join the namespace",
        "place the process in its cgroup",
        "create the cgroup namespace",
        "join the network namespace",
        "bring up the loopback interface",
        "make the mounts private",
        "open the source of the mount",
        "mount the root file system from the image's layers",
        "mount the root file system",
        "mount",
        "create the mount point",
        "copy the image's files into the tmpfs on",
        "attach the root file system",
        "create the device",
        "create the links in /dev",
        "enter the root file system",
        "mask the path",
        "make the path read-only",
        "make the root file system read-only",
        "set the host name",
        "set the domain name",
        "set the kernel parameter",
        "open the process file system",
        "create the terminal",
        "mount the terminal on /dev/console",
        "create a session keyring",
        "set the OOM score adjustment",
        "set the resource limit",
        "change to the working directory",
        "set the AppArmor profile",
        "forbid new privileges",
        "install the seccomp filter",
        "limit the capabilities to",
        "set the supplementary groups",
        "change to the user",
        "set the capabilities",
        "close the remaining descriptors",
        "start the init process",
        "execute",
        "talk to the process that starts",
    };
    const auto index = static_cast<std::size_t>(step);
    return index < words.size() ? words[index] : "start the container";
}

void Reporter::fail(Step step, std::string_view detail, int error, int exit_code) const noexcept {
    SyncMessage message;
    message.kind = SyncKind::failure;
    message.failure.step = step;
    message.failure.error = error;
    message.failure.exit_code = exit_code;
    const std::size_t size = std::min(detail.size(), sizeof message.failure.detail - 1);
    std::memcpy(message.failure.detail, detail.data(), size);
    [[maybe_unused]] const auto sent = ::send(socket_, &message, sizeof message, MSG_NOSIGNAL);
    ::_exit(exit_code);
}

void Reporter::expect(SyncKind kind) const noexcept {
    SyncMessage message;
    for (;;) {
        const auto got = ::recv(socket_, &message, sizeof message, 0);
        if (got < 0 && errno == EINTR) continue;
        // End of file: nobody waits for this process any more.
        if (got <= 0) ::_exit(k_exit_engine);
        if (got != sizeof message || message.kind != kind) fail(Step::synchronise, "", EPROTO);
        return;
    }
}

void Reporter::send(SyncKind kind, int descriptor) const noexcept {
    SyncMessage message;
    message.kind = kind;
    iovec part{&message, sizeof message};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(item), &descriptor, sizeof descriptor);
    }
    if (::sendmsg(socket_, &header, MSG_NOSIGNAL) != sizeof message) ::_exit(k_exit_engine);
}

} // namespace berth::sandbox
