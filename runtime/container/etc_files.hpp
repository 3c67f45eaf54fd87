// etc_files.hpp - the three files of /etc that a container gets: text from values. Pure but for
// host_resolv_conf().
#pragma once

#include "runtime/container/spec.hpp"

#include <string>
#include <utility>
#include <vector>

namespace berth::runtime {

struct ResolvConf {
    std::vector<std::string> nameservers, search, options;
};
[[nodiscard]] ResolvConf parse_resolv_conf(std::string_view text);
[[nodiscard]] std::string to_text(const ResolvConf& conf);
// The host's, or systemd-resolved's upstream list when the host's names only its stub on 127.0.0.53.
[[nodiscard]] ResolvConf host_resolv_conf();

struct EtcInput {
    bool serve_names = false;                                   // a DNS server of ours answers at 127.0.0.11
    bool own_network = true;                                    // not the host's
    std::vector<std::pair<std::string, std::string>> own_lines; // address, names
    std::string host_gateway; // what "host-gateway" stands for; empty: not known
};
// "name:address" and "name=address", where an IPv6 address may be in brackets; the address may be "host-gateway".
[[nodiscard]] Result<std::pair<std::string, std::string>> split_extra_host(const std::string& text);
// Error: a server that is no address, or a word that would begin a line of its own in resolv.conf.
[[nodiscard]] berth::Status check_resolver(const NetworkView& network);
[[nodiscard]] std::string make_resolv_conf(const NetworkView& network, const EtcInput& input,
                                           const ResolvConf& host);
// Error: an extra host that is not "name:address", or "host-gateway" without one.
[[nodiscard]] Result<std::string> make_hosts(const ContainerSpec& spec, const EtcInput& input,
                                             std::string_view host_file);

} // namespace berth::runtime
