// inspect_parts.hpp - the two large members of docker inspect's JSON. Pure.
#pragma once

#include "runtime/container/spec.hpp"

namespace berth::runtime {

[[nodiscard]] Json config_part(const ContainerSpec& spec);
[[nodiscard]] Json host_config_part(const ContainerSpec& spec);

} // namespace berth::runtime
