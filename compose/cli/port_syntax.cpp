#include "compose/cli/port_syntax.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <tuple>

namespace berth::cli {

namespace {

struct Range {
    std::int64_t first = 0, last = 0;
    [[nodiscard]] std::int64_t size() const { return last - first + 1; }
};

Failure bad_port(std::string_view text, std::string_view what) {
    return fail(
        Error(ErrorCode::usage, concat("'", text, "' is not a port mapping: ", what))
            .hint("write [ADDRESS:][HOST_PORT:]CONTAINER_PORT[/tcp|udp], for example 127.0.0.1:8080:80"));
}

Result<Range> parse_range(std::string_view part, std::string_view whole) {
    const auto dash = part.find('-');
    auto first = parse_integer(part.substr(0, dash), 1, 65535);
    if (!first) return bad_port(whole, concat("'", part, "' is not a port from 1 to 65535"));
    if (dash == std::string_view::npos) return Range{*first, *first};
    auto last = parse_integer(part.substr(dash + 1), 1, 65535);
    if (!last || *last < *first) return bad_port(whole, concat("'", part, "' is not a range of ports"));
    return Range{*first, *last};
}

Result<std::string> take_protocol(std::string_view& text) {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::string("tcp");
    const auto protocol = to_lower(text.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp")
        return bad_port(text, concat("protocol '", protocol, "' is neither tcp nor udp"));
    text = text.substr(0, slash);
    return protocol;
}

bool is_address(const std::string& text) {
    in6_addr six{};
    in_addr four{};
    return ::inet_pton(AF_INET, text.c_str(), &four) == 1 || ::inet_pton(AF_INET6, text.c_str(), &six) == 1;
}

} // namespace

Result<std::vector<runtime::PublishedPort>> parse_published(std::string_view text) {
    std::string_view rest = text;
    BERTH_ASSIGN_OR_RETURN(const auto protocol, take_protocol(rest));
    const auto last_colon = rest.rfind(':');
    std::string_view container = last_colon == std::string_view::npos ? rest : rest.substr(last_colon + 1);
    std::string_view front =
        last_colon == std::string_view::npos ? std::string_view() : rest.substr(0, last_colon);
    std::string address;
    std::string_view host = front;
    if (!front.empty() && front[0] == '[') { // "[::1]:8080"
        const auto close = front.find(']');
        if (close == std::string_view::npos) return bad_port(text, "']' is missing");
        address = front.substr(1, close - 1);
        host = front.substr(close + 1);
        if (!host.empty() && host[0] == ':') host.remove_prefix(1);
    } else if (const auto colon = front.rfind(':'); colon != std::string_view::npos) {
        address = front.substr(0, colon);
        host = front.substr(colon + 1);
    } else if (front.find('.') != std::string_view::npos) { // "127.0.0.1:80": an address and no host port
        address = front;
        host = {};
    }
    if (!address.empty() && !is_address(address))
        return bad_port(text, concat("'", address, "' is not an address"));
    BERTH_ASSIGN_OR_RETURN(const auto inside, parse_range(container, text));
    Range outside{0, 0};
    if (!host.empty()) {
        BERTH_ASSIGN_OR_RETURN(outside, parse_range(host, text));
        if (outside.size() != inside.size() && inside.size() != 1)
            return bad_port(text, "the ranges differ in length");
    }
    std::vector<runtime::PublishedPort> out;
    if (inside.size() == 1 && outside.size() > 1) // any free one of them, taken when it starts
        return std::vector<runtime::PublishedPort>{
            {address, outside.first, inside.first, protocol, outside.last}};
    for (std::int64_t i = 0; i < inside.size(); ++i)
        out.push_back({address, host.empty() ? 0 : outside.first + i, inside.first + i, protocol, 0});
    return out;
}

Result<std::vector<std::string>> parse_exposed(std::string_view text) {
    std::string_view rest = text;
    BERTH_ASSIGN_OR_RETURN(const auto protocol, take_protocol(rest));
    BERTH_ASSIGN_OR_RETURN(const auto range, parse_range(rest, text));
    std::vector<std::string> out;
    for (auto port = range.first; port <= range.last; ++port)
        out.push_back(concat(port, "/", protocol));
    return out;
}

namespace {

struct Shown {
    std::string address, protocol;
    std::int64_t host = 0, container = 0, length = 1;
};

std::string range_text(std::int64_t first, std::int64_t length) {
    return length == 1 ? concat(first) : concat(first, "-", first + length - 1);
}

std::string shown_text(const Shown& port) {
    const auto inside = concat(range_text(port.container, port.length), "/", port.protocol);
    if (port.address.empty()) return inside;
    const bool v6 = port.address.find(':') != std::string::npos;
    return concat(v6 ? "[" : "", port.address, v6 ? "]" : "", ":", range_text(port.host, port.length), "->",
                  inside);
}

} // namespace

std::string show_ports(const std::vector<runtime::PublishedPort>& published,
                       const std::vector<std::string>& exposed) {
    std::vector<Shown> all;
    const auto is_published = [&](const std::string& port) {
        return std::any_of(published.begin(), published.end(),
                           [&](const auto& p) { return concat(p.container_port, "/", p.protocol) == port; });
    };
    for (const auto& port : published) {
        if (port.host_port == 0) continue; // not settled: it does not run
        if (!port.host_ip.empty()) {
            all.push_back({port.host_ip, port.protocol, port.host_port, port.container_port, 1});
            continue;
        }
        all.push_back({"0.0.0.0", port.protocol, port.host_port, port.container_port, 1});
        all.push_back({"::", port.protocol, port.host_port, port.container_port, 1});
    }
    for (const auto& port : exposed) {
        const auto slash = port.find('/');
        const auto number = parse_integer(std::string_view(port).substr(0, slash));
        if (number && !is_published(port))
            all.push_back({"", slash == std::string::npos ? "tcp" : port.substr(slash + 1), 0, *number, 1});
    }
    std::stable_sort(all.begin(), all.end(), [](const Shown& a, const Shown& b) {
        return std::tuple(a.address, a.protocol, a.container, a.host) <
               std::tuple(b.address, b.protocol, b.container, b.host);
    });
    std::vector<Shown> joined;
    for (const auto& port : all) {
        if (!joined.empty()) {
            auto& last = joined.back();
            const bool follows = port.container == last.container + last.length &&
                                 (port.host == 0 || port.host == last.host + last.length);
            if (last.address == port.address && last.protocol == port.protocol && follows) {
                ++last.length;
                continue;
            }
        }
        joined.push_back(port);
    }
    // As docker lists them: by container port, IPv4 before IPv6, published before exposed.
    std::stable_sort(joined.begin(), joined.end(), [](const Shown& a, const Shown& b) {
        return std::tuple(a.address.empty(), a.container, a.protocol) <
               std::tuple(b.address.empty(), b.container, b.protocol);
    });
    std::vector<std::string> texts;
    for (const auto& port : joined)
        texts.push_back(shown_text(port));
    return join(texts, ", ");
}

} // namespace berth::cli
