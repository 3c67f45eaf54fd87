#include "network/networks.hpp"

#include "network/firewall.hpp"
#include "network/host_state.hpp"
#include "network/ipam.hpp"
#include "network/link.hpp"
#include "network/network_options.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/base/sha256.hpp"

#include <algorithm>
#include <linux/netlink.h>

namespace berth::network {

namespace {

Status check_config(const NetworkConfig& config) {
    BERTH_TRY(check_name(config.name, "network"));
    if (config.name == "host" || config.name == "none" || config.name == "default" ||
        config.name == "container")
        return fail(ErrorCode::invalid_input,
                    concat("'", config.name, "' cannot be a network's name: it stands for a network mode"));
    if (config.driver != "bridge")
        return fail(
            Error(ErrorCode::unsupported,
                  concat("the network '", config.name, "' asks for the driver '", config.driver, "'"))
                .hint("bridge is the one there is; containers can also use the network modes host and none"));
    return check_network_options(config);
}

Result<std::vector<TakenRange>> taken_ranges(nl_sock* socket, const std::vector<Network>& networks) {
    std::vector<TakenRange> taken;
    for (const auto& network : networks)
        for (const auto& subnet : network.config.subnets)
            if (const auto prefix = parse_prefix(subnet.subnet))
                taken.push_back({*prefix, concat("the network '", network.config.name, "'"), false});
    BERTH_ASSIGN_OR_RETURN(const auto ranges, host_ranges(socket));
    for (const auto& range : ranges)
        taken.push_back({range.prefix, concat("this host's interface ", range.interface), range.via_gateway});
    return taken;
}

Status settle_bridge(nl_sock* socket, Network& network, const std::vector<Network>& others) {
    network.bridge = option_of(network.config, k_bridge_name);
    if (network.bridge.empty()) network.bridge = bridge_name(network.id);
    for (const auto& other : others)
        if (other.bridge == network.bridge)
            return fail(ErrorCode::in_use, concat("the bridge ", network.bridge, " belongs to the network '",
                                                  other.config.name, "'"));
    if (const auto mtu = option_of(network.config, k_mtu); !mtu.empty()) {
        BERTH_ASSIGN_OR_RETURN(network.mtu, parse_integer(mtu));
        return {};
    }
    // A tunnel or a cloud's network below 1500: larger packets of the containers would vanish there. Never
    // above 1500: a jumbo frame that is too large for the next hop vanishes as well.
    BERTH_ASSIGN_OR_RETURN(const unsigned mtu, default_route_mtu(socket));
    network.mtu = mtu > 0 && mtu < 1500 ? mtu : 1500;
    return {};
}

// Callers hold lock_all(). The folder goes last: as long as something of the network is left, so is its
// trace.
Status take_down(const Store& store, const Network& network) {
    ErrorList failed;
    failed.push(store.retire(network.id));
    const auto socket = open_netlink(NETLINK_ROUTE);
    if (socket)
        failed.push(remove_links(socket->get(), network));
    else
        failed.push(socket.error());
    failed.push(Firewall(store).remove_network(network));
    failed.push(store.erase(network.id));
    return std::move(failed).take();
}

Status remove_leftovers_locked(const Store& store) {
    BERTH_ASSIGN_OR_RETURN(const auto leftovers, store.leftovers());
    ErrorList failed;
    for (const auto& network : leftovers)
        failed.push(take_down(store, network));
    return std::move(failed).take();
}

std::string predefined_id(const Context& context, const std::string& name) {
    return sha256_hex(concat(context.paths.exec_root(), "\n", context.paths.data_root(), "\n", name));
}

// Callers hold lock_all().
Result<Network> create_locked(const Store& store, std::string id, NetworkConfig config) {
    BERTH_ASSIGN_OR_RETURN(const auto others, store.list());
    for (const auto& other : others)
        if (other.config.name == config.name)
            return fail(ErrorCode::already_exists,
                        concat("a network with the name '", config.name, "' exists already"));
    BERTH_ASSIGN_OR_RETURN(const NlSocket socket, open_netlink(NETLINK_ROUTE));
    Network network;
    network.id = std::move(id);
    network.created_at = to_rfc3339(wall_now());
    BERTH_ASSIGN_OR_RETURN(const auto taken, taken_ranges(socket.get(), others));
    BERTH_TRY(settle_subnets(config, network.id, taken));
    network.config = std::move(config);
    BERTH_TRY(settle_bridge(socket.get(), network, others));

    Rollback undo;
    const Firewall firewall(store);
    undo.add([&] {
        (void)store.erase(network.id);
        (void)firewall.remove_network(network);
    });
    BERTH_TRY(
        firewall.add_network(network)); // with its record, before the bridge is up: no open window (S77)
    undo.add([&] { (void)remove_links(socket.get(), network); });
    BERTH_TRY(ensure_forwarding(network.config.enable_ipv6));
    BERTH_ASSIGN_OR_RETURN([[maybe_unused]] const bool made, ensure_bridge(socket.get(), network));
    undo.commit();
    return network;
}

} // namespace

Result<Network> create(const Context& context, NetworkConfig config) {
    BERTH_TRY(check_config(config));
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    BERTH_TRY(remove_leftovers_locked(store));
    // "bridge" is listed before it is made: it keeps the id that was shown.
    auto id = is_predefined(config.name) ? predefined_id(context, config.name) : make_id();
    auto created = create_locked(store, std::move(id), config);
    if (!created)
        return fail(std::move(created).error().context(concat("create the network '", config.name, "'")));
    return created;
}

Lookup<Network> find(const Context& context, const std::string& name_or_id) {
    return Store(context).find(name_or_id);
}

Result<Network> get(const Context& context, const std::string& name_or_id) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(auto found, store.find(name_or_id));
    if (found) return std::move(*found);
    Error error(ErrorCode::not_found, concat("there is no network '", name_or_id, "'"));
    std::vector<std::string> names;
    if (const auto networks = store.list())
        for (const auto& network : *networks)
            names.push_back(network.config.name);
    if (const auto near = nearest_word(name_or_id, names); !near.empty())
        error.hint(concat("did you mean '", near, "'?"));
    return fail(std::move(error));
}

