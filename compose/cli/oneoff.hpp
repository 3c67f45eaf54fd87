// oneoff.hpp - what `compose run` needs before its container can exist: dependencies that run and meet their
// conditions, networks, volumes, the image; and the container's request.
#pragma once

#include "compose/cli/project.hpp"
#include "compose/plan/bring_up.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::cli {

struct OneoffFlags {
    std::vector<std::string> words, env, env_from_file, label, publish, volume, cap_add, cap_drop;
    std::string name, user, workdir, pull;
    std::optional<std::string> entrypoint;
    std::optional<bool> tty, interactive;
    bool build = false, detach = false, no_deps = false, no_tty = false, quiet = false, quiet_build = false,
         quiet_pull = false, remove_orphans = false, rm = false, service_ports = false, use_aliases = false;
};
// The service's dependencies run; what they wait for has happened.
[[nodiscard]] Status start_dependencies(Session& session, const compose::Project& project,
                                        const compose::Service& service, const OneoffFlags& flags);
// Networks and volumes made, image there; the container is created, not started.
[[nodiscard]] Result<runtime::Container> create_oneoff(Session& session, const compose::Project& project,
                                                       const compose::Service& service,
                                                       const OneoffFlags& flags);

} // namespace berth::cli
