// names.hpp - the NameRecord files that the containers' DNS servers read, and the host's own resolver
// configuration.
#pragma once

#include "network/attach.hpp"
#include "runtime/base/name_record.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::network {

// A name that a container may answer to: no "localhost", no wildcard, nothing that could break out of a zone
// or of /etc/hosts (S79).
[[nodiscard]] Status check_alias(std::string_view name);

[[nodiscard]] NameRecord name_record(const Endpoint& endpoint);
[[nodiscard]] std::string name_file(const Context& context, const std::string& network_id,
                                    const std::string& container_id);
[[nodiscard]] Status write_names(const Context& context, const Endpoint& endpoint);
[[nodiscard]] Status erase_names(const Context& context, const std::string& network_id,
                                 const std::string& container_id);

// Pure: the text of a resolv.conf.
[[nodiscard]] HostResolver parse_resolver(std::string_view text);

} // namespace berth::network
