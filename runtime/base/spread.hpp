// spread.hpp - a hint to the file system about a folder of folders that have nothing to do with one another.
#pragma once

#include "runtime/base/result.hpp"

#include <string>

namespace berth {

// Makes the folder where it is not there (0700, the parents too), and lets ext4 put each of its sub-folders into a block
// group of its own, as it does below "/" (FS_TOPDIR_FL, chattr +T). Otherwise containers that come and go share
// one group, and ext4 without a journal walks over every inode freed there within the last minute for each
// file that it makes: `up` of 50 services took twice as long. A file system that knows no such flag is fine.
[[nodiscard]] Status make_spread_dirs(const std::string& path);

} // namespace berth
