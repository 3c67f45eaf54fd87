#include "compose/plan/reconcile_images.hpp"

#include "compose/plan/naming.hpp"
#include "runtime/base/parse.hpp"

#include <set>

namespace berth::compose {

namespace {

struct ImageNeed {
    EnsureImage operation;
    std::string cause; // empty: nothing to do
};

Status check_policy(const Service& service, const std::string& policy) {
    static const std::set<std::string> known{"", "always", "missing", "if_not_present", "never", "build"};
    if (known.contains(policy)) return {};
    return fail(Error(ErrorCode::unsupported,
                      concat("pull policy '", policy, "' of service '", service.name, "' cannot be followed"))
                    .at(service.at)
                    .hint("write always, missing, never or build"));
}

Result<ImageNeed> need_of(const Service& service, const UpOptions& options) {
    const bool missing = !options.image_ids.contains(service.name);
    const auto& policy = options.pull.empty() ? service.pull_policy : options.pull;
    BERTH_TRY(check_policy(service, policy));
    ImageNeed need{{service.name}, {}};
    if (!options.images_prepared) {
        if (service.build && !options.no_build && (options.build || policy == "build")) {
            need.operation.build = true;
            need.cause = options.build ? "asked for" : "pull_policy: build";
            return need;
        }
        if (policy == "always" && !service.image.empty()) {
            need.operation.pull = true;
            // Not in the registry: then it is made from the build section.
            need.operation.build = service.build.has_value() && !options.no_build;
            need.cause = options.pull.empty() ? "pull_policy: always" : "asked for";
            return need;
        }
    }
    if (!missing) return need;
    need.cause = "not there";
    if (options.images_prepared) return need;
    need.operation.build = service.build.has_value() && !options.no_build;
    need.operation.pull = !need.operation.build && policy != "never" && !service.image.empty();
    return need;
}

// Services whose images this build takes as additional contexts ("service:base").
std::vector<std::string> contexts_of(const Service& service) {
    std::vector<std::string> out;
    if (!service.build) return out;
    for (const auto& [name, source] : service.build->additional_contexts)
        if (source.starts_with("service:")) out.push_back(source.substr(8));
    return out;
}

// Puts what a build takes from another one behind it. The contexts form no circle, or the rest comes as it
// is.
std::vector<std::string> build_order(const Project& project, std::vector<std::string> services) {
    std::set<std::string> open(services.begin(), services.end());
    std::vector<std::string> out;
    for (bool moved = true; moved;) {
        moved = false;
        for (const auto& name : services) {
            if (!open.contains(name)) continue;
            bool ready = true;
            for (const auto& context : contexts_of(project.services.at(name)))
                if (context != name && open.contains(context)) ready = false;
            if (!ready) continue;
            open.erase(name);
            out.push_back(name);
            moved = true;
        }
    }
    for (const auto& name : services)
        if (open.contains(name)) out.push_back(name);
    return out;
}

// One node for each image name: two services of one image pull it once, and wait for the one that builds it.
class ImageNodes {
  public:
    ImageNodes(PlanBuilder& plan, const Project& project) : plan_(plan), project_(project) {}

    void add(const Service& service, const EnsureImage& operation, const std::string& cause) {
        const auto name = image_name(project_, service);
        if (const auto known = by_image_.find(name); known != by_image_.end()) {
            by_service_[service.name] = known->second;
            return;
        }
        NodeIds after;
        for (const auto& context : contexts_of(service))
            if (const auto found = by_service_.find(context); found != by_service_.end())
                after.push_back(found->second);
        const auto id = plan_.add(operation, cause, std::move(after));
        by_image_[name] = by_service_[service.name] = id;
    }
    [[nodiscard]] std::map<std::string, std::size_t> take() && { return std::move(by_service_); }

  private:
    PlanBuilder& plan_;
    const Project& project_;
    std::map<std::string, std::size_t> by_image_, by_service_;
};

} // namespace

Result<std::map<std::string, std::size_t>> add_images(PlanBuilder& plan, const Project& project,
                                                      const std::vector<std::string>& services,
                                                      const UpOptions& options) {
    std::map<std::string, ImageNeed> needs;
    for (const auto& name : services) {
        BERTH_ASSIGN_OR_RETURN(needs[name], need_of(project.services.at(name), options));
    }
    ImageNodes nodes(plan, project);
    // Those that build first, so that another service of the same image does not ask a registry for it.
    for (const bool builds : {true, false}) {
        for (const auto& name : build_order(project, services)) {
            const auto& need = needs.at(name);
            if (need.cause.empty() || need.operation.build != builds) continue;
            nodes.add(project.services.at(name), need.operation, need.cause);
        }
    }
    return std::move(nodes).take();
}

Result<Plan> plan_images(const Project& project, const UpOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto services, graph.select(options.services, !options.no_deps));
    PlanBuilder plan;
    BERTH_TRY(add_images(plan, project, services, options));
    return std::move(plan).take();
}

Result<Plan> plan_build(const Project& project, const ImageOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto chosen, graph.select(options.services, options.with_dependencies));
    std::set<std::string> wanted(chosen.begin(), chosen.end());
    std::vector<std::string> open = chosen;
    while (!open.empty()) {
        const auto name = std::move(open.back());
        open.pop_back();
        for (const auto& context : contexts_of(project.services.at(name)))
            if (project.services.contains(context) && wanted.insert(context).second) open.push_back(context);
    }
    PlanBuilder plan;
    ImageNodes nodes(plan, project);
    for (const auto& name : build_order(project, {wanted.begin(), wanted.end()})) {
        const auto& service = project.services.at(name);
        if (service.build) nodes.add(service, {name, true, false}, "asked for");
    }
    return std::move(plan).take();
}

Result<Plan> plan_pull(const Project& project, const ImageOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto services, graph.select(options.services, options.with_dependencies));
    PlanBuilder plan;
    ImageNodes nodes(plan, project);
    for (const auto& name : services) {
        const auto& service = project.services.at(name);
        if (service.image.empty() || (options.ignore_buildable && service.build)) continue;
        if (options.policy == "missing" && options.image_ids.contains(name)) continue;
        nodes.add(service, {name, false, true}, "asked for");
    }
    return std::move(plan).take();
}

} // namespace berth::compose
