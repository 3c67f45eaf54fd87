// lower.hpp - a service of the compose file to what the four folders below understand. Pure but for files:
// the content of configs and secrets that come from the environment or from `content:`. One of the two files
// (with bring_up) that know all four folders.
#pragma once

#include "compose/model/project.hpp"
#include "compose/plan/bring_up.hpp"
#include "network/model.hpp"
#include "volumes/model.hpp"

#include <map>
#include <string>

namespace berth::compose {

struct LowerOptions {
    std::string name; // of the container; empty: naming.hpp's
    std::int64_t number = 1;
    bool oneoff =
        false; // `compose run`: label oneoff=True, no published ports unless service_ports, no restart
    bool service_ports = true;
    bool use_aliases = true; // `compose run --use-aliases`
    std::string image_id;    // for the label; empty: create_container knows it
    std::string config_hash; // empty: computed
    // Container ids of the services that this one refers to (network_mode, pid, ipc: service:X,
    // volumes_from).
    std::map<std::string, std::string> container_ids;
    std::map<std::string, std::string> preferred_ipv4; // by the network's name
    std::map<std::string, std::string> inherited_volumes;
};
// Errors carry the place in the compose file.
[[nodiscard]] Result<ContainerRequest> lower_service(const Project& project, const Service& service,
                                                     const LowerOptions& options);
[[nodiscard]] Result<network::NetworkConfig> lower_network(const Project& project,
                                                           const ProjectNetwork& network);
[[nodiscard]] volumes::Volume lower_volume(const Project& project, const ProjectVolume& volume);

} // namespace berth::compose
