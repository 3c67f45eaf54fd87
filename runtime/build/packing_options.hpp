// packing_options.hpp - compression, compression-level and force-compression, as outputs and caches have
// them. Pure.
#pragma once

#include "runtime/build/builder.hpp"
#include "runtime/image/packing.hpp"

namespace berth::build {

[[nodiscard]] Result<image::Packing> packing_of(const BuildOption& option);
// A yes or no of an output or a cache; `otherwise` when it is not said.
[[nodiscard]] Result<bool> flag_of(const BuildOption& option, const std::string& name, bool otherwise);

} // namespace berth::build
