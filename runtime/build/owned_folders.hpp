// owned_folders.hpp - folders on the exec root that one building process has for a step (secrets, ssh sockets). What a
// process left that was killed, the next build takes away: a secret must not lie about until the machine starts again.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"

namespace berth::build {

[[nodiscard]] Result<TempDir> make_secret_folder(const Context& context);
[[nodiscard]] Result<TempDir> make_ssh_folder(const Context& context);
void sweep_owned_folders(const Context& context);

} // namespace berth::build
