#include "compose/cli/network_membership.hpp"

#include "compose/plan/bring_up.hpp"
#include "network/attach.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/base/wire.hpp"

#include <algorithm>
#include <fcntl.h>
#include <set>

namespace berth::cli {

namespace {

Result<std::vector<network::EndpointRequest>> requests_of(const runtime::ContainerSpec& spec) {
    std::vector<network::EndpointRequest> out;
    if (const auto* list = spec.network.endpoint_requests.as_array())
        for (const auto& entry : *list) {
            BERTH_ASSIGN_OR_RETURN(auto request, from_json<network::EndpointRequest>(entry));
            out.push_back(std::move(request));
        }
    return out;
}

Status write_requests(const Context& context, runtime::ContainerSpec spec,
                      const std::vector<network::EndpointRequest>& requests) {
    spec.network.endpoint_requests = Json::array();
    for (const auto& request : requests)
        spec.network.endpoint_requests.push(to_json(request));
    const auto path = join_path(context.paths.container(spec.id), "spec.json");
    return write_atomic(path, to_json(spec).to_text(), 0600, Durability::durable);
}

bool is_running(const runtime::ContainerState& state) {
    return state.status == runtime::Status::running || state.status == runtime::Status::paused;
}

Result<Fd> network_namespace(const runtime::Container& container) {
    return open_file(concat("/proc/", container.state.process.pid, "/ns/net"), O_RDONLY);
}

// The monitor serves names from the folders it was told of: told anew, in the present order of networks.
Status tell_monitor(const Context& context, const runtime::Container& container) {
    BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints_of(context, container.spec.id));
    BERTH_ASSIGN_OR_RETURN(const auto resolver, network::host_resolver());
    monitor::Request request;
    request.kind = monitor::RequestKind::update_names;
    request.names.serve = !endpoints.empty();
    request.names.upstream =
        container.spec.network.dns.empty() ? resolver.servers : container.spec.network.dns;
    bool internal_only = !endpoints.empty();
    for (const auto& endpoint : endpoints) {
        const auto folder = context.paths.network_names(endpoint.network_id);
        request.names.folders.push_back(folder);
        request.names.networks.push_back(endpoint.network_name);
        request.name_files.push_back(join_path(folder, container.spec.id));
        BERTH_ASSIGN_OR_RETURN(const auto network, network::find(context, endpoint.network_id));
        internal_only = internal_only && network && network->config.internal;
    }
    request.names.forward = !internal_only;
    request.names.links = compose::links_of(container.spec);
    BERTH_ASSIGN_OR_RETURN(const auto socket,
                           connect_unix(context.paths.container_exec(container.spec.id), "control.sock"));
    if (!socket) return {}; // it has ended meanwhile
    BERTH_TRY(send_packet(socket->get(), to_wire(request)));
    BERTH_ASSIGN_OR_RETURN(const auto answer, receive_packet(socket->get()));
    if (!answer) return {};
    BERTH_ASSIGN_OR_RETURN(const auto ack, from_wire<monitor::Ack>(answer->bytes));
    if (!ack.ok)
        return fail(ErrorCode::failed,
                    concat("tell container ", container.spec.name, " its new names: ", ack.message));
    return {};
}

bool asks_for(const network::EndpointRequest& request, const network::Network& network) {
    return request.network == network.config.name || request.network == network.id;
}

} // namespace

Status connect_container(const Context& context, const std::string& name, const network::Network& network,
                         const network::EndpointRequest& request) {
    BERTH_ASSIGN_OR_RETURN(const auto found, runtime::get_container(context, name));
    BERTH_ASSIGN_OR_RETURN(const auto lock, runtime::lock_container(context, found.spec.id));
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::read_container(context, found.spec.id));
    if (container.spec.network.mode != "bridge")
        return fail(ErrorCode::invalid_input,
                    concat("container ", container.spec.name, " uses the network of '",
                           container.spec.network.mode, "': it can't be connected to others"));
    BERTH_ASSIGN_OR_RETURN(auto requests, requests_of(container.spec));
    if (std::any_of(requests.begin(), requests.end(), [&](const auto& r) { return asks_for(r, network); }))
        return fail(ErrorCode::already_exists, concat("container ", container.spec.name, " is on network ",
                                                      network.config.name, " already"));
    requests.push_back(request);
    if (is_running(container.state)) {
        BERTH_ASSIGN_OR_RETURN(const auto netns, network_namespace(container));
        BERTH_TRY(network::join(context, netns.get(), container.spec.id, container.spec.name, request));
    }
    BERTH_TRY(write_requests(context, container.spec, requests));
    return is_running(container.state) ? tell_monitor(context, container) : Status();
}

Status disconnect_container(const Context& context, const std::string& name,
                            const network::Network& network) {
    BERTH_ASSIGN_OR_RETURN(const auto found, runtime::get_container(context, name));
    BERTH_ASSIGN_OR_RETURN(const auto lock, runtime::lock_container(context, found.spec.id));
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::read_container(context, found.spec.id));
    BERTH_ASSIGN_OR_RETURN(auto requests, requests_of(container.spec));
    if (std::erase_if(requests, [&](const auto& r) { return asks_for(r, network); }) == 0)
        return fail(ErrorCode::not_found,
                    concat("container ", container.spec.name, " is not on network ", network.config.name));
    if (is_running(container.state)) {
        BERTH_ASSIGN_OR_RETURN(const auto netns, network_namespace(container));
        BERTH_TRY(network::leave(context, netns.get(), container.spec.id, network.id));
    }
    BERTH_TRY(write_requests(context, container.spec, requests));
    return is_running(container.state) ? tell_monitor(context, container) : Status();
}

Result<std::vector<std::string>> prune_networks(const Context& context, const PruneFilter& filter) {
    compose::sweep_leftovers(context);
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    std::set<std::string> wanted;
    for (const auto& container : containers)
        for (const auto& name : network_names_of(container))
            wanted.insert(name);
    BERTH_ASSIGN_OR_RETURN(const auto networks, network::list(context));
    std::vector<std::string> removed;
    for (const auto& network : networks) {
        if (network.config.name == "bridge" || wanted.count(network.config.name) > 0 ||
            wanted.count(network.id) > 0)
            continue;
        if (!filter.takes(network.config.labels, network.created_at)) continue;
        BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints(context, network.id));
        if (!endpoints.empty()) continue;
        BERTH_TRY(network::remove(context, network.id));
        removed.push_back(network.config.name);
    }
    return removed;
}

} // namespace berth::cli
