#include "network/address.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <arpa/inet.h>

namespace berth::network {

std::string IpAddress::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
    return text;
}

bool IpAddress::is_loopback() const {
    if (!v6) return bytes[0] == 127;
    for (std::size_t i = 0; i < 15; ++i)
        if (bytes[i] != 0) return false;
    return bytes[15] == 1;
}

Result<IpAddress> parse_address(std::string_view text) {
    IpAddress address;
    const std::string copy(text);
    // inet_pton stops at a NUL byte: such a text is not what it looks like.
    if (copy.find('\0') == std::string::npos) {
        if (::inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
        address.v6 = true;
        if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
    }
    return fail(ErrorCode::invalid_input, concat("'", text, "' is not an IP address"));
}

namespace {

bool same_bits(const IpAddress& a, const IpAddress& b, unsigned bits) {
    for (std::size_t i = 0; bits > 0; ++i) {
        const unsigned take = std::min(bits, 8u);
        const auto mask = static_cast<std::uint8_t>(0xffu << (8 - take));
        if ((a.bytes[i] & mask) != (b.bytes[i] & mask)) return false;
        bits -= take;
    }
    return true;
}

} // namespace

std::string Prefix::to_string() const {
    return concat(address.to_string(), "/", length);
}

bool Prefix::contains(const IpAddress& other) const {
    return other.v6 == address.v6 && same_bits(address, other, length);
}

bool Prefix::contains(const Prefix& other) const {
    return other.length >= length && contains(other.address);
}

std::uint64_t Prefix::size() const {
    const unsigned host_bits = static_cast<unsigned>(address.size()) * 8 - length;
    return std::uint64_t{1} << std::min(host_bits, 63u);
}

IpAddress Prefix::at(std::uint64_t offset) const {
    IpAddress out = address;
    for (std::size_t i = out.size(); i-- > 0 && offset > 0; offset >>= 8)
        out.bytes[i] = static_cast<std::uint8_t>(out.bytes[i] | (offset & 0xff));
    return out;
}

std::uint64_t Prefix::offset_of(const IpAddress& inner) const {
    std::uint64_t value = 0;
    for (std::size_t i = inner.size() - std::min<std::size_t>(inner.size(), 8); i < inner.size(); ++i)
        value = value << 8 | inner.bytes[i];
    return value & (size() - 1);
}

Prefix prefix_of(const IpAddress& address, unsigned length) {
    Prefix out{address, std::min(length, static_cast<unsigned>(address.size()) * 8)};
    for (std::size_t i = 0; i < out.address.size(); ++i) {
        const auto from = static_cast<unsigned>(i) * 8;
        if (from >= out.length)
            out.address.bytes[i] = 0;
        else if (out.length - from < 8)
            out.address.bytes[i] =
                static_cast<std::uint8_t>(out.address.bytes[i] & (0xffu << (8 - (out.length - from))));
    }
    return out;
}

Result<Prefix> parse_prefix(std::string_view text) {
    const auto slash = text.find('/');
    const auto wrong = [&] {
        return fail(
            Error(ErrorCode::invalid_input, concat("'", text, "' is not a subnet"))
                .hint("a subnet is an address and a length, for example 172.28.0.0/16 or fd00:1::/64"));
    };
    if (slash == std::string_view::npos) return wrong();
    const auto address = parse_address(text.substr(0, slash));
    if (!address) return wrong();
    const auto length =
        parse_integer(text.substr(slash + 1), 0, static_cast<std::int64_t>(address->size()) * 8);
    if (!length) return wrong();
    const Prefix prefix = prefix_of(*address, static_cast<unsigned>(*length));
    if (prefix.address != *address)
        return fail(
            Error(ErrorCode::invalid_input, concat("the subnet '", text, "' has bits set behind its length"))
                .hint(concat("did you mean ", prefix.to_string(), "?")));
    return prefix;
}

} // namespace berth::network
