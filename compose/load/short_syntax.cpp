#include "compose/load/short_syntax.hpp"

#include "compose/source/decode.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace berth::compose::load {

namespace {

Failure refuse(std::string message, const Place& at, std::string hint) {
    return fail(Error(ErrorCode::invalid_input, std::move(message)).at(at.pos()).hint(std::move(hint)));
}

struct PortParts {
    std::string host_ip, published, target, protocol;
};

PortParts split_port(std::string_view text) {
    PortParts out;
    out.protocol = "tcp";
    if (const auto slash = text.rfind('/'); slash != std::string_view::npos) {
        if (slash + 1 < text.size()) out.protocol = to_lower(text.substr(slash + 1));
        text = text.substr(0, slash);
    }
    const auto last = text.rfind(':');
    out.target = text.substr(last == std::string_view::npos ? 0 : last + 1);
    if (last == std::string_view::npos) return out;
    text = text.substr(0, last);
    const auto middle = text.rfind(':');
    out.published = text.substr(middle == std::string_view::npos ? 0 : middle + 1);
    if (middle != std::string_view::npos) out.host_ip = text.substr(0, middle);
    return out;
}

constexpr const char* k_port_hint = "write ports as \"HOST:CONTAINER\", for example \"8080:80\"";

// Colons inside of ${...} do not split: with --no-interpolate the variables are still there.
std::vector<std::string> split_colons(std::string_view text) {
    std::vector<std::string> out(1);
    int braces = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '{' && i > 0 && text[i - 1] == '$') ++braces;
        if (c == '}' && braces > 0) --braces;
        // A drive letter in front of a backslash: "C:\data:/data".
        const bool drive = c == ':' && out.back().size() == 1 &&
                           std::isalpha(static_cast<unsigned char>(out.back()[0])) && i + 1 < text.size() &&
                           text[i + 1] == '\\';
        if (c == ':' && braces == 0 && !drive)
            out.emplace_back();
        else
            out.back() += c;
    }
    return out;
}

bool is_path_source(std::string_view text) {
    if (text.empty()) return false;
    if (text[0] == '.' || text[0] == '/' || text[0] == '~' || text[0] == '\\') return true;
    return text.size() > 2 && text[1] == ':' && text[2] == '\\';
}

// Options of the other kind of mount are kept too ("data:/data:z" is written a lot), as in the reference.
void volume_options(SourceNode& mount, bool bind, std::string_view options, const Place& at) {
    SourceNode of_bind = SourceNode::make_mapping(at);
    SourceNode of_volume = SourceNode::make_mapping(at);
    for (const auto& option : split(options, ',')) {
        if (option == "ro")
            mount.set("read_only", SourceNode::make_bool(true, at));
        else if (option == "rw")
            mount.erase("read_only");
        else if (option == "nocopy")
            of_volume.set("nocopy", SourceNode::make_bool(true, at));
        else if (option == "z" || option == "Z")
            of_bind.set("selinux", SourceNode::make_string(option, at));
        else
            for (const auto* word : {"private", "rprivate", "shared", "rshared", "slave", "rslave"})
                if (option == word) of_bind.set("propagation", SourceNode::make_string(option, at));
    }
    if (bind) of_bind.set("create_host_path", SourceNode::make_bool(true, at));
    if (bind || !of_bind.entries.empty()) mount.set("bind", std::move(of_bind));
    if (!bind || !of_volume.entries.empty()) mount.set("volume", std::move(of_volume));
}

SourceNode anonymous_volume(std::string_view target, const Place& at) {
    SourceNode mount = SourceNode::make_mapping(at);
    mount.set("type", SourceNode::make_string("volume", at));
    mount.set("target", SourceNode::make_string(std::string(target), at));
    return mount;
}

} // namespace

