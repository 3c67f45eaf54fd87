// reconcile.hpp - the planner: pure functions from what is wanted and what is there to a Plan. No I/O, no
// clock, no randomness; the same input gives the same text. What is already right gives no node at all.
#pragma once

#include "compose/plan/graph.hpp"
#include "compose/plan/observed.hpp"
#include "compose/plan/plan.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::compose {

struct UpOptions {
    std::vector<std::string> services; // none: all enabled ones
    bool no_deps = false;
    bool force_recreate = false, no_recreate = false, always_recreate_deps = false;
    bool renew_anon_volumes = false;
    bool build = false, no_build = false;
    std::string pull; // "", "always", "missing", "never": over the services' own pull_policy
    bool remove_orphans = false;
    bool ignore_orphans = false;               // COMPOSE_IGNORE_ORPHANS: no warning
    std::map<std::string, std::int64_t> scale; // --scale
    bool no_start = false;                     // `create`, `up --no-start`
    bool wait = false;                         // --wait: until all are running or healthy
    std::optional<Duration> timeout;           // of stops
    // Id of the image that each service's name stands for now; no entry: not in the store. apply_up fills it.
    std::map<std::string, std::string> image_ids;
    // Images have been built and pulled already, as --build and pull policies ask: only what is missing is an
    // error.
    bool images_prepared = false;
};
// EnsureImage, networks, volumes, containers. Errors: an unknown service, a cycle, a scaled service with
// container_name, an external network or volume that is not there.
[[nodiscard]] Result<Plan> plan_up(const Project& project, const Observed& observed,
                                   const UpOptions& options);
// Only the EnsureImage nodes that plan_up would have: `up` runs them first, since whether an image is newer
// is known only afterwards.
[[nodiscard]] Result<Plan> plan_images(const Project& project, const UpOptions& options);

struct ImageOptions {
    std::vector<std::string> services; // none: all
    bool with_dependencies = false;
    bool ignore_buildable = false; // pull: not those with a build section
    std::string policy;            // pull: "" or "always"; "missing" passes over what image_ids has
    std::map<std::string, std::string> image_ids;
};
// `compose build`: services without a build section are passed over; additional_contexts "service:X" come
// first.
[[nodiscard]] Result<Plan> plan_build(const Project& project, const ImageOptions& options);
// `compose pull`: services without `image:` are passed over.
[[nodiscard]] Result<Plan> plan_pull(const Project& project, const ImageOptions& options);

struct DownOptions {
    std::vector<std::string> services; // none: the whole project
    bool volumes = false;              // -v: named and anonymous ones
    std::string rmi;                   // "", "all", "local"
    bool remove_orphans = false;
    std::optional<Duration> timeout;
};
// A project without services (made from the name alone) takes down all that carries its name.
[[nodiscard]] Result<Plan> plan_down(const Project& project, const Observed& observed,
                                     const DownOptions& options);

struct ServiceOptions {
    std::vector<std::string> services; // none: all
    std::optional<Duration> timeout;   // stop, restart
    int signal = 9;                    // kill
    bool no_deps = false;              // restart, start: do not follow depends_on
    bool wait = false;                 // start --wait
    bool volumes = false;              // rm -v
    bool stop = false;                 // rm -s: stop running ones first; otherwise they are passed over
    bool remove_orphans = false;       // kill
};
// Containers of one-off commands are left alone, but by kill and rm of the whole project.
[[nodiscard]] Result<Plan> plan_stop(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_start(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_restart(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_kill(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_rm(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_pause(const Project&, const Observed&, const ServiceOptions&);
[[nodiscard]] Result<Plan> plan_unpause(const Project&, const Observed&, const ServiceOptions&);
// plan_up with no_start.
[[nodiscard]] Result<Plan> plan_create(const Project&, const Observed&, UpOptions);

} // namespace berth::compose
