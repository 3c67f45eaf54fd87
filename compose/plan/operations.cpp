#include "compose/plan/operations.hpp"

#include "compose/plan/images.hpp"
#include "compose/plan/lower.hpp"
#include "compose/plan/naming.hpp"
#include "compose/plan/observed.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/exec.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

std::map<std::string, std::string> parse_addresses(const std::string& text) {
    std::map<std::string, std::string> out;
    if (text.empty()) return out;
    for (const auto& part : split(text, ','))
        if (const auto equals = part.find('='); equals != std::string::npos)
            out[part.substr(0, equals)] = part.substr(equals + 1);
    return out;
}

std::map<std::string, std::string> addresses_of(const Context& context, const std::string& id) {
    std::map<std::string, std::string> out;
    if (const auto endpoints = network::endpoints_of(context, id))
        for (const auto& endpoint : *endpoints)
            out[endpoint.network_name] = endpoint.ipv4;
    return out;
}

bool runs(const runtime::ContainerState& state) {
    using State = decltype(state.status);
    return state.status == State::running || state.status == State::paused ||
           state.status == State::restarting || state.status == State::starting;
}

} // namespace

Operations::Operations(const Context& context, const Project& project, const Plan& plan,
                       const ExecuteOptions& options, ExecutionEvents& events)
    : context_(context), project_(project), options_(options), events_(events) {
    for (const auto& node : plan.nodes)
        if (const auto* remove = std::get_if<RemoveContainer>(&node.operation)) removed_.insert(remove->id);
}

const Service* Operations::find_service(const std::string& name) const {
    const auto found = project_.services.find(name);
    return found == project_.services.end() ? nullptr : &found->second;
}

Error Operations::located(Error error, const std::string& name) const {
    const auto* service = find_service(name);
    if (service == nullptr || error.at().known()) return error;
    error.at(service->at);
    if (error.code() == ErrorCode::in_use)
        for (const auto& port : service->ports)
            if (!port.published.empty() && error.message().find(port.published) != std::string::npos)
                error.at(port.at);
    return error;
}

// ---- networks, volumes, images ----

Status Operations::run(const CreateNetwork& operation) {
    const auto& network = project_.networks.at(operation.key);
    BERTH_ASSIGN_OR_RETURN(auto config, lower_network(project_, network));
    auto made = network::create(context_, std::move(config));
    if (!made) {
        auto error = std::move(made).error();
        if (!error.at().known()) error.at(network.at);
        return fail(std::move(error));
    }
    const std::lock_guard lock(mutex_);
    undo_.created_networks.emplace_back(made->id, network.name);
    return {};
}

Status Operations::run(const RemoveNetwork& operation) {
    BERTH_ASSIGN_OR_RETURN(auto network, network::find(context_, operation.id));
    if (!network) return {};
    auto removed = network::remove(context_, operation.id);
    if (!removed) {
        if (!operation.tolerate_in_use || removed.error().code() != ErrorCode::in_use) return removed;
        events_.warning(removed.error().to_string());
        return {};
    }
    const std::lock_guard lock(mutex_);
    undo_.removed_networks.push_back(std::move(network->config));
    return {};
}

Status Operations::run(const CreateVolume& operation) {
    const auto& volume = project_.volumes.at(operation.key);
    bool is_new = false;
    auto made = volumes::create(context_, lower_volume(project_, volume), &is_new);
    if (!made) {
        auto error = std::move(made).error();
        if (!error.at().known()) error.at(volume.at);
        return fail(std::move(error));
    }
    const std::lock_guard lock(mutex_);
    if (is_new) undo_.created_volumes.push_back(made->name);
    return {};
}

Status Operations::run(const RemoveVolume& operation) {
    // volumes/ knows no containers.
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context_));
    for (const auto& container : containers)
        for (const auto& mount : container.spec.mounts)
            if (mount.name == operation.name) {
                events_.warning(concat("volume '", operation.name, "' stays: container ", container.spec.name,
                                       " uses it"));
                return {};
            }
    return volumes::remove(context_, operation.name);
}

Status Operations::run(const EnsureImage& operation) {
    const auto& service = project_.services.at(operation.service);
    BERTH_TRY(
        ensure_service_image(context_, project_, service, operation.build, operation.pull, options_.build));
    return {};
}

Status Operations::run(const RemoveImage& operation) {
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context_));
    const auto user = [&](const std::string& id) {
        const auto found = std::find_if(containers.begin(), containers.end(),
                                        [&](const auto& container) { return container.spec.image_id == id; });
        return found == containers.end() ? std::string() : found->spec.name;
    };
    auto removed = image::remove_image(context_, operation.name, false, user);
    if (removed) return {};
    const auto code = removed.error().code();
    if (code != ErrorCode::in_use && code != ErrorCode::not_found) return fail(std::move(removed).error());
    events_.warning(removed.error().to_string());
    return {};
}

// ---- containers ----

Result<std::string> Operations::id_of(const std::string& id, const std::string& name) const {
    if (!id.empty()) return id;
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = created_.find(name); found != created_.end()) return found->second;
    }
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(context_, name));
    return container.spec.id;
}

Result<std::map<std::string, std::string>> Operations::container_ids(const Service& service) const {
    std::map<std::string, std::string> out;
    std::vector<std::string> needed;
    for (const auto& mode : {service.network_mode, service.pid, service.ipc})
        if (mode.starts_with("service:")) needed.push_back(mode.substr(8));
    for (const auto& from : service.volumes_from)
        if (!from.starts_with("container:")) needed.push_back(from.substr(0, from.find(':')));
    if (needed.empty()) return out;
    BERTH_ASSIGN_OR_RETURN(const auto observed, observe(context_, project_.name));
    const std::lock_guard lock(mutex_);
    for (const auto& name : needed) {
        if (const auto created = created_by_service_.find(name); created != created_by_service_.end()) {
            out[name] = created->second;
            continue;
        }
        for (const auto& container : observed.containers)
            if (container.service == name && !container.oneoff) out.try_emplace(name, container.id);
    }
    return out;
}

