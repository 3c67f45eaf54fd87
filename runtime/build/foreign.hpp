// foreign.hpp - whether programs of a platform run on this machine: its own, or one for which the kernel
// knows an interpreter. Private to runtime/build.
#pragma once

#include "runtime/image/platform.hpp"

namespace berth::build {

// unsupported, with what to do, when they do not.
[[nodiscard]] Status check_runs_here(const image::Platform& platform);

} // namespace berth::build
