#include "runtime/container/netns.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>

namespace berth::runtime {

namespace {

// A namespace is a thread's: work in another one is done by a thread that ends there, so that the caller
// never has to come back (and cannot be left behind in it).
berth::Status in_own_thread(const std::function<berth::Status()>& work) {
    berth::Status status;
    std::thread worker([&] { status = work(); });
    worker.join();
    return status;
}

berth::Status set_loopback_up() {
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail_errno("open a socket in the new network namespace");
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", 3);
    request.ifr_flags = IFF_UP;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
        return fail_errno("bring the loopback interface up");
    return {};
}

} // namespace

Result<Fd> make_isolated_netns() {
    Fd made;
    const auto status = in_own_thread([&]() -> berth::Status {
        if (::unshare(CLONE_NEWNET) != 0) return fail_errno("make a network namespace");
        BERTH_TRY(set_loopback_up());
        BERTH_ASSIGN_OR_RETURN(made, open_file("/proc/thread-self/ns/net", O_RDONLY));
        return {};
    });
    if (!status) return fail(status.error());
    return made;
}

Result<std::string> default_gateway(int netns) {
    std::string routes;
    const auto status = in_own_thread([&]() -> berth::Status {
        if (::setns(netns, CLONE_NEWNET) != 0) return fail_errno("enter the container's network namespace");
        BERTH_ASSIGN_OR_RETURN(routes, read_file("/proc/thread-self/net/route"));
        return {};
    });
    if (!status) return fail(status.error());
    // "Iface Destination Gateway Flags ...", addresses as hexadecimal words in the machine's byte order.
    for (const auto& line : split(routes, '\n')) {
        const auto fields = split(line, '\t');
        if (fields.size() < 8 || fields[1] != "00000000" || fields[7] != "00000000") continue;
        in_addr address{};
        const auto& text = fields[2];
        const auto parsed = std::from_chars(text.data(), text.data() + text.size(), address.s_addr, 16);
        if (parsed.ec != std::errc() || address.s_addr == 0) continue;
        char printed[INET_ADDRSTRLEN];
        if (::inet_ntop(AF_INET, &address, printed, sizeof printed) != nullptr) return std::string(printed);
    }
    return std::string();
}

} // namespace berth::runtime
