// netns.hpp - the little that the runtime itself does with network namespaces; wiring them is network/'s.
#pragma once

#include "runtime/base/result.hpp"

#include <string>

namespace berth::runtime {

// The IPv4 default gateway in that namespace; empty: there is none.
[[nodiscard]] Result<std::string> default_gateway(int netns);

} // namespace berth::runtime
