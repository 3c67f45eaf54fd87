// plan.hpp - what `up`, `down` and their kin do, as data: a graph of operations, each with its cause. Made by the pure
// planner (reconcile.hpp), run by the executor, which decides nothing; printed by `compose plan` and by golden tests.
#pragma once

#include "compose/model/project.hpp"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace berth::compose {

struct CreateNetwork { std::string key; };
struct RemoveNetwork { std::string id, name; };
struct CreateVolume { std::string key; };
struct RemoveVolume { std::string name; };
struct EnsureImage { std::string service; bool build = false; bool pull = false; }; // build, pull, or only check
struct RemoveImage { std::string name; };
struct CreateContainer {
    std::string service;
    std::int64_t number = 1;
    std::string name;
    std::string replaces;       // id of the container that this one takes over from (address, anonymous volumes)
    std::string preferred_ipv4; // "network=address" of the one replaced, comma-separated
};
struct StartContainer { std::string service; std::int64_t number = 1; std::string name; };
struct StopContainer { std::string id, name, service; };
struct RemoveContainer { std::string id, name, service; bool volumes = false; };
struct WaitFor { // until a container of `service` meets the condition
    std::string service;
    std::int64_t number = 1;
    std::string name;
    DependencyCondition condition = DependencyCondition::started;
    bool required = true;
    SourcePos at; // where depends_on asks for it
};
using Operation = std::variant<CreateNetwork, RemoveNetwork, CreateVolume, RemoveVolume, EnsureImage, RemoveImage, CreateContainer,
                               StartContainer, StopContainer, RemoveContainer, WaitFor>;

struct PlanNode {
    std::size_t id = 0; // index in Plan::nodes
    Operation operation;
    std::string cause;              // "configuration changed", "not there", "image is newer", "orphan", ...
    std::vector<std::size_t> after; // nodes that must have succeeded
};
struct Plan {
    std::vector<PlanNode> nodes; // in an order that respects `after`
    [[nodiscard]] bool empty() const { return nodes.empty(); }
    // One line a node: "[0,1] -> 3 create container shop-web-1 (configuration changed)".
    [[nodiscard]] std::string to_string() const;
};

} // namespace berth::compose
