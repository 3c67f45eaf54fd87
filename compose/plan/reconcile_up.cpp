// Second half of plan_up: decisions to operations and their order.
//
// Everything new is created first, while the old still runs; then the old is stopped (dependents before what
// they need), the new is started (the other way round), and only when all of that has succeeded the old is
// removed: until then a failed `up` can go back.
#include "compose/plan/naming.hpp"
#include "compose/plan/reconcile.hpp"
#include "compose/plan/reconcile_images.hpp"
#include "compose/plan/up_decisions.hpp"

#include <set>

namespace berth::compose {

namespace {

std::string preferred_ipv4(const ObservedContainer& container) {
    std::string out;
    for (const auto& [network, address] : container.ipv4)
        out += concat(out.empty() ? "" : ",", network, "=", address);
    return out;
}

class UpPlanner {
  public:
    UpPlanner(const Project& project, const Graph& graph, const Observed& observed, const UpOptions& options,
              UpDecisions decisions)
        : project_(project), graph_(graph), observed_(observed), options_(options),
          decisions_(std::move(decisions)) {}

    Result<Plan> run() {
        if (decisions_.with_images) {
            BERTH_ASSIGN_OR_RETURN(images_, add_images(plan_, project_, decisions_.selected, options_));
        }
        for (const auto& key : decisions_.new_networks)
            networks_[key] = plan_.add(CreateNetwork{key, project_.networks.at(key).name}, "not there");
        for (const auto& key : decisions_.new_volumes)
            volumes_[key] = plan_.add(CreateVolume{key, project_.volumes.at(key).name}, "not there");
        for (const auto& name : graph_.order())
            add_creates(name);
        add_stops();
        for (const auto& key : decisions_.changed_networks)
            recreate_network(project_.networks.at(key));
        if (!options_.no_start) {
            for (const auto& name : graph_.order())
                add_starts(name);
            if (options_.wait) add_waits();
        }
        add_removes();
        if (decisions_.tell_running) tell_running();
        for (auto& warning : decisions_.warnings)
            plan_.warn(std::move(warning));
        return std::move(plan_).take();
    }

  private:
    // Whether or not anything is to be done elsewhere.
    void tell_running() {
        for (const auto& name : graph_.order()) {
            if (std::find(decisions_.selected.begin(), decisions_.selected.end(), name) ==
                decisions_.selected.end())
                continue;
            for (const auto& instance : instances(name))
                if (instance.action == Action::keep &&
                    instance.current->status == decltype(instance.current->status)::running)
                    plan_.running(instance.name);
        }
    }

    std::vector<Instance>& instances(const std::string& service) { return decisions_.instances.at(service); }

    // ---- creating ----

    void add_creates(const std::string& name) {
        NodeIds after;
        if (const auto image = images_.find(name); image != images_.end()) after.push_back(image->second);
        const auto& service = project_.services.at(name);
        for (const auto& mount : service.volumes)
            if (const auto volume = volumes_.find(mount.source);
                mount.type == MountType::volume && volume != volumes_.end())
                after.push_back(volume->second);
        // The record names the container whose namespaces or volumes it takes.
        const bool takes_volumes = !service.volumes_from.empty();
        for (const auto& edge : graph_.dependencies(name))
            if (edge.shares || takes_volumes) append(after, nodes_of(creates_, edge.dependency.service));
        for (const auto& instance : instances(name)) {
            if (!instance.is_new()) continue;
            CreateContainer create{name, instance.number, instance.name, {}, {}, options_.renew_anon_volumes};
            if (instance.current != nullptr) {
                create.replaces = instance.current->id;
                create.preferred_ipv4 = preferred_ipv4(*instance.current);
            }
            creates_[&instance] = plan_.add(std::move(create), instance.cause, after);
        }
    }

    NodeIds nodes_of(const std::map<const Instance*, std::size_t>& nodes, const std::string& service) {
        NodeIds out;
        for (const auto& instance : instances(service))
            if (const auto found = nodes.find(&instance); found != nodes.end()) out.push_back(found->second);
        return out;
    }

    // ---- stopping ----

