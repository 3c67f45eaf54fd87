#include "compose/plan/existing.hpp"

#include "runtime/base/parse.hpp"

namespace berth::compose {

namespace {

// Depth first; labels of damaged records may form a circle, which then is cut where it closes.
void visit(const std::string& service, const std::map<std::string, std::vector<std::string>>& needs,
           std::set<std::string>& seen, std::vector<std::string>& order) {
    if (!needs.contains(service) || !seen.insert(service).second) return;
    for (const auto& need : needs.at(service))
        visit(need, needs, seen, order);
    order.push_back(service);
}

} // namespace

Result<Existing> Existing::make(const Project& project, const Observed& observed,
                                const std::vector<std::string>& services) {
    Existing out;
    out.by_name_only_ = project.services.empty() && project.disabled_services.empty();
    BERTH_ASSIGN_OR_RETURN(const auto graph, Graph::make(project));
    for (const auto& [name, service] : project.services)
        out.known_.insert(name);
    for (const auto& [name, service] : project.disabled_services)
        out.known_.insert(name);
    for (const auto& container : observed.containers) {
        out.containers_[container.service].push_back(&container);
        auto& needs = out.needs_[container.service];
        if (!project.services.contains(container.service)) needs = container.depends_on;
    }
    for (const auto& [name, service] : project.services) {
        const auto found = out.needs_.find(name);
        if (found == out.needs_.end()) continue;
        for (const auto& edge : graph.dependencies(name))
            found->second.push_back(edge.dependency.service);
    }
    std::set<std::string> seen;
    for (const auto& [name, containers] : out.containers_)
        visit(name, out.needs_, seen, out.order_);
    for (const auto& name : services) {
        if (!out.known_.contains(name) && !out.containers_.contains(name)) {
            Error error(ErrorCode::not_found, concat("no such service: ", name));
            std::vector<std::string> names(out.known_.begin(), out.known_.end());
            names.insert(names.end(), out.order_.begin(), out.order_.end());
            if (const auto near = nearest_word(name, names); !near.empty())
                error.hint(concat("did you mean '", near, "'?"));
            return fail(std::move(error));
        }
        out.targets_.insert(name);
    }
    return out;
}

bool Existing::is_targeted(const std::string& service) const {
    if (!targets_.empty()) return targets_.contains(service);
    return !is_orphan(service);
}

bool Existing::is_orphan(const std::string& service) const {
    return !by_name_only_ && !known_.contains(service);
}

} // namespace berth::compose
