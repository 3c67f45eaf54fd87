// address.hpp - IP addresses and prefixes as values: parsing, comparing, counting. Pure.
// Errors: invalid_input that shows the text which is no address.
#pragma once

#include "runtime/base/result.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::network {

struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{}; // IPv4 in the first four
    [[nodiscard]] std::size_t size() const { return v6 ? 16 : 4; }
    [[nodiscard]] std::string to_string() const;
    // The bytes as they stand in a packet.
    [[nodiscard]] std::string raw() const { return {reinterpret_cast<const char*>(bytes.data()), size()}; }
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_unspecified() const { return bytes == std::array<std::uint8_t, 16>{}; }
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};
[[nodiscard]] Result<IpAddress> parse_address(std::string_view text);

struct Prefix {
    IpAddress address; // the network's first address: host bits are zero
    unsigned length = 0;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] bool contains(const IpAddress& other) const;
    [[nodiscard]] bool contains(const Prefix& other) const;
    [[nodiscard]] bool overlaps(const Prefix& other) const {
        return contains(other) || other.contains(*this);
    }
    // How many addresses, at most 2^63.
    [[nodiscard]] std::uint64_t size() const;
    // The address at `offset` from the first; offset < size().
    [[nodiscard]] IpAddress at(std::uint64_t offset) const;
    // The offset of an address that is contained; cut to 63 bits.
    [[nodiscard]] std::uint64_t offset_of(const IpAddress& inner) const;
    friend bool operator==(const Prefix&, const Prefix&) = default;
};
// "172.20.0.0/16"; host bits are refused with the prefix that was meant.
[[nodiscard]] Result<Prefix> parse_prefix(std::string_view text);
[[nodiscard]] Prefix prefix_of(const IpAddress& address, unsigned length); // host bits cut off

} // namespace berth::network
