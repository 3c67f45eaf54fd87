// retry.hpp - when a registry may be asked again.
#pragma once

#include "runtime/registry/http.hpp"

#include <cstdint>
#include <optional>

namespace berth::registry {

// An answer that a second try can change.
[[nodiscard]] bool is_passing(int status);
// How many seconds the registry wants to be left alone, from `now` (Unix time): Retry-After in both of its
// forms (RFC 9110, 10.2.3), else the reset time of a rate limit, as registries give it in seconds or as a
// point in time. Empty: it does not say. Never negative.
[[nodiscard]] std::optional<std::int64_t> seconds_to_wait(const HttpResponse& response, std::int64_t now);

} // namespace berth::registry
