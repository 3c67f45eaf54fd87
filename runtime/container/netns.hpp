// netns.hpp - the little that the runtime itself does with network namespaces; wiring them is network/'s.
#pragma once

#include "runtime/base/fd.hpp"

#include <string>

namespace berth::runtime {

// A new namespace with nothing but a loopback interface that is up: network mode "none".
[[nodiscard]] Result<Fd> make_isolated_netns();
// The IPv4 default gateway in that namespace; empty: there is none.
[[nodiscard]] Result<std::string> default_gateway(int netns);

} // namespace berth::runtime
