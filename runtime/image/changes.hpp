// changes.hpp - `import --change` and `commit --change`: single Dockerfile instructions that only alter the
// configuration. The Dockerfile parser proper is runtime/build's, which stands above this room.
#pragma once

#include "runtime/image/image_config.hpp"

namespace berth::image {

[[nodiscard]] Status apply_change(RunConfig& config, const std::string& change);
[[nodiscard]] Status apply_changes(RunConfig& config, const std::vector<std::string>& changes);

} // namespace berth::image
