// copy_up.hpp - the content of one folder into another, both by descriptor: what a tmpfs with "tmpcopyup"
// starts with. Core. Owners, modes, times, symlinks, extended attributes and hard-to-copy kinds (FIFOs,
// devices) come along; nothing outside the source is ever followed.
#pragma once

namespace berth::sandbox {

// false: errno tells why. `to` is empty, or becomes a mixture.
[[nodiscard]] bool copy_up(int from, int to);

} // namespace berth::sandbox
