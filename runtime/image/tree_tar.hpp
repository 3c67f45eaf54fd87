// tree_tar.hpp - a folder tree to a canonical tar: names sorted bytewise, parents first, whole seconds,
// overlayfs' whiteouts as the image-spec has them. Walks beneath a descriptor without following symlinks.
#pragma once

#include "runtime/image/tar_writer.hpp"

#include <functional>

namespace berth::image {

struct TreeTarOptions {
    bool whiteouts =
        false; // character devices 0:0 and opaque folders become ".wh." entries; else they are refused
    std::int64_t epoch = -1;                           // latest time; -1: none
    bool set_times = false;                            // also on disk, where the epoch changes them
    std::function<bool(const std::string& path)> skip; // leaves an entry out, with all that is in it
    bool one_file_system = false;                      // folders of other mounts are written empty
};
struct TreeTarResult {
    std::int64_t size = 0; // bytes in regular files
    std::int64_t entries = 0;
};
// One entry of a folder, under the archive's name `as`, with all that is in it ("." as the name: the folder
// itself).
[[nodiscard]] Result<TreeTarResult> write_entry(int parent, const std::string& name, const std::string& as,
                                                TarWriter& writer, const TreeTarOptions& options);
// Does not write the end mark.
[[nodiscard]] Result<TreeTarResult> write_tree(int root, TarWriter& writer, const TreeTarOptions& options);

} // namespace berth::image
