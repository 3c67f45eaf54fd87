// explanation.hpp - what `config --explain` prints: the chain of each value, for people and for programs.
#pragma once

#include "compose/load/loader.hpp"

#include <string>
#include <vector>

namespace berth::cli {

[[nodiscard]] std::string explanation_text(const std::vector<compose::ExplainedValue>& values, bool color);
// A list of {path, value, file, line, column, implied, variables, mergedBy, replaced}; removed values have no
// `value`.
[[nodiscard]] Json explanation_json(const std::vector<compose::ExplainedValue>& values);

} // namespace berth::cli
