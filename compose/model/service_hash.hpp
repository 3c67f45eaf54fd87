// service_hash.hpp - what decides whether a container must be made anew: a SHA-256 over the parts of a
// service that shape its container. Left out, as Docker Compose does: scale and replicas, depends_on, build,
// pull_policy, profiles, and all positions. Two services with the same wishes have the same hash on every
// machine and in every version that knows the same fields.
#pragma once

#include "compose/model/service.hpp"

namespace berth::compose {

[[nodiscard]] std::string service_hash(const Service& service); // 64 hexadecimal digits
// The text that is hashed, for `config --hash` and for saying what changed.
[[nodiscard]] std::string service_hash_input(const Service& service);

} // namespace berth::compose
