#include "compose/plan/up_decisions.hpp"

#include "compose/plan/naming.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

class UpDecider {
  public:
    UpDecider(const Project& project, const Graph& graph, const Observed& observed, const UpOptions& options)
        : project_(project), graph_(graph), observed_(observed), options_(options) {}

    Result<UpDecisions> run() {
        BERTH_ASSIGN_OR_RETURN(out_.selected, graph_.select(options_.services, !options_.no_deps));
        selected_.insert(out_.selected.begin(), out_.selected.end());
        targets_.insert(options_.services.begin(), options_.services.end());
        if (options_.services.empty()) targets_ = selected_;
        BERTH_TRY(check_names());
        BERTH_TRY(check_scale());
        BERTH_TRY(decide_networks());
        BERTH_TRY(decide_volumes());
        for (const auto& name : graph_.order())
            decide_service(project_.services.at(name));
        for (const auto& name : graph_.order())
            decide_restarts(project_.services.at(name));
        decide_orphans();
        return std::move(out_);
    }

  private:
    // The loader reads what merely has a name in it, as the specification's pattern does: "-web", "db:1".
    Status check_names() const {
        for (const auto& name : out_.selected) {
            const auto& service = project_.services.at(name);
            if (service.container_name.empty() || is_container_name(service.container_name)) continue;
            return fail(Error(ErrorCode::invalid_input,
                              concat("container_name '", service.container_name, "' of service '", name,
                                     "' is no name that a container can have"))
                            .at(service.at)
                            .hint("two or more letters, digits, '_', '.' and '-', beginning with a letter or "
                                  "digit"));
        }
        return {};
    }
    Status check_scale() const {
        for (const auto& [name, count] : options_.scale) {
            if (!project_.services.contains(name))
                return fail(ErrorCode::not_found, concat("no such service to scale: ", name));
            if (count < 0)
                return fail(ErrorCode::invalid_input,
                            concat("scale service '", name, "' to ", count, " containers"));
        }
        for (const auto& name : out_.selected) {
            const auto& service = project_.services.at(name);
            if (service.container_name.empty() || wanted(service) <= 1) continue;
            return fail(
                Error(ErrorCode::invalid_input,
                      concat("scale service '", name, "' to ", wanted(service), ": its container_name '",
                             service.container_name, "' can be had only once"))
                    .at(service.at)
                    .hint("remove container_name"));
        }
        return {};
    }
    [[nodiscard]] std::int64_t wanted(const Service& service) const {
        const auto asked = options_.scale.find(service.name);
        return asked == options_.scale.end() ? service.scale : asked->second;
    }

    // ---- networks and volumes ----

    Status decide_networks() {
        std::set<std::string> used;
        for (const auto& name : out_.selected)
            for (const auto& network : project_.services.at(name).networks)
                used.insert(network.network);
        for (const auto& key : used) {
            const auto found = project_.networks.find(key);
            if (found == project_.networks.end()) continue; // the loader has told of it
            BERTH_TRY(decide_network(found->second));
        }
        return {};
    }
    Status decide_network(const ProjectNetwork& network) {
        const auto there = std::find_if(observed_.networks.begin(), observed_.networks.end(),
                                        [&](const ObservedNetwork& n) { return n.name == network.name; });
        const bool missing = there == observed_.networks.end();
        if (network.external) {
            if (!missing || !observed_.names_known) return {};
            return fail(
                Error(ErrorCode::not_found, concat("external network '", network.name, "' is not there"))
                    .at(network.at)
                    .hint(concat("create it with: berth network create ", network.name)));
        }
        if (missing) {
            out_.new_networks.push_back(network.key);
        } else if (there->key.empty()) {
            return fail(
                Error(ErrorCode::already_exists, concat("network '", network.name, "' exists, but project '",
                                                        project_.name, "' did not make it"))
                    .at(network.at)
                    .hint("write external: true to use it, or give it another name"));
        } else if (!options_.no_recreate && !there->config_hash.empty() &&
                   there->config_hash != config_hash(network)) {
            out_.changed_networks.push_back(network.key);
            changed_network_names_.insert(network.name);
        }
        return {};
    }

