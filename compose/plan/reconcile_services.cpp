// The planner for verbs that change neither networks nor what a container is made from.
#include "compose/plan/existing.hpp"
#include "compose/plan/plan_builder.hpp"
#include "compose/plan/reconcile.hpp"
#include "compose/plan/up_decisions.hpp"

namespace berth::compose {

namespace {

using ContainerStatus = decltype(ObservedContainer::status);

// Stops in the order dependents first; by container the node.
std::map<const ObservedContainer*, std::size_t> add_stops(PlanBuilder& plan, const Existing& existing,
                                                          const std::optional<Duration>& timeout,
                                                          const char* cause) {
    std::map<std::string, NodeIds> stops;
    std::map<const ObservedContainer*, std::size_t> out;
    const auto& order = existing.order();
    for (auto service = order.rbegin(); service != order.rend(); ++service) {
        if (!existing.is_targeted(*service)) continue;
        NodeIds after;
        for (const auto& [other, nodes] : stops) {
            const auto& needs = existing.needs(other);
            if (std::find(needs.begin(), needs.end(), *service) != needs.end()) append(after, nodes);
        }
        NodeIds own;
        for (const auto* container : existing.of(*service)) {
            if (container->oneoff || !container->is_up()) continue;
            out[container] =
                plan.add(StopContainer{container->id, container->name, *service, timeout}, cause, after);
            own.push_back(out[container]);
        }
        stops[*service] = std::move(own);
    }
    return out;
}

template <class Wanted, class Make> Result<Plan> plan_each(const Project& project, const Observed& observed,
                                                           const ServiceOptions& options, const char* cause,
                                                           const Wanted& wanted, const Make& make) {
    BERTH_ASSIGN_OR_RETURN(const auto existing, Existing::make(project, observed, options.services));
    PlanBuilder plan;
    for (const auto& service : existing.order()) {
        const bool orphan = existing.is_orphan(service) && options.remove_orphans && options.services.empty();
        if (!existing.is_targeted(service) && !orphan) continue;
        for (const auto* container : existing.of(service))
            if (wanted(*container)) plan.add(make(*container), orphan ? "orphan" : cause);
    }
    return std::move(plan).take();
}

// start and restart of what exists, through the same ordering and waiting as `up`.
Result<Plan> plan_starts(const Project& project, const Observed& observed, const ServiceOptions& options,
                         const std::vector<std::string>& selected, const Graph& graph, bool restart) {
    UpDecisions decisions;
    decisions.selected = selected;
    decisions.with_images = false;
    decisions.tell_running = false;
    for (const auto& [name, service] : project.services)
        decisions.instances[name];
    const std::set<std::string> wanted(selected.begin(), selected.end());
    for (const auto& container : observed.containers) {
        const auto service = project.services.find(container.service);
        if (container.oneoff || service == project.services.end()) continue;
        Instance instance{&service->second, container.number, container.name, &container, Action::keep, {}};
        if (wanted.contains(container.service)) {
            if (!container.is_up()) {
                instance.action = Action::start;
                instance.cause = container.status == ContainerStatus::created ? "not started" : "stopped";
            } else if (restart) {
                instance.action = Action::restart;
                instance.cause = "restart";
            }
        }
        decisions.instances[container.service].push_back(std::move(instance));
    }
    UpOptions up;
    up.timeout = options.timeout;
    up.wait = options.wait;
    up.services = options.services;
    return plan_decisions(project, graph, observed, up, std::move(decisions));
}

// Without a compose file: what the labels tell, without waiting.
Result<Plan> plan_starts_by_name(const Project& project, const Observed& observed,
                                 const ServiceOptions& options, bool restart) {
    BERTH_ASSIGN_OR_RETURN(const auto existing, Existing::make(project, observed, options.services));
    PlanBuilder plan;
    std::map<const ObservedContainer*, std::size_t> stops;
    if (restart) stops = add_stops(plan, existing, options.timeout, "restart");
    std::map<std::string, NodeIds> starts;
    for (const auto& service : existing.order()) {
        if (!existing.is_targeted(service)) continue;
        NodeIds needed;
        for (const auto& need : existing.needs(service))
            if (const auto found = starts.find(need); found != starts.end()) append(needed, found->second);
        NodeIds own;
        for (const auto* container : existing.of(service)) {
            if (container->oneoff || (container->is_up() && !restart)) continue;
            NodeIds after = needed;
            if (const auto stop = stops.find(container); stop != stops.end()) after.push_back(stop->second);
            own.push_back(plan.add(StartContainer{service, container->number, container->name, container->id},
                                   restart ? "restart" : "stopped", std::move(after)));
        }
        starts[service] = std::move(own);
    }
    return std::move(plan).take();
}

// Stopping and starting of one container are told as one.
Plan told_as_restarts(Plan plan) {
    for (auto& node : plan.nodes) {
        if (auto* stop = std::get_if<StopContainer>(&node.operation)) stop->restarts = true;
        if (auto* start = std::get_if<StartContainer>(&node.operation)) start->restarts = true;
    }
    return plan;
}

bool by_name_only(const Project& project) {
    return project.services.empty() && project.disabled_services.empty();
}

} // namespace

Result<Plan> plan_stop(const Project& project, const Observed& observed, const ServiceOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto existing, Existing::make(project, observed, options.services));
    PlanBuilder plan;
    add_stops(plan, existing, options.timeout, "stop");
    return std::move(plan).take();
}

