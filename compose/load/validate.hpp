// validate.hpp - rules between fields of one service, and between services and resources. Dependency cycles
// are the planner's to report; names that nobody defines are reported here.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

void validate(LoadContext& context, const SourceNode& root, const SourceNode& disabled);
// The rules of one service alone.
void validate_service(LoadContext& context, const std::string& name, const SourceNode& service,
                      const Path& path);

} // namespace berth::compose::load
