// store.hpp - the records of networks on disk and their locks.
//
//   <data root>/networks/<id>/network.json        Network; retired.json while it is being removed
//                            /lock                flock: addresses of this network
//                            /leases/<container>  Endpoint (JSON) without its ports
//                            /addresses/<ip>      symlink to the container's id: an address is taken by
//                            making it /last4, last6        symlink whose text is the address given out last
//   <data root>/networks/lock                     flock: which networks exist
//   <exec root>/networks/<id>/published/<container>  PublishedRecord: ports that are in the firewall now
//
// Invariant: a lease is written after its address was taken and removed before the address is given back, so
// a kill in between leaves at most an address without a lease, which the next pass over the network removes.
// What is published lies in the exec root: a reboot loses it together with the firewall.
#pragma once

#include "network/model.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::network {

struct PublishedRecord {
    std::string container_id, container_name;
    std::string ipv4, ipv6; // where the ports lead to
    std::string host_interface;
    std::vector<PortMapping> ports;
    // That family is not translated: the container's own ports are open, and hostPort is 0.
    bool routed4 = false, routed6 = false;
};
template <class V> void describe(V& v, PublishedRecord& r) {
    v.field("containerId", r.container_id);
    v.field("containerName", r.container_name);
    v.field("ipv4", r.ipv4);
    v.field("ipv6", r.ipv6);
    v.field("hostInterface", r.host_interface);
    v.field("ports", r.ports);
    v.field("routed4", r.routed4);
    v.field("routed6", r.routed6);
}

class Store {
  public:
    explicit Store(const Context& context) : context_(context) {}

    [[nodiscard]] Result<FileLock> lock_all() const; // creating and removing networks
    [[nodiscard]] Result<FileLock> lock_network(const std::string& id) const; // its addresses and leases
    [[nodiscard]] Result<FileLock> lock_firewall() const;
    // Held shared by every connect from the first lease to the last name, so that who cleans up can tell
    // half-made connections (held) from abandoned ones (free).
    [[nodiscard]] Result<FileLock> lock_connecting() const;
    [[nodiscard]] Lookup<FileLock> try_lock_idle() const;

    [[nodiscard]] Status write(const Network& network) const;
    // Two steps, so that a kill in between leaves a trace: from retire() on the network does not exist, but
    // its folder still says what is to be taken down; erase() removes the folder.
    [[nodiscard]] Status retire(const std::string& id) const;
    [[nodiscard]] Status erase(const std::string& id) const;
    // What retire() without erase(), or a create that was killed, left, and damaged records that nobody holds
    // an address of: at least the id is known. Under lock_all().
    [[nodiscard]] Result<std::vector<Network>> leftovers() const;
    // Also of those whose record cannot be read.
    [[nodiscard]] Result<std::vector<std::string>> ids() const;
    // Broken records are reported through Progress::warn and passed over.
    [[nodiscard]] Result<std::vector<Network>> list() const;
    [[nodiscard]] Lookup<Network> find(const std::string& name_or_id) const;

    // What killed commands left of records that they were writing. Nobody connects, and lock_network() is held.
    void remove_temporaries_of(const std::string& id) const;

    [[nodiscard]] Status write_lease(const Endpoint& endpoint) const;
    [[nodiscard]] Lookup<Endpoint> lease(const std::string& network_id,
                                         const std::string& container_id) const;
    [[nodiscard]] Status erase_lease(const std::string& network_id, const std::string& container_id) const;
    [[nodiscard]] Result<std::vector<std::string>> lease_holders(const std::string& network_id) const;
    [[nodiscard]] Result<std::vector<Endpoint>> leases(const std::string& network_id) const;

    [[nodiscard]] Status write_published(const std::string& network_id, const PublishedRecord& record) const;
    [[nodiscard]] Lookup<PublishedRecord> published(const std::string& network_id,
                                                    const std::string& container_id) const;
    [[nodiscard]] Status erase_published(const std::string& network_id,
                                         const std::string& container_id) const;
    [[nodiscard]] Result<std::vector<PublishedRecord>> all_published(const std::string& network_id) const;

    [[nodiscard]] std::string folder(const std::string& id) const {
        return context_.paths.networks() + "/" + id;
    }
    [[nodiscard]] std::string exec_folder(const std::string& id) const {
        return context_.paths.exec_root() + "/networks/" + id;
    }
    [[nodiscard]] const Context& context() const { return context_; }

  private:
    const Context& context_;
};

} // namespace berth::network
