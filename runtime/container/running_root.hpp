// running_root.hpp - the files of a running container without what is mounted on them: no volume, no /proc,
// the stubs that /etc/hosts and its kin are mounted on. What export, and everything else that looks at the
// image's side, reads.
#pragma once

#include "runtime/container/store.hpp"

namespace berth::runtime {

// A detached mount of the container's root alone, which stays whole when the container ends. in_use when it
// does not run (any more).
[[nodiscard]] Result<Fd> open_running_root(const Container& container);

} // namespace berth::runtime
