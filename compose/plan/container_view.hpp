// container_view.hpp - a container's files as it sees them, running or stopped, for cp: its root with the
// volumes, bind mounts and /etc files on it, without /proc, /sys, /dev and tmpfs. A detached tree of mounts
// that no process and no path of the host ever shows; gone with its descriptor.
#pragma once

#include "runtime/base/file.hpp"
#include "runtime/container/store.hpp"

#include <optional>

namespace berth::compose {

struct ContainerView {
    Fd root;                      // resolve beneath it: open_in_root()
    std::optional<FileLock> lock; // of a stopped container: nobody starts or removes it meanwhile
};
[[nodiscard]] Result<ContainerView> open_container_view(const Context& context,
                                                        const std::string& id_or_name);

} // namespace berth::compose
