#include "network/conntrack.hpp"

#include "network/netlink.hpp"

#include <algorithm>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/cache.h>
#include <netlink/netfilter/ct.h>

namespace berth::network {

namespace {

constexpr int k_original = 0; // the direction in which the flow began

bool is_concerned(const nfnl_ct* flow, const std::vector<std::uint16_t>& ports) {
    return ::nfnl_ct_get_proto(flow) == IPPROTO_UDP && ::nfnl_ct_test_dst_port(flow, k_original) != 0 &&
           std::find(ports.begin(), ports.end(), ::nfnl_ct_get_dst_port(flow, k_original)) != ports.end();
}

} // namespace

Status delete_udp_flows(const std::vector<std::uint16_t>& host_ports) {
    BERTH_ASSIGN_OR_RETURN(const NlSocket socket, open_netlink(NETLINK_NETFILTER));
    nl_cache* raw = nullptr;
    if (const int code = ::nfnl_ct_alloc_cache(socket.get(), &raw); code < 0)
        return fail_netlink(code, "read the connections that the kernel tracks");
    const std::unique_ptr<nl_cache, void (*)(nl_cache*)> flows(raw, ::nl_cache_free);
    for (auto* object = ::nl_cache_get_first(flows.get()); object != nullptr;
         object = ::nl_cache_get_next(object)) {
        const auto* flow = reinterpret_cast<const nfnl_ct*>(object);
        // One that has just timed out is as good as deleted.
        if (is_concerned(flow, host_ports)) (void)::nfnl_ct_del(socket.get(), flow, 0);
    }
    return {};
}

} // namespace berth::network
