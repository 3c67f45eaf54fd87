// settle_mounts.hpp - mount requests of a container to mounts with a folder of this host behind each: volumes
// made and filled, sources of binds prepared, content files written. Part of bring_up.hpp.
#pragma once

#include "compose/plan/bring_up.hpp"
#include "runtime/base/rollback.hpp"

namespace berth::compose {

// Fills request.spec.mounts; what it made is registered with `undo`. image: none for a plain root folder.
[[nodiscard]] Status settle_mounts(const Context& context, ContainerRequest& request,
                                   const std::optional<image::Image>& image, Rollback& undo);
// Folder of the content files of one container: <data root>/content/<id>. On the disk, so that a start after
// a reboot finds them, as Docker Compose keeps them in the container itself.
[[nodiscard]] std::string content_dir(const Context& context, const std::string& id);
// Held from the first content file to the container's record: until then nothing else says that they belong
// to somebody.
[[nodiscard]] Result<FileLock> lock_content(const Context& context);
// Removes those of containers that were never recorded, or whose removal was killed.
[[nodiscard]] Status sweep_content(const Context& context);

} // namespace berth::compose
