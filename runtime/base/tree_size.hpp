// tree_size.hpp - what a folder's files take: bytes of regular files, each inode once; links are not
// followed.
#pragma once

#include <cstdint>
#include <string>

namespace berth {

// What cannot be read counts as nothing.
[[nodiscard]] std::int64_t tree_size(const std::string& path);

} // namespace berth