    std::size_t add_stop(const ObservedContainer& container, const std::string& cause, NodeIds after,
                         bool replaced = false) {
        const auto id = plan_.add(
            StopContainer{container.id, container.name, container.service, options_.timeout, false, replaced},
            cause, std::move(after));
        stops_.push_back(id);
        stop_of_[container.id] = id;
        return id;
    }
    [[nodiscard]] bool on_changed_network(const ObservedContainer& container) const {
        for (const auto& key : decisions_.changed_networks)
            for (const auto& name : container.networks)
                if (name == project_.networks.at(key).name) return true;
        return false;
    }

    void add_stops() {
        for (const auto& surplus : decisions_.surplus)
            if (surplus.container->is_up()) add_stop(*surplus.container, surplus.cause, {});
        const auto& order = graph_.order();
        for (auto name = order.rbegin(); name != order.rend(); ++name) {
            NodeIds dependents;
            for (const auto& dependent : graph_.dependents(*name))
                for (const auto& instance : instances(dependent))
                    if (instance.current != nullptr)
                        if (const auto stop = stop_of_.find(instance.current->id); stop != stop_of_.end())
                            dependents.push_back(stop->second);
            for (const auto& instance : instances(*name)) {
                if (instance.current == nullptr) continue;
                const bool replaced = instance.action == Action::recreate;
                if (!replaced && instance.action != Action::restart) continue;
                // A stopped one holds its address until then, too.
                if (!instance.current->is_up() && !on_changed_network(*instance.current)) continue;
                NodeIds after = dependents;
                if (replaced) after.push_back(creates_.at(&instance));
                add_stop(*instance.current, instance.cause, std::move(after), replaced);
            }
        }
    }

    // ---- networks that changed ----

    void recreate_network(const ProjectNetwork& network) {
        NodeIds after;
        for (const auto& container : observed_.containers) {
            const bool joined = std::find(container.networks.begin(), container.networks.end(),
                                          network.name) != container.networks.end();
            if (const auto stop = stop_of_.find(container.id); joined && stop != stop_of_.end())
                after.push_back(stop->second);
        }
        for (const auto& old : observed_.networks) {
            if (old.name != network.name) continue;
            const auto removed =
                plan_.add(RemoveNetwork{old.id, old.name}, "configuration changed", std::move(after));
            networks_[network.key] =
                plan_.add(CreateNetwork{network.key, network.name}, "configuration changed", {removed});
            return;
        }
    }

    // ---- starting ----

    void add_starts(const std::string& name) {
        const auto& service = project_.services.at(name);
        bool exclusive = !service.ports.empty();
        NodeIds networks;
        for (const auto& network : service.networks) {
            exclusive = exclusive || !network.ipv4_address.empty() || !network.ipv6_address.empty();
            if (const auto found = networks_.find(network.network); found != networks_.end())
                networks.push_back(found->second);
        }
        std::optional<NodeIds> dependencies; // only made when something starts: waits are nodes
        for (const auto& instance : instances(name)) {
            if (!instance.starts()) continue;
            if (!dependencies) dependencies = dependency_nodes(service);
            NodeIds after = networks;
            append(after, *dependencies);
            // Ports and fixed addresses may be the ones that another container gives up.
            if (exclusive) append(after, stops_);
            if (instance.is_new()) after.push_back(creates_.at(&instance));
            StartContainer start{name, instance.number, instance.name, {}};
            if (instance.current != nullptr) {
                if (const auto stop = stop_of_.find(instance.current->id); stop != stop_of_.end())
                    after.push_back(stop->second);
                if (!instance.is_new()) start.id = instance.current->id;
            }
            append(after, stops_of_same_number(instance));
            starts_[&instance] =
                plan_.add(std::move(start), instance.is_new() ? "created" : instance.cause, after);
        }
    }
    NodeIds stops_of_same_number(const Instance& instance) const {
        NodeIds out;
        for (const auto& surplus : decisions_.surplus)
            if (surplus.container->service == instance.service->name &&
                surplus.container->number == instance.number)
                if (const auto stop = stop_of_.find(surplus.container->id); stop != stop_of_.end())
                    out.push_back(stop->second);
        return out;
    }

