// disk_usage.hpp - what images, containers, volumes and the build cache take on the disk: the figures of
// `system df`. They add up to what `du` says of the same folders of the data root.
#pragma once

#include "runtime/base/context.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::cli {

struct Usage {
    const char* type = "";
    std::size_t total = 0, active = 0;
    std::int64_t size = 0, reclaimable = 0;
};
// Images, containers, local volumes, build cache, in this order. A layer that an image has is the image's;
// the cache's are those that only it keeps. A container is its whole folder, with logs.
[[nodiscard]] Result<std::vector<Usage>> disk_usage(const Context& context);

// Blocks of everything in a folder and of the folder itself, a file with several names once; 0 where it is
// not.
[[nodiscard]] std::int64_t allocated_bytes(const std::string& path);

} // namespace berth::cli
