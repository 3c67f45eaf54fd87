// self_seal.hpp - protects the file of this very program. A process of ours inside a container can be reached
// by the container through /proc/PID/exe; were that the file on disk, a container with enough rights could
// overwrite it and so own the host at the next start (CVE-2019-5736). So the program first becomes a copy
// that nobody can open for writing or execute again: its file seen through a read-only overlay without a
// writable layer, which shares the page cache (a copy in memory would cost every monitor its own); where that
// does not work, a sealed memfd. Core.
#pragma once

#include "runtime/base/result.hpp"

namespace berth::monitor {

inline constexpr const char* k_sealed_flag =
    "--sealed="; // last argument; the number of the mount's descriptor, or -1

// Replaces this process by its sealed self; returns only when that is not possible.
[[nodiscard]] Status become_sealed(int argc, char** argv);
// In the sealed self: from here on nothing can execute it again through /proc/self/exe.
void forbid_execution(int mount_fd);

} // namespace berth::monitor
