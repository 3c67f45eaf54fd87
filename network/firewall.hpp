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
    // After the record of a new network is written; before the bridge is up.
    [[nodiscard]] Status add_network(const Network& network) const;
    // After the record is gone. The table goes with the last network, unless the user has rules in it.
    [[nodiscard]] Status remove_network(const Network& network) const;
    // Records and elements, in one transaction. On failure neither is left. in_use when a port is already
    // published.
    [[nodiscard]] Status publish(const std::vector<Publication>& publications) const;
    // Fine for what is not published.
    [[nodiscard]] Status withdraw(const std::vector<Publication>& publications) const;

  private:
    // The ruleset's number when it is what we left, otherwise empty.
    [[nodiscard]] Lookup<std::uint32_t> untouched() const;
    // Runs one change of ours and keeps the new number if nobody came in between.
    template <class Change> [[nodiscard]] Status commit(Change change) const;
    [[nodiscard]] Status rebuild() const;
    // Records whose container's interface is gone: its monitor was killed. true: there were some, and they
    // are erased.
    [[nodiscard]] bool erase_abandoned(const std::vector<Publication>& except) const;
    [[nodiscard]] Status publish_locked(const std::vector<Publication>& publications) const;
    [[nodiscard]] Error explain_conflict(const std::vector<Publication>& publications, Error error) const;
    const Store& store_;
};

} // namespace berth::network
