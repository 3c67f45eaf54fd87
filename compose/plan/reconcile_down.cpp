#include "compose/plan/existing.hpp"
#include "compose/plan/naming.hpp"
#include "compose/plan/plan_builder.hpp"
#include "compose/plan/reconcile.hpp"
#include "runtime/base/parse.hpp"

namespace berth::compose {

namespace {

class DownPlanner {
  public:
    DownPlanner(const Project& project, const Observed& observed, const DownOptions& options,
                Existing existing)
        : project_(project), observed_(observed), options_(options), existing_(std::move(existing)) {}

    Plan run() {
        const auto& order = existing_.order();
        for (auto service = order.rbegin(); service != order.rend(); ++service)
            if (goes(*service)) take_down(*service);
        for (const auto& network : observed_.networks)
            remove_network(network);
        if (options_.volumes)
            for (const auto& volume : observed_.volumes)
                remove_volume(volume);
        if (!options_.rmi.empty()) remove_images();
        if (!orphans_.empty())
            plan_.warn(concat("project '", project_.name,
                              "' has containers of services that its files do not name: ",
                              join(orphans_, ", "), "; --remove-orphans removes them"));
        return std::move(plan_).take();
    }

  private:
    bool goes(const std::string& service) {
        if (existing_.is_targeted(service)) return true;
        if (!existing_.is_orphan(service) || !options_.services.empty()) return false;
        if (!options_.remove_orphans)
            for (const auto* container : existing_.of(service))
                orphans_.push_back(container->name);
        return options_.remove_orphans;
    }

    void take_down(const std::string& service) {
        // What needs this service has been stopped before it; removal waits for nothing but the own stop.
        NodeIds dependents;
        for (const auto& [other, stops] : stops_) {
            const auto& needs = existing_.needs(other);
            if (std::find(needs.begin(), needs.end(), service) != needs.end()) append(dependents, stops);
        }
        const std::string cause = existing_.is_orphan(service) ? "orphan" : "down";
        NodeIds stops;
        std::vector<std::pair<const ObservedContainer*, NodeIds>> removed;
        for (const auto* container : existing_.of(service)) {
            NodeIds after;
            if (container->is_up()) {
                after.push_back(
                    plan_.add(StopContainer{container->id, container->name, service, options_.timeout}, cause,
                              dependents));
                append(stops, after);
            }
            removed.emplace_back(container, std::move(after));
        }
        for (auto& [container, after] : removed)
            removes_[container] =
                plan_.add(RemoveContainer{container->id, container->name, service, options_.volumes, true},
                          cause, std::move(after));
        stops_[service] = std::move(stops);
    }

    // Containers that use it and go; `stays` receives the names of those that stay.
    template <class Uses> NodeIds removals(const Uses& uses, std::vector<std::string>& stays) const {
        NodeIds out;
        for (const auto& container : observed_.containers) {
            if (!uses(container)) continue;
            const auto removed = removes_.find(&container);
            if (removed == removes_.end())
                stays.push_back(container.name);
            else
                out.push_back(removed->second);
        }
        return out;
    }

    void remove_network(const ObservedNetwork& network) {
        if (network.key.empty()) return; // not ours
        if (const auto known = project_.networks.find(network.key);
            known != project_.networks.end() && known->second.external)
            return;
        std::vector<std::string> stays;
        auto after = removals(
            [&](const ObservedContainer& c) {
                return std::find(c.networks.begin(), c.networks.end(), network.name) != c.networks.end();
            },
            stays);
        // `down SERVICE`: only what no other service needs.
        if (!options_.services.empty() && (after.empty() || !stays.empty())) return;
        if (!stays.empty()) {
            plan_.warn(concat("network '", network.name, "' stays: ", join(stays, ", "), " is on it"));
            return;
        }
        plan_.add(RemoveNetwork{network.id, network.name, true}, "down", std::move(after));
    }

    void remove_volume(const ObservedVolume& volume) {
        if (volume.key.empty()) return;
        if (const auto known = project_.volumes.find(volume.key);
            known != project_.volumes.end() && known->second.external)
            return;
        std::vector<std::string> stays;
        auto after = removals(
            [&](const ObservedContainer& c) {
                return std::find(c.named_volumes.begin(), c.named_volumes.end(), volume.name) !=
                       c.named_volumes.end();
            },
            stays);
        if (!options_.services.empty() && (after.empty() || !stays.empty())) return;
        if (!stays.empty()) {
            plan_.warn(concat("volume '", volume.name, "' stays: ", join(stays, ", "), " uses it"));
            return;
        }
        plan_.add(RemoveVolume{volume.name}, "--volumes", std::move(after));
    }

    void remove_images() {
        std::map<std::string, NodeIds> images;
        for (const auto& [name, service] : project_.services)
            if (existing_.is_targeted(name) && (options_.rmi == "all" || service.image.empty()))
                images[image_name(project_, service)];
        for (const auto& [container, removed] : removes_) {
            const auto service = project_.services.find(container->service);
            const auto name =
                service == project_.services.end() ? container->image : image_name(project_, service->second);
            if (service == project_.services.end() && options_.rmi == "all") images[name];
            if (const auto image = images.find(name); image != images.end()) image->second.push_back(removed);
        }
        for (auto& [name, after] : images)
            plan_.add(RemoveImage{name}, concat("--rmi ", options_.rmi), std::move(after));
    }

    const Project& project_;
    const Observed& observed_;
    const DownOptions& options_;
    Existing existing_;
    PlanBuilder plan_;
    std::map<std::string, NodeIds> stops_;
    std::map<const ObservedContainer*, std::size_t> removes_;
    std::vector<std::string> orphans_;
};

} // namespace

Result<Plan> plan_down(const Project& project, const Observed& observed, const DownOptions& options) {
    if (!options.rmi.empty() && options.rmi != "all" && options.rmi != "local")
        return fail(ErrorCode::usage, concat("--rmi takes 'all' or 'local', not '", options.rmi, "'"));
    BERTH_ASSIGN_OR_RETURN(auto existing, Existing::make(project, observed, options.services));
    return DownPlanner(project, observed, options, std::move(existing)).run();
}

} // namespace berth::compose