Result<Plan> plan_start(const Project& project, const Observed& observed, const ServiceOptions& options) {
    if (by_name_only(project)) return plan_starts_by_name(project, observed, options, false);
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto selected, graph.select(options.services, !options.no_deps));
    for (const auto& name : selected) {
        const auto& service = project.services.at(name);
        const bool there = std::any_of(observed.containers.begin(), observed.containers.end(),
                                       [&](const auto& c) { return c.service == name && !c.oneoff; });
        if (!there && service.scale > 0)
            return fail(Error(ErrorCode::not_found, concat("service '", name, "' has no container to start"))
                            .at(service.at)
                            .hint("create it with: berth compose up"));
    }
    return plan_starts(project, observed, options, selected, graph, false);
}

Result<Plan> plan_restart(const Project& project, const Observed& observed, const ServiceOptions& options) {
    if (by_name_only(project)) {
        BERTH_ASSIGN_OR_RETURN(auto plan, plan_starts_by_name(project, observed, options, true));
        return told_as_restarts(std::move(plan));
    }
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(auto selected, graph.select(options.services, false));
    if (!options.no_deps) {
        // depends_on with restart: true, and theirs in turn.
        std::set<std::string> wanted(selected.begin(), selected.end());
        for (const auto& name : graph.order())
            for (const auto& edge : graph.dependencies(name))
                if (edge.dependency.restart && wanted.contains(edge.dependency.service)) wanted.insert(name);
        selected.clear();
        for (const auto& name : graph.order())
            if (wanted.contains(name)) selected.push_back(name);
    }
    BERTH_ASSIGN_OR_RETURN(auto plan, plan_starts(project, observed, options, selected, graph, true));
    return told_as_restarts(std::move(plan));
}

Result<Plan> plan_kill(const Project& project, const Observed& observed, const ServiceOptions& options) {
    return plan_each(
        project, observed, options, "kill", [](const ObservedContainer& c) { return c.is_up(); },
        [&](const ObservedContainer& c) {
            return KillContainer{c.id, c.name, c.service, options.signal};
        });
}

Result<Plan> plan_rm(const Project& project, const Observed& observed, const ServiceOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto existing, Existing::make(project, observed, options.services));
    PlanBuilder plan;
    std::map<const ObservedContainer*, std::size_t> stops;
    if (options.stop) stops = add_stops(plan, existing, options.timeout, "rm --stop");
    for (const auto& service : existing.order()) {
        if (!existing.is_targeted(service)) continue;
        for (const auto* container : existing.of(service)) {
            if (container->oneoff) continue; // as the reference: they are `down`'s, or removed by name
            NodeIds after;
            if (const auto stop = stops.find(container); stop != stops.end()) after.push_back(stop->second);
            if (container->is_up() && after.empty()) continue;
            plan.add(RemoveContainer{container->id, container->name, service, options.volumes, false}, "rm",
                     std::move(after));
        }
    }
    return std::move(plan).take();
}

Result<Plan> plan_pause(const Project& project, const Observed& observed, const ServiceOptions& options) {
    return plan_each(
        project, observed, options, "pause",
        [](const ObservedContainer& c) { return !c.oneoff && c.status == ContainerStatus::running; },
        [](const ObservedContainer& c) {
            return PauseContainer{c.id, c.name, c.service};
        });
}

Result<Plan> plan_unpause(const Project& project, const Observed& observed, const ServiceOptions& options) {
    return plan_each(
        project, observed, options, "unpause",
        [](const ObservedContainer& c) { return !c.oneoff && c.status == ContainerStatus::paused; },
        [](const ObservedContainer& c) {
            return UnpauseContainer{c.id, c.name, c.service};
        });
}

} // namespace berth::compose
