// copy_tree.hpp - copies one folder's content into another with owners, modes, times, extended attributes,
// hard links, holes and special files. Works on descriptors and single names only, so a source that an image
// controls cannot lead it elsewhere; the destination must be out of everybody's reach while it is filled.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"

namespace berth::volumes {

[[nodiscard]] Status copy_tree(const Context& context, int source, int destination);
// Owner, mode, times and extended attributes of the folder itself.
[[nodiscard]] Status copy_folder_metadata(const Context& context, int source, int destination);

} // namespace berth::volumes
