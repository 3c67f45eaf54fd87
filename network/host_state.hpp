// host_state.hpp - what the host as a whole needs for containers to be reached.
#pragma once

#include "runtime/base/result.hpp"

namespace berth::network {

// ip_forward, and for IPv6 networks forwarding without losing the host's own default route.
[[nodiscard]] Status ensure_forwarding(bool ipv6);

} // namespace berth::network
