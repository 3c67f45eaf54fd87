// firewall.hpp - keeps our nftables table equal to the records, one transaction per change, under the
// firewall lock. Whether it still is what we left is seen from the number of the kernel's ruleset, which
// every commit by anybody raises: equal to the one kept in <exec root>/firewall.json means untouched, without
// reading a rule.
#pragma once

#include "network/nft.hpp"
#include "network/store.hpp"

#include <utility>
#include <vector>

namespace berth::network {

struct Publication {
    std::string network_id;
    PublishedRecord record;
};

class Firewall {
  public:
    explicit Firewall(const Store& store) : store_(store) {}

    // Right, or repaired from the records. Cheap when nobody has touched the ruleset.
    [[nodiscard]] Status ensure() const;
    // The record of a new network and its elements; before the bridge is up.
    [[nodiscard]] Status add_network(const Network& network) const;
    // After the record is gone. The table goes with the last network, unless the user has rules in it.
    [[nodiscard]] Status remove_network(const Network& network) const;
    // Records and elements, in one transaction. On failure neither is left. The caller holds the
    // ports as bound sockets.
    [[nodiscard]] Status publish(const std::vector<Publication>& publications) const;
    // Fine for what is not published.
    [[nodiscard]] Status withdraw(const std::vector<Publication>& publications) const;
    // The same for records of killed monitors, whose elements may be another container's by now.
    [[nodiscard]] Status forget(const std::vector<Publication>& publications) const;

  private:
    // The ruleset's number when it is what we left, otherwise empty.
    [[nodiscard]] Lookup<std::uint32_t> untouched() const;
    // Runs one change of ours and keeps the new number if nobody came in between.
    template <class Change> [[nodiscard]] Status commit(Change change) const;
    [[nodiscard]] Status rebuild() const;
    // Before a record changes: whoever is killed between that and the commit leaves a table that is known to
    // be wrong, and the next command writes it anew.
    [[nodiscard]] Status begin_change() const;
    // Other containers' records of monitors that were killed: the interface is gone, or they claim a port
    // that is ours. Whoever publishes holds the port itself, as a bound socket, so nobody else does.
    void erase_superseded(const std::vector<Publication>& publications) const;
    [[nodiscard]] Status publish_locked(const std::vector<Publication>& publications) const;
    const Store& store_;
};

} // namespace berth::network
