// xattr.hpp - extended attributes of layers: which may be set, which are overlayfs' own, and setting and
// listing them on entries beneath a descriptor.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::image {

// "trusted.overlay." and "user.overlay.": whoever sets them redirects or hides files of other layers.
[[nodiscard]] bool is_overlay_xattr(std::string_view name);
// "trusted.overlay.opaque", or without root (userxattr mounts, Linux 5.11) "user.overlay.opaque".
[[nodiscard]] const char* overlay_opaque_xattr();

// A file system that does not know the attribute is no error; one that cannot hold it is.
[[nodiscard]] Status set_fd_xattr(int fd, const std::string& name, const std::string& value);
// Of the entry itself, also of a symlink or a device.
[[nodiscard]] Status set_entry_xattr(int parent, const std::string& entry, const std::string& name,
                                     const std::string& value);

using XattrList = std::vector<std::pair<std::string, std::string>>;
// Sorted by name; with overlayfs' own.
[[nodiscard]] Result<XattrList> list_entry_xattrs(int parent, const std::string& entry);

} // namespace berth::image
