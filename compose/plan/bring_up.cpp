#include "compose/plan/bring_up.hpp"

#include "compose/plan/settle_mounts.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/container_dir.hpp"
#include "volumes/volumes.hpp"

#include <set>

namespace berth::compose {

namespace {

constexpr const char* k_default_network = "bridge";

bool is_live(const runtime::ContainerState& state) {
    using State = decltype(state.status);
    return state.status == State::running || state.status == State::paused ||
           state.status == State::restarting || state.status == State::starting;
}

Result<std::vector<network::EndpointRequest>> endpoint_requests(const runtime::ContainerSpec& spec) {
    std::vector<network::EndpointRequest> out;
    Status status;
    JsonReader::decode(spec.network.endpoint_requests, out, "network.endpointRequests", status);
    if (!status)
        return fail(std::move(status).error().context(concat("read the networks of container ", spec.name)));
    return out;
}

// What /etc/hosts says of the container itself.
void add_hosts(const runtime::ContainerSpec& spec, const network::Connection& connection,
               runtime::StartNetwork& out) {
    auto names = spec.hostname.empty() ? short_id(spec.id) : spec.hostname;
    if (!spec.domainname.empty()) names = concat(names, ".", spec.domainname, " ", names);
    for (const auto& endpoint : connection.endpoints) {
        if (!endpoint.ipv4.empty()) out.hosts.emplace_back(endpoint.ipv4, names);
        if (!endpoint.ipv6.empty()) out.hosts.emplace_back(endpoint.ipv6, names);
    }
}

Result<runtime::StartNetwork> start_network(const runtime::ContainerSpec& spec,
                                            network::Connection connection) {
    runtime::StartNetwork out;
    add_hosts(spec, connection, out);
    out.names.serve = !connection.name_folders.empty();
    out.names.folders = std::move(connection.name_folders);
    out.names.networks = std::move(connection.network_names);
    out.names.forward = !connection.internal_only;
    out.names.links = links_of(spec);
    if (!spec.network.dns.empty()) {
        out.names.upstream = spec.network.dns;
    } else {
        BERTH_ASSIGN_OR_RETURN(auto resolver, network::host_resolver());
        out.names.upstream = std::move(resolver.servers);
    }
    out.name_files = std::move(connection.name_files);
    out.netns = std::move(connection.netns);
    for (const auto& relay : connection.relays)
        out.relays.push_back({static_cast<std::int64_t>(relay.reservation), relay.protocol == "udp",
                              relay.address, relay.container_port});
    out.port_reservations = std::move(connection.reservations);
    return out;
}

std::vector<std::string> anonymous_volumes(const runtime::ContainerSpec& spec) {
    std::vector<std::string> out;
    for (const auto& mount : spec.mounts)
        if (mount.kind == runtime::MountKind::volume && mount.anonymous) out.push_back(mount.name);
    return out;
}

// The wiring of a container that has ended. Empty: it is gone, because `run --rm`, `stop` and the monitor's
// exit command all take down what it leaves, whoever comes first.
Lookup<FileLock> lock_ended(const Context& context, const std::string& id) {
    auto lock = lock_wiring(context, id);
    if (!path_exists(context.paths.container(id))) return std::optional<FileLock>{};
    if (!lock) return fail(std::move(lock).error());
    return std::optional(std::move(*lock));
}

// Ports and names of a container that has ended; true: it was to remove itself then.
Result<bool> take_down_wiring(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto wiring, lock_ended(context, id));
    const auto container = runtime::read_container(context, id);
    // Its record is gone: so goes the rest.
    if (!wiring || (!container && container.error().code() == ErrorCode::not_found)) {
        BERTH_TRY(network::release(context, id));
        return false;
    }
    if (container && is_live(container->state)) return false; // started again
    BERTH_TRY(network::disconnect(context, id));
    return container && container->spec.auto_remove;
}

// Not those that another container than `id` has by --volumes-from, or has taken over.
Result<std::vector<std::string>> without_used(const Context& context, std::vector<std::string> names,
                                              const std::string& id) {
    if (names.empty()) return names;
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    std::set<std::string> used;
    for (const auto& container : containers)
        for (const auto& mount : container.spec.mounts)
            if (container.spec.id != id && mount.kind == runtime::MountKind::volume) used.insert(mount.name);
    std::erase_if(names, [&](const std::string& name) { return used.contains(name); });
    return names;
}

} // namespace

std::map<std::string, std::string> links_of(const runtime::ContainerSpec& spec) {
    std::map<std::string, std::string> out;
    for (const auto& link : spec.network.links) {
        const auto colon = link.find(':');
        if (colon != std::string::npos)
            out[to_lower(link.substr(colon + 1))] = to_lower(link.substr(0, colon));
    }
    return out;
}

Result<std::optional<network::ConnectRequest>> connect_request(const runtime::Container& container,
                                                               const StartOptions& options) {
    const auto& spec = container.spec;
    if (spec.network.mode != "bridge") return std::optional<network::ConnectRequest>{};
    network::ConnectRequest request;
    request.container_id = spec.id;
    request.container_name = spec.name;
    BERTH_ASSIGN_OR_RETURN(request.endpoints, endpoint_requests(spec));
    for (auto& endpoint : request.endpoints)
        if (const auto kept = options.preferred_ipv4.find(endpoint.network);
            kept != options.preferred_ipv4.end())
            endpoint.preferred_ipv4 = kept->second;
    for (const auto& port : spec.network.asked_ports)
        request.ports.push_back(
            {port.host_ip, port.host_port, port.container_port, port.protocol, port.host_port_end});
    return std::optional(std::move(request));
}

