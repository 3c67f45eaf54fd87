#include "compose/plan/graph.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <set>

namespace berth::compose {

namespace {

// "service:db" -> "db"; empty for other modes.
std::string shared_service(const std::string& mode) {
    constexpr std::string_view prefix = "service:";
    return mode.starts_with(prefix) ? mode.substr(prefix.size()) : std::string();
}

void add_edge(std::vector<DependencyEdge>& edges, const Service& service, const std::string& name,
              bool shares) {
    if (name.empty() || name == service.name) return;
    const auto known = std::find_if(edges.begin(), edges.end(),
                                    [&](const DependencyEdge& e) { return e.dependency.service == name; });
    if (known != edges.end()) {
        known->shares = known->shares || shares;
        known->dependency.restart = known->dependency.restart || shares;
        return;
    }
    edges.push_back({{name, DependencyCondition::started, shares, true, service.at}, shares});
}

std::vector<DependencyEdge> edges_of(const Service& service) {
    std::vector<DependencyEdge> edges;
    for (const auto& dependency : service.depends_on)
        edges.push_back({dependency, false});
    for (const auto& mode : {service.network_mode, service.pid, service.ipc})
        add_edge(edges, service, shared_service(mode), true);
    for (const auto& from : service.volumes_from)
        if (!from.starts_with("container:")) add_edge(edges, service, from.substr(0, from.find(':')), false);
    for (const auto& link : service.links)
        add_edge(edges, service, link.substr(0, link.find(':')), false);
    std::sort(edges.begin(), edges.end(),
              [](const auto& a, const auto& b) { return a.dependency.service < b.dependency.service; });
    return edges;
}

Error missing_dependency(const Project& project, const Service& service, const Dependency& dependency) {
    Error error(ErrorCode::invalid_input,
                concat("service '", service.name, "' depends on '", dependency.service, "', which ",
                       project.disabled_services.contains(dependency.service) ? "no active profile enables"
                                                                              : "is not in the project"));
    error.at(dependency.at.known() ? dependency.at : service.at);
    std::vector<std::string> names;
    for (const auto& [name, other] : project.services)
        names.push_back(name);
    if (project.disabled_services.contains(dependency.service))
        error.hint("activate its profile with --profile, or write required: false");
    else if (const auto near = nearest_word(dependency.service, names); !near.empty())
        error.hint(concat("did you mean '", near, "'?"));
    return error;
}

// The services on a circle, first one again at the end, among those that an ordering left over.
std::vector<std::string> find_cycle(const std::map<std::string, std::vector<DependencyEdge>>& edges,
                                    const std::set<std::string>& left) {
    // Every one of them needs another one of them, so walking on must come back to one that was seen.
    std::vector<std::string> way{*left.begin()};
    while (true) {
        const auto& next = edges.at(way.back());
        const auto edge = std::find_if(next.begin(), next.end(),
                                       [&](const auto& e) { return left.contains(e.dependency.service); });
        const auto& name = edge->dependency.service;
        const auto seen = std::find(way.begin(), way.end(), name);
        if (seen != way.end()) {
            std::vector<std::string> cycle(seen, way.end());
            // The same circle is told the same way wherever the walk entered it.
            std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
            cycle.push_back(cycle.front());
            return cycle;
        }
        way.push_back(name);
    }
}

Error cycle_error(const std::map<std::string, std::vector<DependencyEdge>>& edges,
                  const std::set<std::string>& left) {
    const auto cycle = find_cycle(edges, left);
    Error error(ErrorCode::invalid_input, concat("dependency cycle: ", join(cycle, " -> ")));
    for (std::size_t i = 0; i + 1 < cycle.size(); ++i) {
        const auto& from = edges.at(cycle[i]);
        const auto edge = std::find_if(from.begin(), from.end(),
                                       [&](const auto& e) { return e.dependency.service == cycle[i + 1]; });
        if (i == 0) error.at(edge->dependency.at);
        error.note(concat("'", cycle[i], "' depends on '", cycle[i + 1], "'"), edge->dependency.at);
    }
    error.hint("remove one of these dependencies");
    return error;
}

} // namespace

Result<Graph> Graph::make(const Project& project) {
    Graph graph;
    std::map<std::string, std::size_t> needs;
    std::map<std::string, std::vector<std::string>> needed_by;
    for (const auto& [name, service] : project.services) {
        auto& kept = graph.edges_[name];
        for (auto& edge : edges_of(service)) {
            if (!project.services.contains(edge.dependency.service)) {
                if (edge.dependency.required)
                    return fail(missing_dependency(project, service, edge.dependency));
                continue;
            }
            needed_by[edge.dependency.service].push_back(name);
            kept.push_back(std::move(edge));
        }
        needs[name] = kept.size();
    }
    std::set<std::string> ready, left;
    for (const auto& [name, count] : needs)
        (count == 0 ? ready : left).insert(name);
    while (!ready.empty()) {
        const auto name = ready.extract(ready.begin()).value();
        for (const auto& dependent : needed_by[name]) {
            if (--needs[dependent] == 0) ready.insert(left.extract(dependent));
        }
        graph.order_.push_back(name);
    }
    if (!left.empty()) return fail(cycle_error(graph.edges_, left));
    return graph;
}

const std::vector<DependencyEdge>& Graph::dependencies(const std::string& service) const {
    static const std::vector<DependencyEdge> none;
    const auto found = edges_.find(service);
    return found == edges_.end() ? none : found->second;
}

std::vector<std::string> Graph::dependents(const std::string& service) const {
    std::vector<std::string> names;
    for (const auto& [name, edges] : edges_)
        if (std::any_of(edges.begin(), edges.end(),
                        [&](const auto& e) { return e.dependency.service == service; }))
            names.push_back(name);
    return names;
}

Result<std::vector<std::string>> Graph::select(const std::vector<std::string>& services,
                                               bool with_dependencies) const {
    if (services.empty()) return order_;
    std::set<std::string> wanted;
    std::vector<std::string> open;
    for (const auto& name : services) {
        if (!edges_.contains(name)) {
            Error error(ErrorCode::not_found, concat("no such service: ", name));
            if (const auto near = nearest_word(name, order_); !near.empty())
                error.hint(concat("did you mean '", near, "'?"));
            return fail(std::move(error));
        }
        if (wanted.insert(name).second) open.push_back(name);
    }
    while (with_dependencies && !open.empty()) {
        const auto name = std::move(open.back());
        open.pop_back();
        for (const auto& edge : dependencies(name))
            if (wanted.insert(edge.dependency.service).second) open.push_back(edge.dependency.service);
    }
    std::vector<std::string> out;
    for (const auto& name : order_)
        if (wanted.contains(name)) out.push_back(name);
    return out;
}

} // namespace berth::compose
