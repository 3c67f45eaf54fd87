// wire.hpp - DNS messages, the little of RFC 1035 and 6891 that a name server for containers needs. Pure:
// bytes in, bytes out; every read is bounds-checked, since the bytes are a container's (fuzzed).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::monitor::names {

inline constexpr std::uint16_t k_type_a = 1;
inline constexpr std::uint16_t k_type_ptr = 12;
inline constexpr std::uint16_t k_type_aaaa = 28;
inline constexpr std::uint16_t k_type_opt = 41;
inline constexpr std::uint16_t k_type_any = 255;
inline constexpr std::uint16_t k_class_in = 1;
inline constexpr std::size_t k_header_size = 12;
inline constexpr std::size_t k_most_udp_plain = 512; // without EDNS
inline constexpr std::size_t k_most_udp = 4096;

enum class Rcode : std::uint8_t {
    ok = 0,
    format_error = 1,
    server_failure = 2,
    no_name = 3,
    not_implemented = 4,
    refused = 5
};

struct Query {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    std::string name; // lower-case, without the last dot; empty: the root
    std::uint16_t type = 0;
    std::uint16_t qclass = 0;
    std::size_t question_end = k_header_size; // of the packet
    bool edns = false;
    std::size_t udp_size = k_most_udp_plain; // that the client takes
};
enum class QueryError : std::uint8_t { ignore, malformed, unsupported };
struct ParsedQuery {
    std::optional<Query> query;
    QueryError error = QueryError::ignore; // without a query: what to answer (ignore: nothing at all)
};
[[nodiscard]] ParsedQuery parse_query(std::string_view packet);

struct Answer {
    std::uint16_t type = 0;
    std::string data; // rdata
};
// An answer to `query`, which came as `packet`. More than `limit` bytes: no answers, the truncation bit
// instead.
[[nodiscard]] std::string make_reply(std::string_view packet, const Query& query, Rcode rcode,
                                     const std::vector<Answer>& answers, std::size_t limit);
// To a packet that could not be read.
[[nodiscard]] std::string make_error_reply(std::string_view packet, Rcode rcode);
// "web.front" as labels; empty: it cannot be written as a DNS name.
[[nodiscard]] std::string encode_name(std::string_view name);
// Whether `reply` answers `query` (both whole packets): same id, a reply, the same question.
[[nodiscard]] bool is_reply_to(std::string_view reply, std::string_view query, std::size_t question_end);
void set_id(std::string& packet, std::uint16_t id);
// The address in "4.3.2.1.in-addr.arpa" or the nibbles of "ip6.arpa" as 4 or 16 bytes in network order.
[[nodiscard]] std::optional<std::string> reverse_address(std::string_view name);

} // namespace berth::monitor::names
