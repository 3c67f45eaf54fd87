// bake_file.hpp - `compose build --print`: the builds of a project as docker buildx bake would be given them.
#pragma once

#include "compose/model/project.hpp"
#include "compose/plan/build_options.hpp"
#include "runtime/base/json.hpp"

#include <string>
#include <vector>

namespace berth::cli {

struct BakeOptions {
    compose::ServiceBuildOptions build;
    bool check = false;
};
// `services`: those that are built, in their order.
[[nodiscard]] Result<Json> bake_file(const compose::Project& project,
                                     const std::vector<std::string>& services, const BakeOptions& options);

} // namespace berth::cli