Status Operations::run(const CreateContainer& operation) {
    const auto& service = project_.services.at(operation.service);
    LowerOptions options;
    options.name = operation.name;
    options.number = operation.number;
    options.preferred_ipv4 = parse_addresses(operation.preferred_ipv4);
    BERTH_ASSIGN_OR_RETURN(options.container_ids, container_ids(service));
    if (!operation.replaces.empty() && !operation.renew_anonymous_volumes) {
        BERTH_ASSIGN_OR_RETURN(const auto old, runtime::read_or_salvage(context_, operation.replaces));
        for (const auto& mount : old.spec.mounts)
            if (mount.kind == runtime::MountKind::volume && mount.anonymous)
                options.inherited_volumes[clean_path(mount.target)] = mount.name;
    }
    BERTH_ASSIGN_OR_RETURN(auto request, lower_service(project_, service, options));
    if (!operation.replaces.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto old, runtime::read_or_salvage(context_, operation.replaces));
        const auto aside = replaced_name(old.spec.id, operation.name);
        if (old.spec.name != aside) {
            BERTH_TRY(runtime::rename(context_, old.spec.id, aside));
            const std::lock_guard lock(mutex_);
            undo_.renamed.push_back({old.spec.id, old.spec.name});
        }
    }
    auto container = create_container(context_, std::move(request));
    if (!container) return fail(located(std::move(container).error(), operation.service));
    const std::lock_guard lock(mutex_);
    created_[operation.name] = container->spec.id;
    created_by_service_.try_emplace(operation.service, container->spec.id);
    undo_.created.push_back({container->spec.id, operation.name});
    return {};
}

Result<Operations::Prepared> Operations::prepare_start(const StartContainer& operation) {
    BERTH_ASSIGN_OR_RETURN(const auto id, id_of(operation.id, operation.name));
    BERTH_ASSIGN_OR_RETURN(auto wiring, lock_wiring(context_, id));
    BERTH_ASSIGN_OR_RETURN(auto container, runtime::read_container(context_, id));
    Prepared out{std::move(wiring), std::move(container), std::nullopt, false};
    out.running = runs(out.container.state);
    if (!out.running) {
        BERTH_ASSIGN_OR_RETURN(out.request, connect_request(out.container, {}));
    }
    return out;
}

Status Operations::start(const StartContainer& operation, Prepared& prepared,
                         std::optional<network::Connection> connection) {
    if (prepared.running) return {};
    auto state = start_connected(context_, prepared.container, std::move(connection), {}, prepared.wiring);
    if (!state)
        return fail(located(std::move(state).error().context(concat("start container ", operation.name)),
                            operation.service));
    {
        const std::lock_guard lock(mutex_);
        undo_.started_any = true;
    }
    const auto* service = find_service(operation.service);
    if (service == nullptr) return {};
    return run_hooks(service->post_start, prepared.container.spec.id, *service);
}

Status Operations::run_hooks(const std::vector<std::vector<std::string>>& hooks, const std::string& id,
                             const Service& service) {
    for (const auto& argv : hooks) {
        runtime::ExecRequest request;
        request.argv = argv;
        BERTH_ASSIGN_OR_RETURN(const auto ended, runtime::exec(context_, id, request, {}));
        if (const int code = ended.value_or(0); code != 0)
            return fail(Error(ErrorCode::failed, concat("hook '", join(argv, " "), "' of service '",
                                                        service.name, "' ended with ", code))
                            .at(service.at));
    }
    return {};
}

Status Operations::stop(const StopContainer& operation, runtime::Aftermath& aftermath) {
    if (!path_exists(context_.paths.container(operation.id))) return {};
    const auto* service = find_service(operation.service);
    const bool has_hooks = service != nullptr && !service->pre_stop.empty();
    Undo::Stopped stopped{operation.id, operation.name, {}};
    bool was_running = false;
    if (has_hooks || options_.undo) {
        BERTH_ASSIGN_OR_RETURN(const auto container, runtime::read_or_salvage(context_, operation.id));
        was_running = runs(container.state);
        if (options_.undo) stopped.ipv4 = addresses_of(context_, operation.id);
    }
    if (has_hooks && was_running)
        // A hook that fails must not keep the container from being stopped.
        if (const auto hooks = run_hooks(service->pre_stop, operation.id, *service); !hooks)
            events_.warning(hooks.error().to_string());
    runtime::StopOptions options;
    options.timeout = operation.timeout;
    BERTH_TRY(runtime::stop(context_, operation.id, options, &aftermath));
    const std::lock_guard lock(mutex_);
    if (was_running) undo_.stopped.push_back(std::move(stopped));
    return {};
}

Status Operations::remove(const RemoveContainer& operation) {
    {
        const std::lock_guard lock(mutex_);
        undo_.past_return = true;
    }
    return remove_unwired(context_, operation.id, operation.force, operation.volumes);
}

Status Operations::run(const KillContainer& operation) {
    auto sent = runtime::send_signal(context_, operation.id, operation.signal);
    if (sent) return {};
    // Ended meanwhile: what was wanted.
    const auto container = runtime::find_container(context_, operation.id);
    if (container && (!*container || !runs((*container)->state))) return {};
    return sent;
}

Status Operations::run(const PauseContainer& operation) {
    return runtime::pause(context_, operation.id);
}
Status Operations::run(const UnpauseContainer& operation) {
    return runtime::unpause(context_, operation.id);
}

} // namespace berth::compose
