#include "network/ipam.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <unistd.h>

namespace berth::network {

namespace {

std::vector<Prefix> default_pools() {
    std::vector<Prefix> pools;
    const auto push = [&](std::uint8_t a, std::uint8_t b, std::uint8_t c, unsigned length) {
        IpAddress address;
        address.bytes = {a, b, c, 0};
        pools.push_back({address, length});
    };
    for (unsigned second = 17; second <= 31; ++second)
        push(172, static_cast<std::uint8_t>(second), 0, 16);
    for (unsigned third = 0; third < 256; third += 16)
        push(192, 168, static_cast<std::uint8_t>(third), 20);
    return pools;
}

// 172.17/16 belongs to the default network, as everybody expects, unless nothing else is left.
Result<Prefix> pick_subnet(const NetworkConfig& config, const std::vector<TakenRange>& taken) {
    auto pools = default_pools();
    if (config.name != "bridge") std::rotate(pools.begin(), pools.begin() + 1, pools.end());
    for (const auto& pool : pools)
        if (std::none_of(taken.begin(), taken.end(),
                         [&](const TakenRange& range) { return range.prefix.overlaps(pool); }))
            return pool;
    return fail(
        Error(
            ErrorCode::in_use,
            concat("choose a subnet for the network '", config.name, "': all ", pools.size(),
                   " of the pools 172.17.0.0/12 and 192.168.0.0/16 overlap networks or routes of this host"))
            .hint("give one: ipam.config.subnet in the compose file, or --subnet; `berth network prune` "
                  "removes unused networks"));
}

// RFC 4193: a random global id; here the network's own id, so that it is stable and needs no pool.
Prefix unique_local_prefix(const std::string& network_id) {
    IpAddress address;
    address.v6 = true;
    address.bytes[0] = 0xfd;
    for (std::size_t i = 1; i < 8; ++i)
        address.bytes[i] =
            static_cast<std::uint8_t>(std::strtoul(network_id.substr(2 * (i - 1), 2).c_str(), nullptr, 16));
    return {address, 64};
}

Status check_asked_subnet(const NetworkConfig& config, const Prefix& prefix,
                          const std::vector<TakenRange>& taken) {
    if (const unsigned most = prefix.address.v6 ? 126 : 30; prefix.length > most || prefix.length == 0)
        return fail(ErrorCode::invalid_input,
                    concat("the subnet ", prefix.to_string(), " of the network '", config.name,
                           "' has no room for a gateway and a container"));
    for (const auto& range : taken) {
        if (!range.prefix.overlaps(prefix)) continue;
        // A company's 10.0.0.0/8 behind a gateway does not forbid a subnet inside it: the narrower route
        // wins, and the user asked for it by number.
        if (range.routed_away && range.prefix.length < prefix.length) continue;
        return fail(Error(ErrorCode::in_use,
                          concat("the subnet ", prefix.to_string(), " of the network '", config.name,
                                 "' overlaps ", range.prefix.to_string(), " of ", range.holder))
                        .hint("choose another subnet, or none: then a free one is taken"));
    }
    return {};
}

Status settle_reserved(const NetworkConfig& config, const Prefix& prefix, Subnet& subnet) {
    for (auto& [name, text] : subnet.aux_addresses) {
        BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(text));
        if (!prefix.contains(address))
            return fail(ErrorCode::invalid_input,
                        concat("the auxiliary address ", name, "=", text, " lies outside the subnet ",
                               subnet.subnet, " of the network '", config.name, "'"));
        if (text = address.to_string(); text == subnet.gateway)
            return fail(ErrorCode::in_use, concat("the auxiliary address ", name, "=", text,
                                                  " is the gateway of the network '", config.name, "'"));
    }
    return {};
}

Status settle_range(const NetworkConfig& config, const Prefix& prefix, Subnet& subnet) {
    const auto inside = [&](const Prefix& what) { return prefix.contains(what); };
    if (!subnet.ip_range.empty()) {
        BERTH_ASSIGN_OR_RETURN(const Prefix range, parse_prefix(subnet.ip_range));
        if (!inside(range))
            return fail(ErrorCode::invalid_input,
                        concat("the range ", subnet.ip_range, " lies outside the subnet ", subnet.subnet,
                               " of the network '", config.name, "'"));
    }
    if (subnet.gateway.empty()) {
        subnet.gateway = prefix.at(1).to_string();
        return {};
    }
    BERTH_ASSIGN_OR_RETURN(const IpAddress gateway, parse_address(subnet.gateway));
    if (!prefix.contains(gateway) || gateway == prefix.address)
        return fail(ErrorCode::invalid_input,
                    concat("the gateway ", subnet.gateway, " is not an address of the subnet ", subnet.subnet,
                           " of the network '", config.name, "'"));
    subnet.gateway = gateway.to_string();
    return {};
}

} // namespace

