// refusals.hpp - what is wrong with instructions and can be told before anything is built, so that a mistake
// on the last line does not cost the steps above it. Looks only at what no variable can change. Pure.
#pragma once

#include "runtime/build/stages.hpp"

namespace berth::build {

// Of the stages that the target needs, or of all.
[[nodiscard]] Status refuse_mistakes(const Dockerfile& file, const StageGraph& graph, bool all_stages);

} // namespace berth::build