    Status decide_volumes() {
        std::set<std::string> used;
        for (const auto& name : out_.selected)
            for (const auto& mount : project_.services.at(name).volumes)
                if (mount.type == MountType::volume && !mount.source.empty()) used.insert(mount.source);
        for (const auto& key : used) {
            const auto found = project_.volumes.find(key);
            if (found == project_.volumes.end()) continue;
            BERTH_TRY(decide_volume(found->second));
        }
        return {};
    }
    Status decide_volume(const ProjectVolume& volume) {
        const auto there = std::find_if(observed_.volumes.begin(), observed_.volumes.end(),
                                        [&](const ObservedVolume& v) { return v.name == volume.name; });
        if (there == observed_.volumes.end()) {
            if (!volume.external) {
                out_.new_volumes.push_back(volume.key);
            } else if (observed_.names_known) {
                return fail(
                    Error(ErrorCode::not_found, concat("external volume '", volume.name, "' is not there"))
                        .at(volume.at)
                        .hint(concat("create it with: berth volume create ", volume.name)));
            }
            return {};
        }
        if (volume.external) return {};
        if (there->key.empty())
            out_.warnings.push_back(
                concat("volume '", volume.name, "' exists, but project '", project_.name,
                       "' did not make it; write external: true to say that it is meant"));
        else if (!there->config_hash.empty() && there->config_hash != config_hash(volume))
            // Never re-created by itself: that would delete its data.
            out_.warnings.push_back(
                concat("volume '", volume.name,
                       "' was made with other settings than the compose file has now; it is used "
                       "as it is, remove it to have it made again"));
        return {};
    }

    // ---- containers ----

    [[nodiscard]] std::vector<const ObservedContainer*> containers_of(const Service& service) const {
        std::vector<const ObservedContainer*> out;
        for (const auto& container : observed_.containers)
            if (container.service == service.name && !container.oneoff) out.push_back(&container);
        return out;
    }

    // Two with one number: a replacement was interrupted. The one with the service's proper name is the
    // newer.
    std::vector<const ObservedContainer*> without_leftovers(const Service& service) {
        std::vector<const ObservedContainer*> out;
        for (const auto* container : containers_of(service)) {
            if (out.empty() || out.back()->number != container->number) {
                out.push_back(container);
                continue;
            }
            const auto proper = container_name(project_, service, container->number);
            const auto* older = container;
            if (container->name == proper) std::swap(older, out.back());
            out_.surplus.push_back({older, "left over from a replacement that was interrupted"});
        }
        return out;
    }

    void decide_service(const Service& service) {
        auto& instances = out_.instances[service.name];
        auto containers = without_leftovers(service);
        std::vector<Instance> found;
        for (const auto* container : containers)
            found.push_back(decide_container(service, *container, config_hash_of(service)));
        if (!selected_.contains(service.name)) {
            instances = std::move(found);
            return;
        }
        // Those that would be re-created anyway go first when there are too many.
        std::stable_sort(found.begin(), found.end(), [](const Instance& a, const Instance& b) {
            return std::pair(a.is_new(), a.number) < std::pair(b.is_new(), b.number);
        });
        const auto count = static_cast<std::size_t>(wanted(service));
        for (std::size_t i = count; i < found.size(); ++i)
            out_.surplus.push_back({found[i].current, concat("scaled to ", count)});
        if (found.size() > count) found.resize(count);
        std::int64_t next = 1;
        for (const auto* container : containers)
            next = std::max(next, container->number + 1);
        while (found.size() < count) {
            found.push_back({&service, next, container_name(project_, service, next), nullptr, Action::create,
                             "not there"});
            ++next;
        }
        std::sort(found.begin(), found.end(),
                  [](const auto& a, const auto& b) { return a.number < b.number; });
        instances = std::move(found);
    }

