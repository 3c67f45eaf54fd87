// plan_builder.hpp - appends nodes to a plan; shared by the planner's files.
#pragma once

#include "compose/plan/plan.hpp"

#include <algorithm>

namespace berth::compose {

using NodeIds = std::vector<std::size_t>;

class PlanBuilder {
  public:
    std::size_t add(Operation operation, std::string cause, NodeIds after = {}) {
        std::sort(after.begin(), after.end());
        after.erase(std::unique(after.begin(), after.end()), after.end());
        const auto id = plan_.nodes.size();
        plan_.nodes.push_back({id, std::move(operation), std::move(cause), std::move(after)});
        return id;
    }
    void running(std::string name) { plan_.running.push_back(std::move(name)); }
    void warn(std::string text) { plan_.warnings.push_back(std::move(text)); }
    // Nodes that no other node comes after.
    [[nodiscard]] NodeIds sinks() const {
        std::vector<bool> followed(plan_.nodes.size(), false);
        for (const auto& node : plan_.nodes)
            for (const auto before : node.after)
                followed[before] = true;
        NodeIds out;
        for (std::size_t i = 0; i < followed.size(); ++i)
            if (!followed[i]) out.push_back(i);
        return out;
    }
    [[nodiscard]] Plan take() && { return std::move(plan_); }

  private:
    Plan plan_;
};

inline void append(NodeIds& to, const NodeIds& from) {
    to.insert(to.end(), from.begin(), from.end());
}

} // namespace berth::compose
