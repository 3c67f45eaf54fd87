// ruleset.hpp - pure: records -> the nft text of our own table, and the elements of its maps. Nothing here
// touches the kernel; the golden tests read the text.
//
// The rules never change: what changes are elements of sets and maps, so a thousand published ports cost no
// more per packet than one, and one container's ports are added without reading a rule. Layout and reasons:
// README.md.
#pragma once

#include "network/address.hpp"
#include "network/store.hpp"

#include <string>
#include <vector>

namespace berth::network {

// host address . protocol . host port -> container address . container port; of a routed network, where
// nothing is translated, only the right side, with the protocol in between.
struct PortElement {
    IpAddress host; // unspecified: every address of that family (its own map)
    std::uint8_t protocol = 0;
    std::uint16_t host_port = 0;
    IpAddress target;
    std::uint16_t target_port = 0;
    bool routed = false;
    std::string comment; // "container <12 digits> <name>"

    [[nodiscard]] std::string map() const;  // the map or set it belongs in
    [[nodiscard]] std::string key() const;  // as the kernel stores them: each field padded to four bytes
    [[nodiscard]] std::string data() const; // empty: a set's element has none
    [[nodiscard]] std::string to_text() const;
};
// What one container has published. A port without host address stands for IPv4 and, where the container has
// an IPv6 address, IPv6.
[[nodiscard]] Result<std::vector<PortElement>> port_elements(const PublishedRecord& record);

struct RulesetInput {
    std::string table; // Paths::scope()
    std::vector<Network> networks;
    std::vector<PublishedRecord> published;
    // No table yet: nothing is flushed, since what is deleted has to be waited for.
    bool fresh = false;
};
// One transaction that makes the table what the records say, whatever was there; the chain berth-user keeps
// its rules.
[[nodiscard]] Result<std::string> full_ruleset(const RulesetInput& input);
// One transaction for one network more or less; the table exists.
[[nodiscard]] Result<std::string> add_network_text(const std::string& table, const Network& network);
[[nodiscard]] Result<std::string> delete_network_text(const std::string& table, const Network& network);
[[nodiscard]] std::string delete_table_text(const std::string& table);

inline constexpr std::uint8_t k_protocol_tcp = 6;
inline constexpr std::uint8_t k_protocol_udp = 17;
[[nodiscard]] Result<std::uint8_t> protocol_number(const std::string& name);

} // namespace berth::network