Result<std::vector<Network>> list(const Context& context) {
    return Store(context).list();
}

Status remove(const Context& context, const std::string& id) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    BERTH_ASSIGN_OR_RETURN(const Network network, get(context, id));
    {
        BERTH_ASSIGN_OR_RETURN(const FileLock addresses, store.lock_network(network.id));
        BERTH_ASSIGN_OR_RETURN(const auto holders, store.leases(network.id));
        if (!holders.empty()) {
            std::vector<std::string> names;
            for (const auto& holder : holders)
                names.push_back(holder.container_name.empty() ? short_id(holder.container_id)
                                                              : holder.container_name);
            return fail(Error(ErrorCode::in_use, concat("the network '", network.config.name, "' is used by ",
                                                        join(names, ", ")))
                            .hint("remove these containers first, or disconnect them"));
        }
        BERTH_TRY(store.retire(network.id)); // no new address from here on
    }
    return take_down(store, network);
}

Status remove_leftovers(const Context& context) {
    if (!is_directory(context.paths.networks())) return {};
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    return remove_leftovers_locked(store);
}

bool is_predefined(const std::string& name) {
    return name == "bridge" || name == "host" || name == "none";
}

Result<std::vector<Network>> predefined(const Context& context) {
    std::vector<Network> out;
    BERTH_ASSIGN_OR_RETURN(const auto made, Store(context).find("bridge"));
    for (const auto* name : {"bridge", "host", "none"}) {
        Network network;
        network.config.name = name;
        if (network.config.name == "bridge" && made) continue;
        if (network.config.name != "bridge")
            network.config.driver = network.config.name == "none" ? "null" : "host";
        network.id = predefined_id(context, name);
        network.created_at = "0001-01-01T00:00:00Z";
        out.push_back(std::move(network));
    }
    return out;
}

Result<Network> ensure_default(const Context& context) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(auto found, store.find("bridge"));
    if (found) return std::move(*found);
    NetworkConfig config;
    config.name = "bridge";
    auto created = create(context, std::move(config));
    if (created || created.error().code() != ErrorCode::already_exists) return created;
    return get(context, "bridge"); // another command was quicker
}

Result<std::vector<Endpoint>> endpoints(const Context& context, const std::string& network_id) {
    return Store(context).leases(network_id);
}

} // namespace berth::network
