// plan.hpp - what `up`, `down` and their kin do, as data: a graph of operations, each with its cause. Made by
// the pure planner (reconcile.hpp), run by the executor, which decides nothing; printed by `compose plan` and
// by golden tests.
#pragma once

#include "compose/model/project.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace berth::compose {

struct CreateNetwork {
    std::string key, name;
};
struct RemoveNetwork {
    std::string id, name;
    bool tolerate_in_use = false; // `down`: others may be connected to it; that is told, not a failure
};
struct CreateVolume {
    std::string key, name;
};
struct RemoveVolume {
    std::string name;
};
struct EnsureImage { // build, pull, or only check
    std::string service;
    bool build = false;
    bool pull = false;
};
struct RemoveImage {
    std::string name;
};
struct CreateContainer {
    std::string service;
    std::int64_t number = 1;
    std::string name;
    // Id of the container that this one takes over from (address, anonymous volumes). The executor gives the
    // old one another name first and leaves it in place until its RemoveContainer, so that a failed `up` can
    // go back to it.
    std::string replaces;
    std::string preferred_ipv4; // "network=address" of the one replaced, comma-separated
    bool renew_anonymous_volumes = false;
};
struct StartContainer {
    std::string service;
    std::int64_t number = 1;
    std::string name;
    std::string id;        // empty: the one that this plan creates under that name
    bool restarts = false; // the second half of `restart`, told as one
};
struct StopContainer {
    std::string id, name, service;
    std::optional<Duration> timeout; // none: the container's own
    bool restarts = false;           // the first half of `restart`
    bool replaced = false;           // part of a re-creation, told as one by its CreateContainer
};
struct KillContainer {
    std::string id, name, service;
    int signal = 9;
};
struct PauseContainer {
    std::string id, name, service;
};
struct UnpauseContainer {
    std::string id, name, service;
};
struct RemoveContainer {
    std::string id, name, service;
    bool volumes = false;  // its anonymous ones
    bool force = false;    // SIGKILL when it runs
    bool replaced = false; // as of StopContainer
};
struct WaitFor { // until a container of `service` meets the condition
    std::string service;
    std::int64_t number = 1;
    std::string name;
    // started: running, and healthy where it has a health check (`up --wait`); as a dependency's condition it
    // needs no wait and makes no such node.
    DependencyCondition condition = DependencyCondition::started;
    bool required = true;
    SourcePos at;          // where depends_on asks for it
    std::string id;        // empty: the one that this plan creates under that name
    std::string dependent; // the service that waits; empty: the command itself
};
using Operation = std::variant<CreateNetwork, RemoveNetwork, CreateVolume, RemoveVolume, EnsureImage,
                               RemoveImage, CreateContainer, StartContainer, StopContainer, KillContainer,
                               PauseContainer, UnpauseContainer, RemoveContainer, WaitFor>;

struct PlanNode {
    std::size_t id = 0; // index in Plan::nodes
    Operation operation;
    std::string cause;              // "configuration changed", "not there", "image is newer", "orphan", ...
    std::vector<std::size_t> after; // nodes that must have succeeded; all of them have smaller ids
};
struct Plan {
    std::vector<PlanNode> nodes; // in an order that respects `after`
    // What the user must know though it stops nothing: orphans that stay, networks that are still in use.
    std::vector<std::string> warnings;
    // Containers that run already and stay as they are: shown, no operation.
    std::vector<std::string> running;
    [[nodiscard]] bool empty() const { return nodes.empty(); }
    // One line a node: "[0,1] -> 3 create container shop-web-1 (configuration changed)".
    [[nodiscard]] std::string to_string() const;
};

// How progress names an operation: "Container shop-web-1", "Creating", "Created"; the words of docker
// compose. doing or done may be empty: nothing is shown then.
struct OperationWords {
    std::string subject, doing, done;
};
[[nodiscard]] OperationWords words_of(const Operation& operation);

} // namespace berth::compose
