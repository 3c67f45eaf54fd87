// explain.hpp - where the values of a loaded model come from: `config --explain KEY`. Pure: reads the
// finished tree and what the phases remembered about it.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

// The leaves at and below `key` ("services.web.ports[0]", "services.web"), and what !reset took away there.
// Keys that have dots themselves (labels) are found as they stand. `disabled`: services of inactive profiles.
// Error: there is nothing of that name; the hint names a near one.
[[nodiscard]] Result<std::vector<ExplainedValue>> explain(const LoadContext& context, const SourceNode& root,
                                                          const SourceNode& disabled, std::string_view key);

} // namespace berth::compose::load
