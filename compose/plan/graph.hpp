// graph.hpp - which service needs which: depends_on and what else refers to a service (links, network_mode,
// pid, ipc, volumes_from). Pure. A cycle is an error that names the services on it, one note an edge with its
// depends_on line.
#pragma once

#include "compose/model/project.hpp"
#include "runtime/base/result.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::compose {

struct DependencyEdge {
    Dependency dependency;
    // It cannot exist without that service's container ("network_mode: service:db"): re-created together with
    // it.
    bool shares = false;
};

class Graph {
  public:
    // Edges to services that profiles left out, or with required: false to missing ones, are dropped.
    [[nodiscard]] static Result<Graph> make(const Project& project);

    // Every enabled service, what it needs before it; by name among equals.
    [[nodiscard]] const std::vector<std::string>& order() const { return order_; }
    [[nodiscard]] const std::vector<DependencyEdge>& dependencies(const std::string& service) const;
    [[nodiscard]] std::vector<std::string>
    dependents(const std::string& service) const; // direct ones, sorted
    // The targeted services (none: all) and, if wanted, all that they need, in order(). An unknown name is
    // not_found with a "did you mean".
    [[nodiscard]] Result<std::vector<std::string>> select(const std::vector<std::string>& services,
                                                          bool with_dependencies) const;

  private:
    std::map<std::string, std::vector<DependencyEdge>> edges_;
    std::vector<std::string> order_;
};

} // namespace berth::compose