    const std::string& config_hash_of(const Service& service) {
        auto& hash = hashes_[service.name];
        if (hash.empty()) hash = config_hash(project_, service);
        return hash;
    }

    Instance decide_container(const Service& service, const ObservedContainer& container,
                              const std::string& hash) {
        Instance instance{&service, container.number, container.name, &container, Action::keep, {}};
        instance.cause = recreation_cause(service, container, hash);
        if (!instance.cause.empty()) {
            instance.action = Action::recreate;
            instance.name = container_name(project_, service, container.number);
            instance.stays_stopped = !selected_.contains(service.name) && !container.is_up();
        } else if (!container.is_up() && selected_.contains(service.name) && !options_.no_start) {
            instance.action = Action::start;
            instance.cause =
                container.status == decltype(container.status)::created ? "not started" : "stopped";
        }
        return instance;
    }

    // Empty: it can stay.
    std::string recreation_cause(const Service& service, const ObservedContainer& container,
                                 const std::string& hash) const {
        if (container.damaged) return "its record is damaged";
        if (options_.no_recreate) return {};
        for (const auto& edge : graph_.dependencies(service.name)) {
            if (!edge.shares) continue;
            const auto& needed = out_.instances.at(edge.dependency.service);
            if (std::any_of(needed.begin(), needed.end(), [](const Instance& i) { return i.is_new(); }))
                return concat("shares with ", edge.dependency.service, ", which is created anew");
        }
        for (const auto& network : container.networks)
            if (changed_network_names_.contains(network))
                return concat("network ", network, " is re-created");
        if (!selected_.contains(service.name)) return {};
        if (targets_.contains(service.name) ? options_.force_recreate : options_.always_recreate_deps)
            return "forced";
        if (container.config_hash != hash) return "configuration changed";
        const auto proper = container_name(project_, service, container.number);
        if (container.name == replaced_name(container.id, proper)) return "a replacement was interrupted";
        const auto image = options_.image_ids.find(service.name);
        if (image != options_.image_ids.end() && image->second != container.image_id) return "image is newer";
        return {};
    }

    // depends_on with restart: true, and processes in another container's namespaces, which end with it.
    void decide_restarts(const Service& service) {
        if (options_.no_start) return;
        for (const auto& edge : graph_.dependencies(service.name)) {
            if (!edge.dependency.restart) continue;
            const auto& needed = out_.instances.at(edge.dependency.service);
            const bool renewed = std::any_of(needed.begin(), needed.end(), [](const Instance& i) {
                return i.action == Action::recreate || i.action == Action::restart;
            });
            if (!renewed) continue;
            for (auto& instance : out_.instances.at(service.name)) {
                if (instance.action != Action::keep || !instance.current->is_up()) continue;
                instance.action = Action::restart;
                instance.cause = concat("restarts with ", edge.dependency.service);
            }
        }
    }

    void decide_orphans() {
        std::vector<std::string> names;
        for (const auto& container : observed_.containers) {
            if (container.oneoff || project_.services.contains(container.service) ||
                project_.disabled_services.contains(container.service))
                continue;
            names.push_back(container.name);
            if (options_.remove_orphans) out_.surplus.push_back({&container, "orphan"});
        }
        if (names.empty() || options_.remove_orphans || options_.ignore_orphans) return;
        out_.warnings.push_back(concat("project '", project_.name,
                                       "' has containers of services that its files do not "
                                       "name: ",
                                       join(names, ", "), "; --remove-orphans removes them"));
    }

    const Project& project_;
    const Graph& graph_;
    const Observed& observed_;
    const UpOptions& options_;
    std::set<std::string> selected_, targets_, changed_network_names_;
    std::map<std::string, std::string> hashes_;
    UpDecisions out_;
};

} // namespace

Result<UpDecisions> decide_up(const Project& project, const Graph& graph, const Observed& observed,
                              const UpOptions& options) {
    return UpDecider(project, graph, observed, options).run();
}

} // namespace berth::compose
