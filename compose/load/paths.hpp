// paths.hpp - relative paths of a model to absolute ones, from the folder of the file that wrote them: which
// attributes are paths stands in one table here. Works on the canonical form.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

// Joins `folder` in front of every relative path.
void resolve_paths(LoadContext& context, SourceNode& root, const std::string& folder);
void resolve_service_paths(LoadContext& context, SourceNode& service, const std::string& folder);

} // namespace berth::compose::load
