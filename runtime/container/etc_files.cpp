#include "runtime/container/etc_files.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <netinet/in.h>

namespace berth::runtime {

namespace {

constexpr std::string_view k_own_server = "127.0.0.11";

bool is_loopback(std::string_view server) {
    return server.starts_with("127.") || server == "::1" || server == "0.0.0.0";
}

bool is_address(const std::string& text) {
    in6_addr buffer{};
    if (text.find_first_of(std::string_view(" \t\r\n\0", 5)) != std::string::npos)
        return false; // behind a zone's %
    const auto bare = text.substr(0, text.find('%'));
    return ::inet_pton(AF_INET, bare.c_str(), &buffer) == 1 ||
           ::inet_pton(AF_INET6, bare.c_str(), &buffer) == 1;
}

std::vector<std::string> words(std::string_view line) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : line) {
        if (c != ' ' && c != '\t' && c != '\r') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) out.push_back(std::move(word));
    return out;
}

bool is_host_name(std::string_view name) {
    return !name.empty() && name.find_first_of(" \t\r\n#") == std::string_view::npos;
}

} // namespace

Result<std::pair<std::string, std::string>> split_extra_host(const std::string& text) {
    auto at = text.find('=');
    if (at == std::string::npos) at = text.find(':');
    if (at == std::string::npos || at == 0)
        return fail(ErrorCode::invalid_input,
                    concat("bad format for add-host: \"", text, "\" is not NAME:ADDRESS"));
    auto address = text.substr(at + 1);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']')
        address = address.substr(1, address.size() - 2);
    const auto name = text.substr(0, at);
    if (!is_host_name(name) || (address != "host-gateway" && !is_address(address)))
        return fail(ErrorCode::invalid_input,
                    concat("invalid IP address in add-host: \"", address, "\" of \"", text, "\""));
    return std::pair(name, address);
}

ResolvConf parse_resolv_conf(std::string_view text) {
    ResolvConf out;
    for (const auto& line : split(text, '\n')) {
        const auto parts = words(line);
        if (parts.size() < 2 || parts[0].front() == '#' || parts[0].front() == ';') continue;
        if (parts[0] == "nameserver")
            out.nameservers.push_back(parts[1]);
        else if (parts[0] == "search" || parts[0] == "domain")
            out.search.assign(parts.begin() + 1, parts.end()); // the last line counts, resolv.conf(5)
        else if (parts[0] == "options")
            out.options.insert(out.options.end(), parts.begin() + 1, parts.end());
    }
    return out;
}

std::string to_text(const ResolvConf& conf) {
    std::string out;
    for (const auto& server : conf.nameservers)
        out += concat("nameserver ", server, "\n");
    if (!conf.search.empty()) out += concat("search ", join(conf.search, " "), "\n");
    if (!conf.options.empty()) out += concat("options ", join(conf.options, " "), "\n");
    return out;
}

ResolvConf host_resolv_conf() {
    const auto read = [](const char* path) {
        const auto text = read_file_if_exists(path, 1u << 20);
        return text && *text ? parse_resolv_conf(**text) : ResolvConf{};
    };
    auto conf = read("/etc/resolv.conf");
    if (conf.nameservers == std::vector<std::string>{"127.0.0.53"})
        if (auto upstream = read("/run/systemd/resolve/resolv.conf"); !upstream.nameservers.empty())
            return upstream;
    return conf;
}

std::string make_resolv_conf(const NetworkView& network, const EtcInput& input, const ResolvConf& host) {
    auto conf = host;
    if (!network.dns_search.empty()) conf.search = network.dns_search;
    if (conf.search == std::vector<std::string>{"."}) conf.search.clear(); // docker's way to say "none"
    if (!network.dns_options.empty()) conf.options = network.dns_options;
    if (input.serve_names) {
        conf.nameservers = {std::string(k_own_server)};
        // A bare name is a container's before it is a host's of the search domains.
        const bool set =
            std::ranges::any_of(conf.options, [](const std::string& o) { return o.starts_with("ndots:"); });
        if (!set) conf.options.emplace_back("ndots:0");
        return to_text(conf);
    }
    if (!network.dns.empty()) {
        conf.nameservers = network.dns;
    } else if (input.own_network) {
        // The host's loopback is not the container's.
        std::erase_if(conf.nameservers, [](const std::string& server) { return is_loopback(server); });
        if (conf.nameservers.empty()) conf.nameservers = {"8.8.8.8", "8.8.4.4"};
    }
    return to_text(conf);
}

berth::Status check_resolver(const NetworkView& network) {
    for (const auto& server : network.dns)
        if (!is_address(server))
            return fail(Error(ErrorCode::invalid_input, concat("invalid DNS server \"", server, "\""))
                            .hint("write an IP address, such as 192.0.2.53"));
    const auto one_word = [](const std::string& text) {
        return !text.empty() && text.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string::npos;
    };
    for (const auto& domain : network.dns_search)
        if (!one_word(domain))
            return fail(ErrorCode::invalid_input, concat("invalid DNS search domain \"", domain, "\""));
    for (const auto& option : network.dns_options)
        if (!one_word(option))
            return fail(ErrorCode::invalid_input, concat("invalid DNS option \"", option, "\""));
    return {};
}

Result<std::string> make_hosts(const ContainerSpec& spec, const EtcInput& input, std::string_view host_file) {
    std::string out;
    if (input.own_network)
        out = "127.0.0.1\tlocalhost\n"
              "::1\tlocalhost ip6-localhost ip6-loopback\n"
              "fe00::\tip6-localnet\n"
              "ff00::\tip6-mcastprefix\n"
              "ff02::1\tip6-allnodes\n"
              "ff02::2\tip6-allrouters\n";
    else
        out = host_file;
    if (!out.empty() && out.back() != '\n') out += '\n';
    for (const auto& text : spec.network.extra_hosts) {
        BERTH_ASSIGN_OR_RETURN(auto entry, split_extra_host(text));
        auto& [name, address] = entry;
        if (address == "host-gateway") {
            if (input.host_gateway.empty())
                return fail(
                    Error(ErrorCode::invalid_input,
                          concat("\"", text,
                                 "\": this container has no network from which the host can be reached"))
                        .hint("give the host's address instead of host-gateway"));
            address = input.host_gateway;
        }
        out += concat(address, "\t", name, "\n");
    }
    for (const auto& [address, names] : input.own_lines)
        out += concat(address, "\t", names, "\n");
    return out;
}

} // namespace berth::runtime
