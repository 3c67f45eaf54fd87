#include "network/ruleset.hpp"

#include "network/network_options.hpp"
#include "runtime/base/id.hpp"

#include <algorithm>

namespace berth::network {

namespace {

struct NamedObject {
    const char* name;
    const char* definition;
};

// nft's own braces are written out: the text is read by people in the golden files.
constexpr NamedObject k_maps[] = {
    {"published4", "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;"},
    {"published4_any", "type inet_proto . inet_service : ipv4_addr . inet_service;"},
    {"published6", "type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service;"},
    {"published6_any", "type inet_proto . inet_service : ipv6_addr . inet_service;"},
};
constexpr NamedObject k_sets[] = {
    {"bridges", "type ifname;"},
    {"internal", "type ifname;"},
    {"same_bridge", "type ifname . ifname;"},
    {"subnets4", "type ipv4_addr . ifname; flags interval;"},
    {"subnets6", "type ipv6_addr . ifname; flags interval;"},
    {"masquerade4", "type ipv4_addr; flags interval;"},
    {"masquerade6", "type ipv6_addr; flags interval;"},
    {"protected4", "type ipv4_addr; flags interval;"},
    {"protected6", "type ipv6_addr; flags interval;"},
    {"open4", "type ipv4_addr; flags interval;"},
    {"open6", "type ipv6_addr; flags interval;"},
    {"routed4", "type ipv4_addr; flags interval;"},
    {"routed6", "type ipv6_addr; flags interval;"},
    {"routed_ports4", "type ipv4_addr . inet_proto . inet_service;"},
    {"routed_ports6", "type ipv6_addr . inet_proto . inet_service;"},
};
// policy accept everywhere: if a command of ours dies half-way, the host's own traffic is not cut.
constexpr NamedObject k_chains[] = {
    {"berth-user", ""},
    {"raw-prerouting", "type filter hook prerouting priority raw; policy accept;"},
    {"published", ""},
    {"nat-prerouting", "type nat hook prerouting priority dstnat; policy accept;"},
    {"nat-output", "type nat hook output priority -100; policy accept;"},
    {"nat-postrouting", "type nat hook postrouting priority srcnat; policy accept;"},
    {"from-network", ""},
    {"to-network", ""},
    {"forward", "type filter hook forward priority filter; policy accept;"},
};

struct Rule {
    const char* chain;
    const char* text;
};
constexpr Rule k_rules[] = {
    // A packet for 127/8 that did not start on this host is a forgery; only route_localnet on our bridges
    // would let it
    // in (CVE-2020-8558; ports published on 127.0.0.1).
    {"raw-prerouting", "iifname != \"lo\" ip daddr 127.0.0.0/8 drop comment \"loopback from outside\""},
    // Container addresses are reached through published ports, not by a route from the LAN (moby#45610).
    {"raw-prerouting", "ip daddr @protected4 ip daddr . iifname != @subnets4 drop comment \"direct access\""},
    {"raw-prerouting",
     "ip6 daddr @protected6 ip6 daddr . iifname != @subnets6 drop comment \"direct access\""},
    {"published", "dnat ip to ip daddr . meta l4proto . th dport map @published4"},
    {"published", "meta nfproto ipv4 dnat ip to meta l4proto . th dport map @published4_any"},
    {"published", "dnat ip6 to ip6 daddr . meta l4proto . th dport map @published6"},
    {"published", "meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @published6_any"},
    {"nat-prerouting", "fib daddr type local jump published"},
    // The kernel routes no answer back to ::1 from outside (there is no route_localnet for IPv6). Refused at
    // once, as
    // our reservation is not listening, a client goes on to 127.0.0.1; translated, it would wait for ever.
    {"nat-output", "ip6 daddr ::1 return"},
    {"nat-output", "fib daddr type local jump published"},
    // From this host to 127.0.0.1:PORT: the container must not see a loopback source, its answer would not
    // leave it.
    {"nat-postrouting", "oifname @bridges ip saddr 127.0.0.0/8 masquerade comment \"published on loopback\""},
    // A container that reaches itself or a neighbour through the host's port: the answer has to come back
    // this way.
    {"nat-postrouting", "ip saddr . oifname @subnets4 ct status dnat masquerade comment \"hairpin\""},
    {"nat-postrouting", "ip6 saddr . oifname @subnets6 ct status dnat masquerade comment \"hairpin\""},
    {"nat-postrouting", "ip saddr @masquerade4 ip saddr . oifname != @subnets4 masquerade"},
    {"nat-postrouting", "ip6 saddr @masquerade6 ip6 saddr . oifname != @subnets6 masquerade"},
    {"from-network", "ct state established,related accept"},
    {"from-network", "iifname . oifname @same_bridge accept comment \"neighbours\""},
    {"from-network", "iifname @internal drop comment \"internal network\""},
    // A source that is not of this network is forged, and would be sent on without masquerading.
    {"from-network", "meta nfproto ipv4 ip saddr . iifname != @subnets4 drop comment \"forged source\""},
    {"from-network", "meta nfproto ipv6 ip6 saddr . iifname != @subnets6 drop comment \"forged source\""},
    {"to-network", "ct state established,related accept"},
    {"to-network", "iifname . oifname @same_bridge accept"},
    {"to-network", "oifname @internal drop comment \"internal network\""},
    {"to-network", "ct status dnat accept comment \"published port\""},
    // gateway_mode routed: what was published of the container itself, and ping; nat-unprotected: everything.
    {"to-network", "ip daddr . meta l4proto . th dport @routed_ports4 accept comment \"routed\""},
    {"to-network", "ip6 daddr . meta l4proto . th dport @routed_ports6 accept comment \"routed\""},
    {"to-network", "ip daddr @routed4 icmp type echo-request accept"},
    {"to-network", "ip6 daddr @routed6 icmpv6 type echo-request accept"},
    {"to-network", "ip daddr @open4 accept comment \"nat-unprotected\""},
    {"to-network", "ip6 daddr @open6 accept comment \"nat-unprotected\""},
    {"to-network", "drop comment \"isolation: not published\""},
    {"forward", "iifname @bridges jump berth-user"},
    {"forward", "iifname != @bridges oifname @bridges jump berth-user"},
    {"forward", "iifname @bridges jump from-network"},
    {"forward", "oifname @bridges jump to-network"},
};

std::string pad4(std::string bytes) {
    bytes.resize((bytes.size() + 3) / 4 * 4, '\0');
    return bytes;
}

std::string big_endian(std::uint16_t value) {
    return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

struct TextElement {
    std::string set;
    std::string key;
    std::string comment;
};

// The elements of one network, in the order of k_sets.
Result<std::vector<TextElement>> network_elements(const Network& network) {
    std::vector<TextElement> out;
    const std::string bridge = concat("\"", network.bridge, "\"");
    const std::string comment =
        concat("network ", short_id(network.id), " ", network.config.name.substr(0, 60));
    out.push_back({"bridges", bridge, comment});
    if (network.config.internal) out.push_back({"internal", bridge, comment});
    if (option_on(network.config, k_enable_icc, true))
        out.push_back({"same_bridge", concat(bridge, " . ", bridge), comment});
    for (const auto& subnet : network.config.subnets) {
        BERTH_ASSIGN_OR_RETURN(const Prefix prefix, parse_prefix(subnet.subnet));
        const std::string family = prefix.address.v6 ? "6" : "4";
        out.push_back({"subnets" + family, concat(prefix.to_string(), " . ", bridge), comment});
        const auto mode = gateway_mode(network.config, prefix.address.v6);
        const auto belongs_in = [&](const char* set) {
            out.push_back({set + family, prefix.to_string(), comment});
        };
        if (network.config.internal) continue;
        if (mode == GatewayMode::routed) {
            belongs_in("routed");
            continue;
        }
        if (option_on(network.config, k_masquerade, true)) belongs_in("masquerade");
        belongs_in(mode == GatewayMode::nat ? "protected" : "open");
    }
    return out;
}

std::string element_line(const char* verb, const std::string& table, const TextElement& element) {
    std::string line = concat(verb, " element inet ", table, " ", element.set, " { ", element.key);
    if (!element.comment.empty()) line += concat(" comment \"", element.comment, "\"");
    return line + " }\n";
}

} // namespace

Result<std::uint8_t> protocol_number(const std::string& name) {
    if (name == "tcp") return k_protocol_tcp;
    if (name == "udp") return k_protocol_udp;
    return fail(Error(ErrorCode::unsupported, concat("publish a port of the protocol '", name, "'"))
                    .hint("tcp and udp can be published"));
}

std::string PortElement::map() const {
    if (routed) return target.v6 ? "routed_ports6" : "routed_ports4";
    std::string name = target.v6 ? "published6" : "published4";
    return host.is_unspecified() ? name + "_any" : name;
}

std::string PortElement::key() const {
    if (routed)
        return target.raw() + pad4(std::string(1, static_cast<char>(protocol))) +
               pad4(big_endian(target_port));
    const std::string address = host.is_unspecified() ? std::string() : host.raw();
    return address + pad4(std::string(1, static_cast<char>(protocol))) + pad4(big_endian(host_port));
}

std::string PortElement::data() const {
    if (routed) return {};
    return target.raw() + pad4(big_endian(target_port));
}

std::string PortElement::to_text() const {
    const char* name = protocol == k_protocol_udp ? "udp" : "tcp";
    if (routed)
        return concat(target.to_string(), " . ", name, " . ", target_port, " comment \"", comment, "\"");
    const std::string address = host.is_unspecified() ? std::string() : concat(host.to_string(), " . ");
    return concat(address, name, " . ", host_port, " comment \"", comment, "\" : ", target.to_string(), " . ",
                  target_port);
}

Result<std::vector<PortElement>> port_elements(const PublishedRecord& record) {
    std::vector<PortElement> out;
    std::string comment = concat("container ", short_id(record.container_id));
    if (is_valid_name(record.container_name)) comment += concat(" ", record.container_name.substr(0, 60));
    for (const auto& port : record.ports) {
        if (port.host_port < 0 || port.host_port > 65535 || port.container_port < 1 ||
            port.container_port > 65535)
            return fail(ErrorCode::invalid_input,
                        concat("publish ", port.host_port, ":", port.container_port, ": not port numbers"));
        PortElement element;
        BERTH_ASSIGN_OR_RETURN(element.protocol, protocol_number(port.protocol));
        element.host_port = static_cast<std::uint16_t>(port.host_port);
        element.target_port = static_cast<std::uint16_t>(port.container_port);
        element.comment = comment;
        if (!port.host_ip.empty()) {
            BERTH_ASSIGN_OR_RETURN(element.host, parse_address(port.host_ip));
        }
        for (const auto& address : {record.ipv4, record.ipv6}) {
            if (address.empty()) continue;
            BERTH_ASSIGN_OR_RETURN(element.target, parse_address(address));
            if (port.host_ip.empty()) element.host.v6 = element.target.v6;
            if (element.host.v6 != element.target.v6) continue;
            element.routed = element.target.v6 ? record.routed6 : record.routed4;
            if (!element.routed && port.host_port == 0)
                return fail(ErrorCode::invalid_input,
                            concat("publish the port ", port.container_port, ": it has no host port"));
            // Two host ports of one container port are one port that is open.
            const bool again =
                element.routed && std::any_of(out.begin(), out.end(), [&](const PortElement& other) {
                    return other.routed && other.key() == element.key();
                });
            if (!again) out.push_back(element);
        }
    }
    return out;
}

namespace {

// Everything of ours; berth-user is the user's.
std::string flush_text(const std::string& in_table) {
    std::string text;
    for (const auto& chain : k_chains)
        if (std::string_view(chain.name) != "berth-user")
            text += concat("flush chain", in_table, chain.name, "\n");
    for (const auto& map : k_maps)
        text += concat("flush map", in_table, map.name, "\n");
    for (const auto& set : k_sets)
        text += concat("flush set", in_table, set.name, "\n");
    return text;
}

} // namespace

Result<std::string> full_ruleset(const RulesetInput& input) {
    const std::string in_table = concat(" inet ", input.table, " ");
    std::string text = concat("add table inet ", input.table, "\n");
    for (const auto& chain : k_chains) {
        text += concat("add chain", in_table, chain.name);
        if (*chain.definition != '\0') text += concat(" { ", chain.definition, " }");
        text += '\n';
    }
    for (const auto& map : k_maps)
        text += concat("add map", in_table, map.name, " { ", map.definition, " }\n");
    for (const auto& set : k_sets)
        text += concat("add set", in_table, set.name, " { ", set.definition, " }\n");
    if (!input.fresh) text += flush_text(in_table);
    for (const auto& rule : k_rules)
        text += concat("add rule", in_table, rule.chain, " ", rule.text, "\n");
    for (const auto& network : input.networks) {
        BERTH_ASSIGN_OR_RETURN(const std::string elements, add_network_text(input.table, network));
        text += elements;
    }
    for (const auto& record : input.published) {
        BERTH_ASSIGN_OR_RETURN(const auto elements, port_elements(record));
        for (const auto& element : elements)
            text += element_line("add", input.table, {element.map(), element.to_text(), {}});
    }
    return text;
}

Result<std::string> add_network_text(const std::string& table, const Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto elements, network_elements(network));
    std::string text;
    for (const auto& element : elements)
        text += element_line("add", table, element);
    return text;
}

Result<std::string> delete_network_text(const std::string& table, const Network& network) {
    BERTH_ASSIGN_OR_RETURN(auto elements, network_elements(network));
    std::string text;
    for (auto& element : elements) {
        element.comment.clear();
        text += element_line("delete", table, element);
    }
    return text;
}

std::string delete_table_text(const std::string& table) {
    // Added first, so that deleting one that somebody has already flushed away is no error.
    return concat("add table inet ", table, "\ndelete table inet ", table, "\n");
}

} // namespace berth::network