Status settle_subnets(NetworkConfig& config, const std::string& network_id,
                      const std::vector<TakenRange>& taken) {
    if (!config.enable_ipv4 && !config.enable_ipv6)
        return fail(Error(ErrorCode::invalid_input,
                          concat("the network '", config.name, "' has neither IPv4 nor IPv6"))
                        .hint("set enable_ipv6: true (--ipv6) for a network with IPv6 only"));
    bool have4 = false;
    bool have6 = false;
    std::vector<Prefix> own;
    for (auto& subnet : config.subnets) {
        if (subnet.subnet.empty()) {
            // Only a gateway or a range was given: the subnet comes from the pools.
            if (have4 || !config.enable_ipv4)
                return fail(ErrorCode::invalid_input,
                            concat("the network '", config.name, "' has an entry without a subnet"));
            BERTH_ASSIGN_OR_RETURN(const Prefix picked, pick_subnet(config, taken));
            subnet.subnet = picked.to_string();
        }
        BERTH_ASSIGN_OR_RETURN(const Prefix prefix, parse_prefix(subnet.subnet));
        if (!prefix.address.v6 && !config.enable_ipv4)
            return fail(
                Error(ErrorCode::invalid_input, concat("the network '", config.name, "' has the IPv4 subnet ",
                                                       subnet.subnet, ", but enable_ipv4 is false"))
                    .hint("leave one of the two out"));
        bool& have = prefix.address.v6 ? have6 : have4;
        if (have)
            return fail(ErrorCode::unsupported, concat("the network '", config.name, "' has more than one ",
                                                       prefix.address.v6 ? "IPv6" : "IPv4",
                                                       " subnet: a bridge network has at most one of each"));
        have = true;
        subnet.subnet = prefix.to_string();
        BERTH_TRY(check_asked_subnet(config, prefix, taken));
        BERTH_TRY(settle_range(config, prefix, subnet));
        BERTH_TRY(settle_reserved(config, prefix, subnet));
    }
    if (config.enable_ipv4 && !have4) {
        BERTH_ASSIGN_OR_RETURN(const Prefix prefix, pick_subnet(config, taken));
        config.subnets.insert(config.subnets.begin(),
                              Subnet{prefix.to_string(), prefix.at(1).to_string(), {}, {}});
    }
    if (config.enable_ipv6 && !have6) {
        const Prefix prefix = unique_local_prefix(network_id);
        config.subnets.push_back(Subnet{prefix.to_string(), prefix.at(1).to_string(), {}, {}});
    }
    if (have6) config.enable_ipv6 = true;
    return {};
}

Result<std::optional<AddressPool>> address_pool(const NetworkConfig& config, bool v6) {
    for (const auto& subnet : config.subnets) {
        BERTH_ASSIGN_OR_RETURN(const Prefix prefix, parse_prefix(subnet.subnet));
        if (prefix.address.v6 != v6) continue;
        AddressPool pool{prefix, prefix, {}, {}};
        if (!subnet.ip_range.empty()) {
            BERTH_ASSIGN_OR_RETURN(pool.range, parse_prefix(subnet.ip_range));
        }
        BERTH_ASSIGN_OR_RETURN(pool.gateway, parse_address(subnet.gateway));
        for (const auto& [name, text] : subnet.aux_addresses) {
            BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(text));
            pool.reserved.insert(address);
        }
        return std::optional<AddressPool>(pool);
    }
    return std::optional<AddressPool>();
}

namespace {

// Neither the subnet's own name nor its broadcast address can be given to anybody, nor what was set aside.
bool is_usable(const AddressPool& pool, const IpAddress& address) {
    const auto offset = pool.subnet.offset_of(address);
    return offset != 0 && address != pool.gateway && !pool.reserved.contains(address) &&
           (address.v6 || offset != pool.subnet.size() - 1);
}

} // namespace

Result<IpAddress> next_free(const AddressPool& pool, const std::optional<IpAddress>& last,
                            const std::function<bool(const IpAddress&)>& is_taken,
                            const std::string& network_name) {
    const std::uint64_t count = pool.range.size();
    std::uint64_t next = last && pool.range.contains(*last) ? pool.range.offset_of(*last) + 1 : 0;
    // An IPv6 range is never walked through: 2^20 taken in a row would be a broken folder.
    for (std::uint64_t tried = 0; tried < std::min<std::uint64_t>(count, 1u << 20); ++tried, ++next) {
        if (next >= count) next = 0;
        const IpAddress address = pool.range.at(next);
        if (is_usable(pool, address) && !is_taken(address)) return address;
    }
    return fail(
        Error(ErrorCode::in_use, concat("find a free address in ", pool.range.to_string(),
                                        " of the network '", network_name, "': all are taken"))
            .hint(
                "give the network a larger subnet or ip_range (ipam.config in the compose file, --subnet)"));
}

