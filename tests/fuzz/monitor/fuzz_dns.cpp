// Any bytes as a DNS question, and as the reply to one: no crash, no endless loop, replies well-formed.
#include "runtime/monitor/names/wire.hpp"

#include <cstdlib>

using namespace berth::monitor::names;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view packet(reinterpret_cast<const char*>(data), size);
    const auto parsed = parse_query(packet);
    if (parsed.query) {
        const auto reply =
            make_reply(packet, *parsed.query, Rcode::ok, {{k_type_a, "\1\2\3\4"}}, parsed.query->udp_size);
        if (!is_reply_to(reply, packet, parsed.query->question_end)) std::abort();
        (void)reverse_address(parsed.query->name);
        (void)encode_name(parsed.query->name);
    } else if (size >= 2) {
        (void)make_error_reply(packet, Rcode::format_error);
    }
    (void)is_reply_to(packet, packet, k_header_size);
    return 0;
}
