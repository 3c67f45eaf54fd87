#include "network/names.hpp"

#include "network/address.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/wire.hpp"

#include <algorithm>

namespace berth::network {

Status check_alias(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-';
    };
    bool good = !name.empty() && name.size() <= 253 && to_lower(name) != "localhost";
    for (const auto& label : split(name, '.'))
        good = good && !label.empty() && label.size() <= 63 && label.front() != '-' &&
               std::all_of(label.begin(), label.end(), letter);
    if (good) return {};
    return fail(Error(ErrorCode::invalid_input,
                      concat("'", name.substr(0, 80), "' is not a name that a container can answer to"))
                    .hint("labels of letters, digits, '-' and '_' with dots between; not localhost"));
}

NameRecord name_record(const Endpoint& endpoint) {
    NameRecord record;
    record.container_id = endpoint.container_id;
    record.container_name = endpoint.container_name;
    const auto push = [&](const std::string& name) {
        const std::string lower = to_lower(name);
        if (!lower.empty() &&
            std::find(record.names.begin(), record.names.end(), lower) == record.names.end())
            record.names.push_back(lower);
    };
    push(endpoint.container_name);
    for (const auto& alias : endpoint.aliases)
        push(alias);
    push(short_id(endpoint.container_id));
    record.ipv4 = endpoint.ipv4;
    record.ipv6 = endpoint.ipv6;
    return record;
}

std::string name_file(const Context& context, const std::string& network_id,
                      const std::string& container_id) {
    return concat(context.paths.network_names(network_id), "/", container_id);
}

Status write_names(const Context& context, const Endpoint& endpoint) {
    const std::string path = name_file(context, endpoint.network_id, endpoint.container_id);
    const std::string bytes = to_wire(name_record(endpoint));
    auto written = write_atomic(path, bytes);
    if (written || written.error().sys_errno() != ENOENT) return written;
    BERTH_TRY(make_dirs(context.paths.network_names(endpoint.network_id)));
    return write_atomic(path, bytes);
}

Status erase_names(const Context& context, const std::string& network_id, const std::string& container_id) {
    return remove_file(name_file(context, network_id, container_id));
}

HostResolver parse_resolver(std::string_view text) {
    HostResolver out;
    for (const auto& raw : split(text, '\n')) {
        std::string line = raw.substr(0, raw.find_first_of("#;"));
        std::replace(line.begin(), line.end(), '\t', ' ');
        std::vector<std::string> words;
        for (const auto& word : split(line, ' '))
            if (!trim(word).empty()) words.emplace_back(trim(word));
        if (words.size() < 2) continue;
        const std::vector<std::string> values(words.begin() + 1, words.end());
        if (words[0] == "nameserver") {
            // "fe80::1%eth0": the scope belongs to it.
            const std::string address = values[0].substr(0, values[0].find('%'));
            if (parse_address(address)) out.servers.push_back(values[0]);
        } else if (words[0] == "search" || words[0] == "domain") {
            out.search = values; // the last one counts
        } else if (words[0] == "options") {
            out.options.insert(out.options.end(), values.begin(), values.end());
        }
    }
    // As the C library does when none is named.
    if (out.servers.empty()) out.servers.emplace_back("127.0.0.1");
    return out;
}

Result<HostResolver> host_resolver() {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists("/etc/resolv.conf", 64u << 10));
    return parse_resolver(text ? std::string_view(*text) : std::string_view());
}

} // namespace berth::network