namespace {

// What the symlink of an address says. Half the digits are enough to tell containers apart, and a text below
// 60 bytes lies in the inode itself on ext4: a whole id would cost a block, and 0.3 ms to free it.
std::string holder_mark(const std::string& container_id) {
    return container_id.substr(0, 32);
}

std::string address_path(const Store& store, const std::string& network_id, const std::string& address) {
    return concat(store.folder(network_id), "/addresses/", address);
}

// true: taken for this container (now or before).
Result<bool> try_take(const Store& store, const Endpoint& endpoint, const IpAddress& address) {
    const std::string path = address_path(store, endpoint.network_id, address.to_string());
    const std::string mark = holder_mark(endpoint.container_id);
    if (::symlink(mark.c_str(), path.c_str()) == 0) return true;
    if (errno == ENOENT) {
        BERTH_TRY(make_dirs(store.folder(endpoint.network_id) + "/addresses"));
        if (::symlink(mark.c_str(), path.c_str()) == 0) return true;
    }
    if (errno != EEXIST) return fail_errno(concat("take the address '", path, "'"));
    const auto holder = read_link(path);
    return holder && *holder == mark;
}

std::string holder_name(const Store& store, const Endpoint& endpoint, const std::string& address) {
    const auto holder = read_link(address_path(store, endpoint.network_id, address));
    const auto leases = store.leases(endpoint.network_id);
    if (!holder || !leases) return "another container";
    for (const auto& lease : *leases)
        if (holder_mark(lease.container_id) == *holder && !lease.container_name.empty())
            return concat("the container ", lease.container_name);
    return concat("the container ", holder->substr(0, 12));
}

Result<IpAddress> take_asked(const Store& store, const Endpoint& endpoint, const AddressPool& pool,
                             const std::string& asked) {
    BERTH_ASSIGN_OR_RETURN(const IpAddress address, parse_address(asked));
    if (pool.reserved.contains(address))
        return fail(ErrorCode::in_use, concat("the address ", asked, " of the network '",
                                              endpoint.network_name, "' is set aside (aux_addresses)"));
    if (!pool.subnet.contains(address) || !is_usable(pool, address))
        return fail(ErrorCode::invalid_input,
                    concat("the address ", asked, " cannot be given: the network '", endpoint.network_name,
                           "' is ", pool.subnet.to_string(), " with the gateway ", pool.gateway.to_string()));
    BERTH_ASSIGN_OR_RETURN(const bool taken, try_take(store, endpoint, address));
    if (!taken)
        return fail(ErrorCode::in_use,
                    concat("the address ", asked, " of the network '", endpoint.network_name, "' is held by ",
                           holder_name(store, endpoint, address.to_string())));
    return address;
}

Status remember_last(const std::string& path, const IpAddress& address) {
    const std::string temporary = path + ".tmp"; // under the network's lock: one writer
    ::unlink(temporary.c_str());
    if (::symlink(address.to_string().c_str(), temporary.c_str()) != 0 ||
        ::rename(temporary.c_str(), path.c_str()) != 0)
        return fail_errno(concat("write '", path, "'"));
    return {};
}

Result<IpAddress> take_next(const Store& store, const Endpoint& endpoint, const AddressPool& pool) {
    const std::string last_path =
        concat(store.folder(endpoint.network_id), pool.subnet.address.v6 ? "/last6" : "/last4");
    std::optional<IpAddress> last;
    if (const auto text = read_link(last_path)) {
        if (const auto parsed = parse_address(*text)) last = *parsed;
    }
    Status status;
    const auto is_taken = [&](const IpAddress& address) {
        auto taken = try_take(store, endpoint, address);
        if (!taken) status = fail(std::move(taken).error());
        return status && !*taken;
    };
    BERTH_ASSIGN_OR_RETURN(const IpAddress address, next_free(pool, last, is_taken, endpoint.network_name));
    BERTH_TRY(status);
    BERTH_TRY(remember_last(last_path, address));
    return address;
}

Result<IpAddress> take_one(const Store& store, const Endpoint& endpoint, const AddressPool& pool,
                           const std::string& asked, const std::string& preferred) {
    if (!asked.empty()) return take_asked(store, endpoint, pool, asked);
    if (!preferred.empty()) {
        const auto address = parse_address(preferred);
        if (address && pool.subnet.contains(*address) && is_usable(pool, *address)) {
            BERTH_ASSIGN_OR_RETURN(const bool taken, try_take(store, endpoint, *address));
            if (taken) return *address;
        }
    }
    return take_next(store, endpoint, pool);
}

} // namespace

