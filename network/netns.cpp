#include "network/netns.hpp"

#include "runtime/base/file.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <system_error>
#include <thread>

namespace berth::network {

namespace {

// Not "self": the thread's namespace differs from that of the process.
Result<Fd> own_namespace() {
    return open_file("/proc/thread-self/ns/net", O_RDONLY);
}

// For every interface that appears later. Docker's defaults: any port may be bound and ping needs no
// privilege, since the container's own root is not the host's. Router advertisements of a neighbour are never
// believed (CVE-2020-13401); without IPv6 on the network there are no link-local addresses either
// (CVE-2024-32473). lo keeps ::1.
Status set_defaults(bool ipv6) {
    BERTH_TRY(write_sysctl("net/ipv4/ip_unprivileged_port_start", "0", true));
    BERTH_TRY(write_sysctl("net/ipv4/ping_group_range", "0 2147483647", true));
    BERTH_TRY(write_sysctl("net/ipv6/conf/default/accept_ra", "0", true));
    if (ipv6) return write_sysctl("net/ipv6/conf/default/accept_dad", "0", true);
    return write_sysctl("net/ipv6/conf/default/disable_ipv6", "1", true);
}

Result<NewNamespace> make_one(bool ipv6) {
    if (::unshare(CLONE_NEWNET) != 0) return fail_errno("make a network namespace");
    NewNamespace out;
    BERTH_ASSIGN_OR_RETURN(out.netns, own_namespace());
    BERTH_TRY(set_defaults(ipv6));
    BERTH_ASSIGN_OR_RETURN(out.socket, open_netlink(NETLINK_ROUTE));
    return out;
}

Status in_thread(const std::function<void()>& work) {
    try {
        std::thread(work).join();
    } catch (const std::system_error& error) {
        return fail_errno("start a thread for a network namespace", error.code().value());
    }
    return {};
}

} // namespace

std::vector<Result<NewNamespace>> make_namespaces(const std::vector<bool>& with_ipv6) {
    std::vector<Result<NewNamespace>> out;
    out.reserve(with_ipv6.size());
    const Status started = in_thread([&] {
        for (const bool ipv6 : with_ipv6)
            out.push_back(make_one(ipv6));
    });
    while (out.size() < with_ipv6.size())
        out.push_back(fail(started.error()));
    return out;
}

Status run_inside(int netns, const std::function<Status(nl_sock*)>& work) {
    Status status;
    BERTH_TRY(in_thread([&] {
        status = [&]() -> Status {
            if (::setns(netns, CLONE_NEWNET) != 0)
                return fail_errno("enter the container's network namespace");
            BERTH_ASSIGN_OR_RETURN(const NlSocket socket, open_netlink(NETLINK_ROUTE));
            return work(socket.get());
        }();
    }));
    return status;
}

Status write_sysctl(const std::string& name, std::string_view value, bool optional) {
    const std::string path = "/proc/sys/" + name;
    auto fd = open_file(path, O_WRONLY);
    if (!fd) {
        if (optional && fd.error().sys_errno() == ENOENT) return {};
        return fail(std::move(fd).error());
    }
    return write_all(fd->get(), value, concat("'", path, "'"));
}

Lookup<std::string> read_sysctl(const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(auto text, read_file_if_exists("/proc/sys/" + name, 4096));
    if (text)
        while (!text->empty() && text->back() == '\n')
            text->pop_back();
    return text;
}

} // namespace berth::network
