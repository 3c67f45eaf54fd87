// short_syntax.hpp - the string forms of the specification, each to the mapping that says the same. Pure; the
// nodes made point at the string they came from. Errors carry that place.
#pragma once

#include "compose/source/node.hpp"
#include "runtime/base/result.hpp"

namespace berth::compose::load {

// "[[IP:][HOST[-HOST]]:]CONTAINER[-CONTAINER][/PROTOCOL]": one mapping a port; ranges of equal length are
// expanded, a host range for one container port stays a range of which any is taken.
[[nodiscard]] Result<std::vector<SourceNode>> expand_port(std::string_view text, const Place& at);
// "[SOURCE:]TARGET[:OPTION,...]". Unknown options are ignored, as Docker Compose does.
[[nodiscard]] Result<SourceNode> expand_volume(std::string_view text, const Place& at);
// "HOST[:CONTAINER[:rwm]]" or a CDI name.
[[nodiscard]] Result<SourceNode> expand_device(std::string_view text, const Place& at);
// "name=address" or "name:address" to "name=address"; brackets of IPv6 addresses go.
[[nodiscard]] Result<std::string> expand_extra_host(std::string_view text, const Place& at);

[[nodiscard]] bool is_ip_address(const std::string& text); // v4 or v6, without brackets

struct PortRange {
    std::int64_t first = 0, last = 0;
};
[[nodiscard]] Result<PortRange> parse_port_range(std::string_view text); // "80", "80-90"; 0 to 65535

} // namespace berth::compose::load
