#include "runtime/monitor/names/zone.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/wire.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <sys/stat.h>

namespace berth::monitor::names {

namespace {

constexpr std::size_t k_most_record = 64u << 10;
// Two changes within one tick of the kernel's coarse clock have one mtime (up to 10 ms at HZ=100).
constexpr std::int64_t k_settle_ns = 50'000'000;

std::string address_bytes(int family, const std::string& text) {
    char bytes[16];
    if (text.empty() || ::inet_pton(family, text.c_str(), bytes) != 1) return {};
    return {bytes, family == AF_INET ? 4u : 16u};
}

void add_unique(std::vector<std::string>& list, const std::string& value) {
    if (!value.empty() && std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

} // namespace

Zone::Zone(const NamesPlan& plan) : links_(plan.links) {
    for (std::size_t i = 0; i < plan.folders.size(); ++i) {
        Network network;
        network.folder = plan.folders[i];
        if (i < plan.networks.size()) network.name = to_lower(plan.networks[i]);
        networks_.push_back(std::move(network));
    }
}

void Zone::refresh(Network& network) {
    struct stat info {};
    if (::stat(network.folder.c_str(), &info) != 0) {
        network.names.clear();
        network.reverse.clear();
        network.mtime_ns = -1;
        return;
    }
    const std::int64_t mtime = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
    if (mtime == network.mtime_ns && network.settled) return;
    const WallTime now = wall_now();
    network.settled = now.seconds * 1'000'000'000 + now.nanoseconds - mtime > k_settle_ns;
    network.mtime_ns = mtime;
    network.names.clear();
    network.reverse.clear();
    const auto files = list_dir(network.folder);
    if (!files) return;
    for (const auto& file : *files) {
        if (file.starts_with('.')) continue; // being written
        const auto bytes = read_file(join_path(network.folder, file), k_most_record);
        if (!bytes) continue;
        if (const auto record = from_wire<NameRecord>(*bytes)) add(network, *record);
    }
}

void Zone::add(Network& network, const NameRecord& record) const {
    const std::string v4 = address_bytes(AF_INET, record.ipv4);
    const std::string v6 = address_bytes(AF_INET6, record.ipv6);
    for (const auto& name : record.names) {
        Entry& entry = network.names[to_lower(name)];
        add_unique(entry.v4, v4);
        add_unique(entry.v6, v6);
    }
    const std::string full =
        network.name.empty() ? record.container_name : concat(record.container_name, ".", network.name);
    for (const auto& address : {v4, v6})
        if (!address.empty()) network.reverse.emplace(address, full);
}

const Zone::Entry* Zone::find(const Network& network, const std::string& name) const {
    if (const auto found = network.names.find(name); found != network.names.end()) return &found->second;
    // "web.shop_front": the name, then the network it is to be found on.
    const std::size_t suffix = network.name.size() + 1;
    if (network.name.empty() || name.size() <= suffix || !name.ends_with(network.name) ||
        name[name.size() - suffix] != '.')
        return nullptr;
    const auto found = network.names.find(name.substr(0, name.size() - suffix));
    return found == network.names.end() ? nullptr : &found->second;
}

void Zone::append(std::vector<Answer>& out, std::uint16_t type, const std::vector<std::string>& addresses) {
    for (std::size_t i = 0; i < addresses.size(); ++i)
        out.push_back({type, addresses[(i + turn_) % addresses.size()]});
}

Zone::Found Zone::look_up(const Query& query) {
    Found found;
    if (query.qclass != k_class_in || query.name.empty()) return found;
    for (auto& network : networks_)
        refresh(network);
    if (query.type == k_type_ptr) {
        const auto address = reverse_address(query.name);
        if (!address) return found;
        for (const auto& network : networks_) {
            const auto entry = network.reverse.find(*address);
            if (entry == network.reverse.end()) continue;
            found.known = true;
            if (const auto data = encode_name(entry->second); !data.empty())
                found.answers.push_back({k_type_ptr, data});
            return found;
        }
        return found;
    }
    const auto link = links_.find(query.name);
    const std::string& name = link == links_.end() ? query.name : link->second;
    for (const auto& network : networks_) {
        const Entry* entry = find(network, name);
        if (entry == nullptr) continue;
        found.known = true;
        ++turn_;
        if (query.type == k_type_a || query.type == k_type_any) append(found.answers, k_type_a, entry->v4);
        if (query.type == k_type_aaaa || query.type == k_type_any)
            append(found.answers, k_type_aaaa, entry->v6);
        return found;
    }
    return found;
}

} // namespace berth::monitor::names
