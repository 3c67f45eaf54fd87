#include "runtime/monitor/names/wire.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::monitor::names {

namespace {

constexpr std::size_t k_most_label = 63;
constexpr std::size_t k_most_name = 255;
constexpr std::uint32_t k_ttl =
    5; // containers come and go; a stale address costs more than a question to this host
constexpr std::string_view k_opt_record("\0\0\x29\x10\0\0\0\0\0\0\0",
                                        11); // root, OPT, 4096 bytes, nothing else

std::uint16_t get16(std::string_view packet, std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(packet[at]) << 8 |
                                      static_cast<unsigned char>(packet[at + 1]));
}

void put16(std::string& out, unsigned value) {
    out += static_cast<char>(value >> 8 & 0xff);
    out += static_cast<char>(value & 0xff);
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The name at `at`; at becomes its end. Compression has no place in a question.
bool read_name(std::string_view packet, std::size_t& at, std::string& name) {
    const std::size_t begin = at;
    for (;;) {
        if (at >= packet.size()) return false;
        const std::size_t length = static_cast<unsigned char>(packet[at++]);
        if (length == 0) return at - begin <= k_most_name;
        if (length > k_most_label || at + length > packet.size() || at + length - begin > k_most_name)
            return false;
        if (!name.empty()) name += '.';
        for (std::size_t i = 0; i < length; ++i) {
            const char c = packet[at + i];
            // A dot inside a label would make one name look like another.
            name += c == '.' ? '\0' : lower(c);
        }
        at += length;
    }
}

// EDNS is an OPT record in the additional section, which follows the question directly in any sensible query.
void read_edns(std::string_view packet, Query& query) {
    const bool only_additional = get16(packet, 6) == 0 && get16(packet, 8) == 0 && get16(packet, 10) > 0;
    constexpr std::size_t k_opt_size = 11;
    const std::size_t at = query.question_end;
    if (!only_additional || packet.size() < at + k_opt_size || packet[at] != 0 ||
        get16(packet, at + 1) != k_type_opt)
        return;
    query.edns = true;
    query.udp_size = std::clamp<std::size_t>(get16(packet, at + 3), k_most_udp_plain, k_most_udp);
}

std::string reply_header(std::string_view packet, Rcode rcode, bool recursion_desired, unsigned answers,
                         bool edns, bool truncated) {
    std::string out;
    out.reserve(k_most_udp_plain);
    out.append(packet.substr(0, 2));
    // Reply, authoritative, recursion available.
    const unsigned flags = 0x8000u | 0x0400u | (truncated ? 0x0200u : 0u) |
                           (recursion_desired ? 0x0100u : 0u) | 0x0080u | static_cast<unsigned>(rcode);
    put16(out, flags);
    put16(out, 1);
    put16(out, answers);
    put16(out, 0);
    put16(out, edns ? 1 : 0);
    return out;
}

} // namespace

ParsedQuery parse_query(std::string_view packet) {
    ParsedQuery result;
    if (packet.size() < k_header_size) return result;
    const unsigned flags = get16(packet, 2);
    if ((flags & 0x8000u) != 0) return result; // a reply: answering those could go round in circles
    if ((flags & 0x7800u) != 0) {
        result.error = QueryError::unsupported;
        return result;
    }
    result.error = QueryError::malformed;
    Query query;
    query.id = get16(packet, 0);
    query.recursion_desired = (flags & 0x0100u) != 0;
    std::size_t at = k_header_size;
    if (get16(packet, 4) != 1 || !read_name(packet, at, query.name) || packet.size() < at + 4) return result;
    query.type = get16(packet, at);
    query.qclass = get16(packet, at + 2);
    query.question_end = at + 4;
    read_edns(packet, query);
    result.query = std::move(query);
    return result;
}

std::string make_reply(std::string_view packet, const Query& query, Rcode rcode,
                       const std::vector<Answer>& answers, std::size_t limit) {
    std::size_t size = query.question_end + (query.edns ? k_opt_record.size() : 0);
    for (const auto& answer : answers)
        size += 12 + answer.data.size();
    const bool truncated = size > limit;
    const auto count = truncated ? 0u : static_cast<unsigned>(answers.size());
    std::string out = reply_header(packet, rcode, query.recursion_desired, count, query.edns, truncated);
    out.append(packet.substr(k_header_size, query.question_end - k_header_size));
    for (std::size_t i = 0; i < count; ++i) {
        put16(out, 0xc000u | static_cast<unsigned>(k_header_size)); // the name of the question
        put16(out, answers[i].type);
        put16(out, k_class_in);
        put16(out, k_ttl >> 16);
        put16(out, k_ttl & 0xffff);
        put16(out, static_cast<unsigned>(answers[i].data.size()));
        out += answers[i].data;
    }
    if (query.edns) out += k_opt_record;
    return out;
}

std::string make_error_reply(std::string_view packet, Rcode rcode) {
    std::string out(packet.substr(0, 2));
    put16(out, 0x8000u | static_cast<unsigned>(rcode));
    out.append(8, '\0');
    return out;
}

std::string encode_name(std::string_view name) {
    std::string out;
    while (!name.empty()) {
        const auto dot = name.find('.');
        const auto label = name.substr(0, dot);
        if (label.empty() || label.size() > k_most_label) return {};
        out += static_cast<char>(label.size());
        out += label;
        name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
    }
    out += '\0';
    return out.size() <= k_most_name ? out : std::string();
}

bool is_reply_to(std::string_view reply, std::string_view query, std::size_t question_end) {
    if (reply.size() < question_end || question_end < k_header_size || query.size() < question_end)
        return false;
    if (reply.substr(0, 2) != query.substr(0, 2) || (static_cast<unsigned char>(reply[2]) & 0x80u) == 0)
        return false;
    if (get16(reply, 4) != 1) return false;
    for (std::size_t i = k_header_size; i < question_end; ++i)
        if (lower(reply[i]) != lower(query[i])) return false;
    return true;
}

void set_id(std::string& packet, std::uint16_t id) {
    if (packet.size() < 2) return;
    packet[0] = static_cast<char>(id >> 8);
    packet[1] = static_cast<char>(id & 0xff);
}

std::optional<std::string> reverse_address(std::string_view name) {
    constexpr std::string_view k_v4 = ".in-addr.arpa", k_v6 = ".ip6.arpa";
    std::string address;
    if (name.ends_with(k_v4)) {
        const auto parts = split(name.substr(0, name.size() - k_v4.size()), '.');
        if (parts.size() != 4) return std::nullopt;
        for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
            const auto value = parse_integer(*part, 0, 255);
            if (!value) return std::nullopt;
            address += static_cast<char>(*value);
        }
        return address;
    }
    if (!name.ends_with(k_v6)) return std::nullopt;
    const std::string_view nibbles = name.substr(0, name.size() - k_v6.size());
    if (nibbles.size() != 63) return std::nullopt; // 32 digits and the dots between them
    const auto digit = [](char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    for (std::size_t i = 0; i < 16; ++i) {
        const std::size_t at = 62 - 4 * i; // the last digit is the first nibble
        const int high = digit(nibbles[at]), low = digit(nibbles[at - 2]);
        if (high < 0 || low < 0 || nibbles[at - 1] != '.') return std::nullopt;
        address += static_cast<char>(high << 4 | low);
    }
    return address;
}

} // namespace berth::monitor::names
