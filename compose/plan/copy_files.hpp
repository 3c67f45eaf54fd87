// copy_files.hpp - cp between a container and this machine, by docker's rules: what a trailing "/." and an
// existing or missing destination mean. Either side is a root descriptor and a path in it, so a path of a
// container never leaves the container.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace berth::compose {

struct CopySide {
    int root = -1;     // a container's view, or "/" of this machine
    std::string path;  // absolute; a trailing "/" or "/." counts
    std::string where; // "container web", "": for messages
};
struct CopyOptions {
    bool follow_link = false;                                     // a link as source: what it leads to
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner; // uid and gid of what is made
};
// Bytes of the tar that was streamed.
[[nodiscard]] Result<std::int64_t> copy_files(const CopySide& from, const CopySide& to,
                                              const CopyOptions& options);
// The same as a tar into a descriptor.
[[nodiscard]] Status copy_to_tar(const CopySide& from, bool follow_link, int fd);
// A tar (plain or compressed) from a descriptor into a folder that exists.
[[nodiscard]] Status copy_from_tar(int fd, const CopySide& to, const CopyOptions& options);

} // namespace berth::compose
