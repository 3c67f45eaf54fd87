// overlay.hpp - a stage's file system while COPY and ADD write to it: the layers below, one new upper folder,
// merged by an overlay that is mounted nowhere (fsopen, Linux 5.2), so no other process sees it and the
// host's mount table is clean.
#pragma once

#include "runtime/base/fd.hpp"

#include <string>
#include <vector>

namespace berth::build {

// layers: topmost first; none: `upper` itself is the root. upper and work exist, on one file system, both
// empty.
// synced: at its end the kernel syncs the file system of `upper`, all of it. Without that (Linux 5.10) `work` serves
// this one mount only.
[[nodiscard]] Result<Fd> open_writable_root(const std::vector<std::string>& layers, const std::string& upper,
                                            const std::string& work, bool synced);
// Reading only; no layers: `empty`, an empty folder.
[[nodiscard]] Result<Fd> open_readable_root(const std::vector<std::string>& layers, const std::string& empty);

// Makes missing folders of `path` (0755, root) beneath `root` and returns the last, readable. As Docker, and
// unlike mkdir -p, a link that leads to nothing is followed: what it means inside the root is made.
[[nodiscard]] Result<Fd> make_folders(int root, const std::string& path);

// A folder at that very path, through no link: what a layer on top of `root` would merge with.
[[nodiscard]] Result<Fd> open_folder_below(int root, const std::string& path);

} // namespace berth::build