Status take_addresses(const Store& store, const Network& network, const EndpointRequest& request,
                      Endpoint& endpoint) {
    BERTH_ASSIGN_OR_RETURN(const auto pool4, address_pool(network.config, false));
    BERTH_ASSIGN_OR_RETURN(const auto pool6, address_pool(network.config, true));
    if (!request.ipv6.empty() && !pool6)
        return fail(Error(ErrorCode::invalid_input,
                          concat("the address ", request.ipv6, " was asked for, but the network '",
                                 network.config.name, "' has no IPv6"))
                        .hint("set enable_ipv6: true on the network"));
    if (!request.ipv4.empty() && !pool4)
        return fail(Error(ErrorCode::invalid_input,
                          concat("the address ", request.ipv4, " was asked for, but the network '",
                                 network.config.name, "' has no IPv4"))
                        .hint("leave enable_ipv4: false out of the network"));
    // A damaged lease is written anew: it must not keep its container from starting.
    const auto lease = store.lease(network.id, endpoint.container_id);
    const auto before = lease ? *lease : std::nullopt;
    if (pool4) {
        const std::string preferred = before ? before->ipv4 : request.preferred_ipv4;
        BERTH_ASSIGN_OR_RETURN(const IpAddress address,
                               take_one(store, endpoint, *pool4, request.ipv4, preferred));
        endpoint.ipv4 = address.to_string();
        endpoint.ipv4_prefix = pool4->subnet.length;
        endpoint.gateway = network.config.internal ? "" : pool4->gateway.to_string();
        endpoint.mac = mac_of(address);
    }
    if (pool6) {
        auto address = take_one(store, endpoint, *pool6, request.ipv6, before ? before->ipv6 : std::string());
        if (!address) {
            (void)give_back_addresses(store, endpoint);
            return fail(std::move(address).error());
        }
        endpoint.ipv6 = address->to_string();
        endpoint.ipv6_prefix = pool6->subnet.length;
        endpoint.gateway6 = network.config.internal ? "" : pool6->gateway.to_string();
        if (endpoint.mac.empty()) endpoint.mac = mac_of(*address);
    }
    if (!request.mac.empty()) endpoint.mac = to_lower(request.mac);
    return {};
}

Status give_back_addresses(const Store& store, const Endpoint& endpoint) {
    ErrorList failed;
    for (const auto& address : {endpoint.ipv4, endpoint.ipv6}) {
        if (address.empty()) continue;
        const std::string path = address_path(store, endpoint.network_id, address);
        const auto holder = read_link(path);
        if (holder && *holder == holder_mark(endpoint.container_id)) failed.push(remove_file(path));
    }
    return std::move(failed).take();
}

Status drop_orphan_addresses(const Store& store, const std::string& network_id) {
    BERTH_ASSIGN_OR_RETURN(const auto addresses, list_dir(store.folder(network_id) + "/addresses"));
    BERTH_ASSIGN_OR_RETURN(const auto holders, store.lease_holders(network_id));
    std::set<std::string> marks;
    for (const auto& holder : holders)
        marks.insert(holder_mark(holder));
    for (const auto& address : addresses) {
        const std::string path = address_path(store, network_id, address);
        const auto mark = read_link(path);
        if (!mark || marks.count(*mark) == 0) BERTH_TRY(remove_file(path));
    }
    return {};
}

std::string mac_of(const IpAddress& address) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string mac = "02:42";
    for (std::size_t i = address.size() - 4; i < address.size(); ++i) {
        mac += ':';
        mac += digits[address.bytes[i] >> 4];
        mac += digits[address.bytes[i] & 15u];
    }
    return mac;
}

Status check_mac(const std::string& text) {
    bool good = text.size() == 17;
    for (std::size_t i = 0; good && i < text.size(); ++i) {
        const char c = text[i];
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        good = i % 3 == 2 ? c == ':' || c == '-' : digit;
    }
    // The lowest bit of the first byte marks a group address: no interface can have one.
    if (good && (std::stoi(text.substr(0, 2), nullptr, 16) & 1) == 0) return {};
    return fail(
        Error(ErrorCode::invalid_input, concat("'", text, "' is not a hardware address of an interface"))
            .hint("six bytes, the first one even, for example 02:42:ac:11:00:02"));
}

} // namespace berth::network
