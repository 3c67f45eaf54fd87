// merge.hpp - one file over another, attribute by attribute: a table of path patterns names the exceptions,
// everything else is "mappings key by key, lists appended, scalars replaced". Handles !reset and !override.
// Values keep the place where they were written; a replaced scalar is remembered in the trace of the one that
// replaced it.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

// `path` is where the two nodes stand in the model ("services.web" for extends). Kinds that cannot be merged
// are an error at the overriding value.
void merge_node(LoadContext& context, SourceNode& base, SourceNode overriding, const Path& path);
// Removes !reset values and the tags themselves from a tree that is merged over nothing.
void strip_tags(SourceNode& node);

} // namespace berth::compose::load
