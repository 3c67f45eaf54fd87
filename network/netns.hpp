// netns.hpp - network namespaces as descriptors. Made and entered by a thread that ends afterwards, so the
// calling thread never changes its own; nothing is bind-mounted, so the host's mount table stays clean.
#pragma once

#include "network/netlink.hpp"
#include "runtime/base/fd.hpp"

#include <functional>
#include <vector>

namespace berth::network {

struct NewNamespace {
    Fd netns;
    NlSocket socket; // NETLINK_ROUTE, opened inside
};
// One result for each entry of `with_ipv6`. All in one thread: unshare, sysctls for interfaces to come,
// socket.
[[nodiscard]] std::vector<Result<NewNamespace>> make_namespaces(const std::vector<bool>& with_ipv6);

// Runs `work` with a NETLINK_ROUTE socket of that namespace, in a thread that is inside it (so /proc/sys/net
// is its own).
[[nodiscard]] Status run_inside(int netns, const std::function<Status(nl_sock*)>& work);

// Writes /proc/sys/<name>; a file that does not exist (IPv6 compiled out or disabled) is fine when
// `optional`.
[[nodiscard]] Status write_sysctl(const std::string& name, std::string_view value, bool optional = false);
[[nodiscard]] Lookup<std::string> read_sysctl(const std::string& name); // without the line end

} // namespace berth::network