Result<runtime::ContainerState> start_connected(const Context& context, const runtime::Container& container,
                                                std::optional<network::Connection> connection,
                                                const StartOptions& options, const FileLock& wiring) {
    const auto& spec = container.spec;
    const bool connected = connection.has_value();
    const auto start = [&]() -> Result<runtime::ContainerState> {
        runtime::StartNetwork network;
        if (connected) {
            BERTH_ASSIGN_OR_RETURN(network, start_network(spec, std::move(*connection)));
        }
        network.lock = wiring.fd();
        return runtime::start(context, spec.id, std::move(network), options.attach, options.attachment,
                              options.watch);
    };
    auto state = start();
    if (!state && connected)
        if (const auto undone = network::disconnect(context, spec.id); !undone)
            log::warn("{}", undone.error().to_string());
    return state;
}

Result<runtime::ContainerState> start_container(const Context& context, const std::string& id,
                                                const StartOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto wiring, lock_wiring(context, id));
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::read_container(context, id));
    if (is_live(container.state)) return container.state;
    BERTH_ASSIGN_OR_RETURN(auto request, connect_request(container, options));
    if (!request) return start_connected(context, container, std::nullopt, options, wiring);
    for (const auto& endpoint : request->endpoints)
        if (endpoint.network == k_default_network) BERTH_TRY(network::ensure_default(context));
    BERTH_ASSIGN_OR_RETURN(auto connection, network::connect(context, *request));
    return start_connected(context, container, std::move(connection), options, wiring);
}

Result<runtime::ContainerState> stop_container(const Context& context, const std::string& id,
                                               const runtime::StopOptions& options) {
    runtime::Aftermath aftermath;
    BERTH_ASSIGN_OR_RETURN(auto state, runtime::stop(context, id, options, &aftermath));
    BERTH_TRY(container_exited(context, id));
    aftermath.done(true);
    return state;
}

Result<runtime::ContainerState> restart_container(const Context& context, const std::string& id,
                                                  const runtime::StopOptions& options) {
    // Also one that is to remove itself: it has not ended for good.
    runtime::Aftermath aftermath;
    BERTH_TRY(runtime::stop(context, id, options, &aftermath));
    BERTH_TRY(take_down_wiring(context, id));
    aftermath.done(true);
    return start_container(context, id);
}

void sweep_leftovers(const Context& context) {
    const auto tell = [&](const Status& status) {
        if (!status) context.progress->warn(status.error().to_string());
    };
    tell(network::remove_leftovers(context));
    runtime::sweep_unfinished(context);
    runtime::sweep_names(context);
    tell(volumes::remove_abandoned(context));
    tell(sweep_content(context));
}

Status remove_container(const Context& context, const std::string& id, bool force, bool anonymous) {
    return remove_containers(context, {id}, force, anonymous);
}

Status remove_unwired(const Context& context, const std::string& id, bool force, bool anonymous,
                      runtime::Aftermath* aftermath) {
    std::vector<std::string> orphans;
    if (path_exists(context.paths.container(id))) {
        if (anonymous)
            // A record that cannot be read must still be removable.
            if (const auto container = runtime::read_or_salvage(context, id)) {
                BERTH_ASSIGN_OR_RETURN(orphans,
                                       without_used(context, anonymous_volumes(container->spec), id));
            }
        // A kill between the record's end and theirs must not leave volumes that nobody knows of. On a full
        // disk there is no room for that note, and removing is what makes room.
        for (const auto& name : orphans)
            (void)volumes::unsettle(context, name);
        if (auto removed = runtime::remove(context, id, force, aftermath);
            !removed && removed.error().code() != ErrorCode::not_found) {
            for (const auto& name : orphans)
                (void)volumes::settle(context, name);
            return removed;
        }
    }
    ErrorList failed;
    failed.push(remove_tree(content_dir(context, id)));
    // Gone already: `run --rm` and the monitor's exit command both clean up, whoever comes first.
    for (const auto& name : orphans)
        if (auto removed = volumes::remove(context, name);
            !removed && removed.error().code() != ErrorCode::not_found)
            failed.push(std::move(removed));
    return std::move(failed).take();
}

Status remove_containers(const Context& context, const std::vector<std::string>& ids, bool force,
                         bool anonymous) {
    ErrorList failed;
    std::vector<std::string> gone;
    std::vector<runtime::Aftermath> aftermaths;
    for (const auto& id : ids) {
        auto removed = remove_unwired(context, id, force, anonymous, &aftermaths.emplace_back());
        // What is still there keeps its addresses.
        if (removed || !path_exists(context.paths.container(id))) gone.push_back(id);
        failed.push(std::move(removed));
    }
    if (!gone.empty()) failed.push(network::release_all(context, gone));
    auto status = std::move(failed).take();
    if (status)
        for (auto& aftermath : aftermaths)
            aftermath.done(true);
    return status;
}

Result<FileLock> lock_wiring(const Context& context, const std::string& id) {
    return FileLock::acquire(join_path(context.paths.container(id), "wiring.lock"));
}

Status container_exited(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const bool auto_remove, take_down_wiring(context, id));
    return auto_remove ? remove_container(context, id, false, true) : Status();
}

} // namespace berth::compose
