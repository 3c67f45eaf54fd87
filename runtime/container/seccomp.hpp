// seccomp.hpp - a container's system-call filter: the default policy or a profile of the user's, as the
// runtime-spec's "linux.seccomp" object (which is what the bundle carries), and from that the BPF program
// that the kernel takes. A profile that cannot be read, parsed or compiled is an error: a container never
// starts with less than it was asked to (fail closed).
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/json.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime::seccomp {

// The default policy for a container with this bounding set. packet_sockets: NET_RAW was asked for by name,
// so AF_PACKET opens; it stays closed for the NET_RAW that everybody has (ping needs only the capability).
[[nodiscard]] Json default_profile(std::uint64_t bounding, bool packet_sockets);

// A profile in Docker's form (includes/excludes by capability, architecture and kernel; archMap) or in the
// runtime-spec's own, settled for this machine and bounding set.
[[nodiscard]] Result<Json> settle_profile(const Json& profile, std::uint64_t bounding);
// At most 4 MiB.
[[nodiscard]] Result<Json> read_profile(const std::string& path, std::uint64_t bounding);

// struct sock_filter[] of a "linux.seccomp" object; empty for null (unconfined). Names that this libseccomp
// does not know are passed over (they answer ENOSYS or the default action); everything else unknown is an
// error.
[[nodiscard]] Result<std::vector<std::uint8_t>> compile(const Json& profile);
// The same through the cache (paths.seccomp_cache()): compiling takes 20-30 ms, reading 0.1 ms. A cache that
// cannot be written costs time, not the start.
[[nodiscard]] Result<std::vector<std::uint8_t>> compile_cached(const Context& context, const Json& profile);

[[nodiscard]] std::string library_version(); // of libseccomp: part of the cache's key

} // namespace berth::runtime::seccomp
