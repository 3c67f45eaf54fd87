// compare.hpp - two canonical models compared by meaning: the order of keys says nothing, 1 is 1.0, and what
// differs is named by its path in the model.
#pragma once

#include "runtime/base/json.hpp"

#include <string>
#include <vector>

namespace conformance {

// "services.web.ports[0].target: 80 there, 81 here"; none: the two mean the same.
[[nodiscard]] std::vector<std::string> differences(const berth::Json& theirs, const berth::Json& ours);

} // namespace conformance
