// up_decisions.hpp - first half of plan_up: what shall become of every container, and why. Pure. The second
// half (reconcile_up.cpp) turns the decisions into operations.
#pragma once

#include "compose/plan/reconcile.hpp"

#include <set>

namespace berth::compose {

enum class Action : std::uint8_t { keep, start, restart, create, recreate };

// One container that shall be there when `up` is done.
struct Instance {
    const Service* service = nullptr;
    std::int64_t number = 1;
    std::string name;
    const ObservedContainer* current = nullptr; // none: to be created
    Action action = Action::keep;
    std::string cause;
    bool stays_stopped = false; // not asked for and not running, only carried along
    [[nodiscard]] bool is_new() const { return action == Action::create || action == Action::recreate; }
    [[nodiscard]] bool starts() const { return action != Action::keep && !stays_stopped; }
};
// One that shall go.
struct Surplus {
    const ObservedContainer* container = nullptr;
    std::string cause;
};

struct UpDecisions {
    std::vector<std::string> selected; // services, in the graph's order
    std::map<std::string, std::vector<Instance>>
        instances; // by service, by number; also of those not selected
    std::vector<Surplus> surplus;
    std::vector<std::string> new_networks, changed_networks; // keys, sorted
    std::vector<std::string> new_volumes;                    // keys, sorted
    std::vector<std::string> warnings;
    bool with_images = true;  // whether images are looked after
    bool tell_running = true; // `up` and `create` show what stays as it is
};

// `observed` and `project` must outlive the result.
[[nodiscard]] Result<UpDecisions> decide_up(const Project& project, const Graph& graph,
                                            const Observed& observed, const UpOptions& options);
// The second half.
[[nodiscard]] Result<Plan> plan_decisions(const Project& project, const Graph& graph,
                                          const Observed& observed, const UpOptions& options,
                                          UpDecisions decisions);

} // namespace berth::compose
