#include "runtime/container/netns.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <functional>
#include <sched.h>
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

} // namespace

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