    NodeIds dependency_nodes(const Service& service) {
        NodeIds out;
        for (const auto& edge : graph_.dependencies(service.name)) {
            const auto& dependency = edge.dependency;
            const auto& selected = decisions_.selected;
            // --no-deps: what is not asked for is not waited for either.
            if (std::find(selected.begin(), selected.end(), dependency.service) == selected.end()) continue;
            for (const auto& instance : instances(dependency.service)) {
                const auto start = starts_.find(&instance);
                if (start != starts_.end() && dependency.condition == DependencyCondition::started)
                    out.push_back(start->second);
                if (!is_met(instance, dependency.condition))
                    out.push_back(wait_node(instance, dependency, service.name));
            }
        }
        return out;
    }
    // Without any operation, as observed.
    [[nodiscard]] static bool is_met(const Instance& instance, DependencyCondition condition) {
        if (condition == DependencyCondition::started) return true;
        if (instance.starts()) return false;
        const auto& current = *instance.current;
        if (condition == DependencyCondition::healthy)
            return current.is_up() && current.health == decltype(current.health)::healthy;
        return current.status == decltype(current.status)::exited && current.exit_code == 0;
    }
    std::size_t wait_node(const Instance& instance, const Dependency& dependency,
                          const std::string& dependent) {
        const auto key = std::tuple(&instance, dependency.condition, dependency.required);
        if (const auto known = waits_.find(key); known != waits_.end()) return known->second;
        WaitFor wait{instance.service->name,
                     instance.number,
                     instance.name,
                     dependency.condition,
                     dependency.required,
                     dependency.at,
                     {},
                     dependent};
        if (!instance.is_new()) wait.id = instance.current->id;
        NodeIds after;
        if (const auto start = starts_.find(&instance); start != starts_.end())
            after.push_back(start->second);
        const auto cause = concat(dependent.empty() ? "--wait" : concat(dependent, " depends on it"));
        return waits_[key] = plan_.add(std::move(wait), cause, std::move(after));
    }

    void add_waits() {
        const Dependency running{{}, DependencyCondition::started, false, true, {}};
        for (const auto& name : decisions_.selected) {
            for (const auto& instance : instances(name)) {
                // A dependent that waits for it says more: that it is healthy, or that it has completed.
                const bool waited = std::any_of(waits_.begin(), waits_.end(), [&](const auto& wait) {
                    return std::get<0>(wait.first) == &instance && std::get<2>(wait.first);
                });
                const bool settled = !instance.starts() && (!instance.current->has_healthcheck ||
                                                            is_met(instance, DependencyCondition::healthy));
                if (!settled && !waited) wait_node(instance, running, {});
            }
        }
    }

    // ---- removing ----

    void add_removes() {
        std::vector<std::pair<const ObservedContainer*, std::string>> gone;
        for (const auto& surplus : decisions_.surplus)
            gone.emplace_back(surplus.container, surplus.cause);
        for (const auto& name : graph_.order())
            for (const auto& instance : instances(name))
                if (instance.action == Action::recreate) gone.emplace_back(instance.current, "replaced");
        // The first comes after everything; the others after the first, so that the edges do not grow with
        // the square.
        NodeIds after = plan_.sinks();
        for (const auto& [container, cause] : gone) {
            const bool volumes = options_.renew_anon_volumes && cause == "replaced";
            const auto id = plan_.add(RemoveContainer{container->id, container->name, container->service,
                                                      volumes, true, cause == "replaced"},
                                      cause, after);
            if (&container == &gone.front().first) after = {id};
        }
    }

    const Project& project_;
    const Graph& graph_;
    const Observed& observed_;
    const UpOptions& options_;
    UpDecisions decisions_;
    PlanBuilder plan_;
    std::map<std::string, std::size_t> images_, networks_, volumes_, stop_of_;
    std::map<const Instance*, std::size_t> creates_, starts_;
    std::map<std::tuple<const Instance*, DependencyCondition, bool>, std::size_t> waits_;
    NodeIds stops_;
};

} // namespace

Result<Plan> plan_decisions(const Project& project, const Graph& graph, const Observed& observed,
                            const UpOptions& options, UpDecisions decisions) {
    return UpPlanner(project, graph, observed, options, std::move(decisions)).run();
}

Result<Plan> plan_up(const Project& project, const Observed& observed, const UpOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(auto decisions, decide_up(project, graph, observed, options));
    return plan_decisions(project, graph, observed, options, std::move(decisions));
}

Result<Plan> plan_create(const Project& project, const Observed& observed, UpOptions options) {
    options.no_start = true;
    return plan_up(project, observed, options);
}

} // namespace berth::compose
