// image_root.hpp - the merged root of a container that does not run, for reading what the image says (users).
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/container/spec.hpp"

namespace berth::runtime {

// Layers as a detached read-only overlay (fsopen, Linux 5.2), which no other process ever sees; a single
// layer or a plain root folder without one. Nothing is mounted on the host.
[[nodiscard]] Result<Fd> open_image_root(const ContainerSpec& spec);

} // namespace berth::runtime