bool is_ip_address(const std::string& text) {
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
           inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

Result<PortRange> parse_port_range(std::string_view text) {
    const auto dash = text.find('-');
    const auto number = [](std::string_view digits) -> Result<std::int64_t> {
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
            return fail(ErrorCode::invalid_input, concat(in_quotes(digits), " is not a port number"));
        auto value = parse_integer(digits, 0, 65535);
        if (!value)
            return fail(ErrorCode::invalid_input,
                        concat("port ", digits, " is not a number from 0 to 65535"));
        return *value;
    };
    PortRange out;
    BERTH_ASSIGN_OR_RETURN(out.first, number(text.substr(0, dash)));
    out.last = out.first;
    if (dash != std::string_view::npos) {
        BERTH_ASSIGN_OR_RETURN(out.last, number(text.substr(dash + 1)));
        if (out.last < out.first)
            return fail(ErrorCode::invalid_input, concat("the range ", text, " ends before it begins"));
    }
    return out;
}

Result<std::vector<SourceNode>> expand_port(std::string_view text, const Place& at) {
    PortParts parts = split_port(text);
    const auto bad = [&](std::string why) {
        return refuse(concat(in_quotes(text), " is not a port mapping: ", why), at, k_port_hint);
    };
    if (parts.target.empty()) return bad("no container port");
    if (parts.protocol != "tcp" && parts.protocol != "udp" && parts.protocol != "sctp")
        return bad(concat(in_quotes(parts.protocol), " is no protocol; tcp, udp and sctp are"));
    if (parts.host_ip.size() > 1 && parts.host_ip.front() == '[' && parts.host_ip.back() == ']')
        parts.host_ip = parts.host_ip.substr(1, parts.host_ip.size() - 2);
    else if (parts.host_ip.find(':') != std::string::npos)
        return bad(is_ip_address(parts.host_ip) ? "an IPv6 address needs brackets, as in \"[::1]:80:80\""
                                                : "it has too many colons");
    if (!parts.host_ip.empty() && !is_ip_address(parts.host_ip))
        return bad(concat(in_quotes(parts.host_ip), " is no IP address"));
    const auto target = parse_port_range(parts.target);
    if (!target) return bad(target.error().message());
    if (target->first == 0) return bad("no container port");
    PortRange published;
    if (!parts.published.empty()) {
        const auto range = parse_port_range(parts.published);
        if (!range) return bad(range.error().message());
        published = *range;
    }
    const bool one_of_range =
        !parts.published.empty() && target->first == target->last && published.first != published.last;
    if (!parts.published.empty() && !one_of_range &&
        target->last - target->first != published.last - published.first)
        return bad("the two ranges have different lengths");
    std::vector<SourceNode> out;
    for (std::int64_t port = target->first; port <= target->last; ++port) {
        SourceNode mapping = SourceNode::make_mapping(at);
        mapping.set("mode", SourceNode::make_string("ingress", at));
        if (!parts.host_ip.empty()) mapping.set("host_ip", SourceNode::make_string(parts.host_ip, at));
        mapping.set("target", SourceNode::make_scalar(Kind::integer, concat(port), at));
        if (one_of_range)
            mapping.set("published",
                        SourceNode::make_string(concat(published.first, "-", published.last), at));
        else if (!parts.published.empty())
            mapping.set("published",
                        SourceNode::make_string(concat(published.first + port - target->first), at));
        mapping.set("protocol", SourceNode::make_string(parts.protocol, at));
        out.push_back(std::move(mapping));
    }
    return out;
}

Result<SourceNode> expand_volume(std::string_view text, const Place& at) {
    const auto bad = [&](std::string_view why) {
        return refuse(concat(in_quotes(text), " is not a volume: ", why), at,
                      "write volumes as \"SOURCE:TARGET\" or \"SOURCE:TARGET:ro\"");
    };
    if (text.empty()) return bad("it is empty");
    if (text.size() < 3) return anonymous_volume(text, at); // ":" too, where two variables are not set
    const auto parts = split_colons(text);
    if (parts.size() > 3) return bad("it has too many colons");
    if (std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); }))
        return bad("there is nothing between two colons");
    if (parts.size() == 1) {
        SourceNode mount = anonymous_volume(parts[0], at);
        mount.set("volume", SourceNode::make_mapping(at));
        return mount;
    }
    SourceNode mount = SourceNode::make_mapping(at);
    const bool pipe = parts[0].rfind("\\\\.\\pipe\\", 0) == 0;
    const bool bind = is_path_source(parts[0]);
    mount.set("type", SourceNode::make_string(pipe ? "npipe" : bind ? "bind" : "volume", at));
    mount.set("source", SourceNode::make_string(parts[0], at));
    mount.set("target", SourceNode::make_string(parts[1], at));
    volume_options(mount, bind, parts.size() > 2 ? std::string_view(parts[2]) : std::string_view(), at);
    return mount;
}

Result<SourceNode> expand_device(std::string_view text, const Place& at) {
    const auto parts = split(text, ':');
    if (text.empty() || parts.size() > 3 || parts[0].empty())
        return refuse(concat(in_quotes(text), " is not a device"), at,
                      "write devices as \"HOST:CONTAINER:rwm\"");
    SourceNode device = SourceNode::make_mapping(at);
    device.set("source", SourceNode::make_string(parts[0], at));
    device.set("target", SourceNode::make_string(parts.size() > 1 ? parts[1] : parts[0], at));
    device.set("permissions", SourceNode::make_string(parts.size() > 2 ? parts[2] : "rwm", at));
    return device;
}

Result<std::string> expand_extra_host(std::string_view text, const Place& at) {
    auto separator = text.find('=');
    if (separator == std::string_view::npos) separator = text.find(':');
    if (separator == std::string_view::npos || separator == 0 || separator + 1 == text.size())
        return refuse(concat(in_quotes(text), " is not a host and its address"), at,
                      "write extra hosts as \"name=address\", for example \"db=10.0.0.5\"");
    std::string_view address = text.substr(separator + 1);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    return concat(text.substr(0, separator), "=", address);
}

} // namespace berth::compose::load
