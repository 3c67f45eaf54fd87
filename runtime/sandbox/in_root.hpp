// in_root.hpp - paths inside a container, resolved beneath the descriptor of its root as a process in it
// would see them. No path here is ever looked up on the host: the image is hostile (CVE-2019-16884,
// CVE-2021-30465, CVE-2025-52881). Core. Failures by errno.
#pragma once

#include "runtime/base/fd.hpp"

#include <string>

namespace berth::sandbox {

// O_PATH unless flags say otherwise. Symlinks are followed inside the root, magic links never.
[[nodiscard]] Fd open_beneath(int root, const std::string& path, int flags);
// Symlinks are refused altogether (ELOOP): /proc, /sys and /dev of an image must be plain folders.
[[nodiscard]] Fd open_plain(int root, const std::string& path, int flags);
// The folder, made with its parents where missing; a dangling symlink gets its target made.
[[nodiscard]] Fd ensure_directory(int root, const std::string& path);
// The file, made empty with its parents where missing. O_PATH.
[[nodiscard]] Fd ensure_file(int root, const std::string& path);

} // namespace berth::sandbox
