// lower_mounts.hpp - volumes, tmpfs, configs and secrets of a service as mount and file requests. Part of
// lower.hpp.
#pragma once

#include "compose/plan/lower.hpp"

namespace berth::compose {

[[nodiscard]] Status lower_mounts(const Project& project, const Service& service, ContainerRequest& request);
[[nodiscard]] Status lower_files(const Project& project, const Service& service, ContainerRequest& request);

} // namespace berth::compose
