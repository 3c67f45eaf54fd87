// attach_steps.hpp - the steps of one connection, in the order in which connect_all() takes them for many at
// once. Each can be undone by undo_connection(), and a kill between two leaves only what the next
// ensure_host_state() clears.
#pragma once

#include "network/attach.hpp"
#include "network/firewall.hpp"
#include "network/netns.hpp"

#include <optional>
#include <vector>

namespace berth::network {

struct PendingConnection {
    const ConnectRequest* request = nullptr;
    std::vector<Network> networks;     // one for each endpoint
    std::vector<bool> lease_was_there; // then a failure leaves it
    Connection connection;
    NlSocket inside;
    std::optional<std::size_t> gateway4, gateway6; // which endpoint has the default route and the ports
    bool published = false;
    bool names_written = false;
    Status status;
};

// Networks by name or id, each looked up once.
class NetworkCache {
  public:
    explicit NetworkCache(const Context& context) : context_(context) {}
    [[nodiscard]] Result<Network> get(const std::string& name_or_id);

  private:
    const Context& context_;
    std::map<std::string, Network> known_;
};

[[nodiscard]] Status check_request(const ConnectRequest& request);
[[nodiscard]] Status take_leases(const Store& store, NetworkCache& cache, PendingConnection& pending);
// Which endpoints have the default routes: the highest priority, then the first.
void choose_gateways(PendingConnection& pending);
// beside: those that are made in the same go, of which the first ones may have taken the ports already; with
// itself.
[[nodiscard]] Status reserve_ports(const Store& store, PendingConnection& pending,
                                   const std::vector<PendingConnection>& beside);
[[nodiscard]] Status wire_up(nl_sock* host, PendingConnection& pending);
// What is to be published for it: one for each network that carries ports.
[[nodiscard]] std::vector<Publication> publications_of(const PendingConnection& pending);
[[nodiscard]] Status register_names(const Store& store, PendingConnection& pending);
void undo_connection(const Store& store, PendingConnection& pending);

// Whether any of its interfaces speaks IPv6.
[[nodiscard]] bool has_ipv6(const PendingConnection& pending);
[[nodiscard]] bool has_ipv6(const Network& network, const Endpoint& endpoint);
// What the endpoint asked for of its interface, which is there and not up yet. `netns`: where it is.
[[nodiscard]] Status set_interface_sysctls(int netns, const Endpoint& endpoint);
// A link of one endpoint into a namespace that exists; repairs a bridge that somebody has deleted.
[[nodiscard]] Status create_link(nl_sock* host, const Network& network, const Endpoint& endpoint, int netns);

} // namespace berth::network
