// capabilities.hpp - names of capabilities and the sets a container gets. Pure.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime {

// Docker's fourteen without MKNOD and AUDIT_WRITE, which no common image needs.
inline constexpr std::uint64_t k_default_capabilities = 0x800425fb;

// "NET_ADMIN", "net_admin", "cap_net_admin" -> 12.
[[nodiscard]] Result<int> parse_capability(const std::string& name);
[[nodiscard]] std::string capability_name(int number); // "CAP_NET_ADMIN"
[[nodiscard]] std::vector<std::string> capability_names(std::uint64_t set);

struct CapabilityRequest {
    bool privileged = false;
    std::vector<std::string> add, drop; // "ALL" too
};
// available: the caller's own bounding set; what it lacks cannot be given. Asking for a missing one by name
// is an error, "ALL" and privileged give what there is.
[[nodiscard]] Result<std::uint64_t> settle_capabilities(const CapabilityRequest& request,
                                                        std::uint64_t available);
// Bounding set of the calling thread.
[[nodiscard]] std::uint64_t own_bounding_set();
// Whether `add` asks for this one by name or by ALL.
[[nodiscard]] bool asks_for(const std::vector<std::string>& add, int number);

} // namespace berth::runtime
