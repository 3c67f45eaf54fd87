// reconcile_images.hpp - which images a run of services needs; shared by plan_up, plan_build and plan_pull.
#pragma once

#include "compose/plan/plan_builder.hpp"
#include "compose/plan/reconcile.hpp"

namespace berth::compose {

// Adds the EnsureImage nodes that `services` (in order) need; by service, the node that its containers come
// after.
[[nodiscard]] Result<std::map<std::string, std::size_t>> add_images(PlanBuilder& plan, const Project& project,
                                                                    const std::vector<std::string>& services,
                                                                    const UpOptions& options);

} // namespace berth::compose
