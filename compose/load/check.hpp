// check.hpp - every value of a merged model against the schema: unknown keys, wrong kinds, words that are
// none, numbers, sizes and durations that do not read as such. All of it is reported; what is wrong is
// removed, so that later phases see well-formed values only.
#pragma once

#include "compose/load/context.hpp"
#include "compose/load/schema.hpp"

namespace berth::compose::load {

void check_model(LoadContext& context, SourceNode& root);

} // namespace berth::compose::load
