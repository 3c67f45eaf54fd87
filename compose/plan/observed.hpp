// observed.hpp - what exists on this host of one project, found by Docker's labels: plain values, so that the
// planner stays a pure function. Records are checked against the kernel when they are read; a broken record
// is passed over and told through Context::progress, it never blocks the others.
#pragma once

#include "compose/model/project.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"
#include "runtime/container/state.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace berth::compose {

struct ObservedContainer {
    std::string id, name, service;
    std::int64_t number = 0;
    bool oneoff = false; // of `compose run`
    std::string config_hash;
    std::string image, image_id;
    decltype(runtime::ContainerState::status) status{};
    decltype(runtime::ContainerState::health) health{};
    std::int64_t exit_code = 0;
    bool has_healthcheck = false;
    std::string created_at; // RFC 3339
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> ipv4;              // by the network's name
    std::vector<std::string> networks;                    // names that it asks to join
    std::map<std::string, std::string> anonymous_volumes; // name by target
    std::vector<std::string> named_volumes;
    std::vector<std::string>
        depends_on;       // services, from its label: `down` without a compose file keeps the order
    bool damaged = false; // its record cannot be read: it is replaced or removed
    // A live process: running, paused or between two restarts. Of a damaged one nobody knows: it counts as one.
    [[nodiscard]] bool is_up() const {
        using State = decltype(status);
        return status == State::running || status == State::paused || status == State::restarting ||
               status == State::starting || damaged;
    }
};
struct ObservedNetwork {
    std::string id, name;
    std::string key; // below `networks:`; empty: not of this project (an external one that was asked for)
    std::string config_hash;
};
struct ObservedVolume {
    std::string name, key, config_hash;
};
struct Observed {
    std::vector<ObservedContainer> containers; // by service, number, age
    std::vector<ObservedNetwork> networks;
    std::vector<ObservedVolume> volumes;
    // Also what has a name that the project uses without carrying its label: external ones, and strangers.
    bool names_known = false;
};

// Objects that carry com.docker.compose.project=<project>.
[[nodiscard]] Result<Observed> observe(const Context& context, const std::string& project);
// And networks and volumes by the names in the project: with it the planner tells a missing external one
// beforehand.
[[nodiscard]] Result<Observed> observe(const Context& context, const Project& project);

// All projects on this host, for `compose ls`: name, its compose files as labelled, containers by status.
struct ObservedProject {
    std::string name, config_files, working_directory;
    std::map<std::string, std::int64_t> by_status; // "running" -> 3
};
[[nodiscard]] Result<std::vector<ObservedProject>> observe_projects(const Context& context);

} // namespace berth::compose
