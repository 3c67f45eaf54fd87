// state_file.hpp - state.json of the container, as its monitor writes it: whole, under another name, then
// put in the old one's place. Core.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/container/state.hpp"

#include <string>

namespace berth::monitor {

// Seen by readers at once; lost in a power cut unless sync_state follows.
[[nodiscard]] Status write_state(const std::string& container_dir, const runtime::ContainerState& state);
// Makes the last written state survive a power cut. Fine when the record has been removed meanwhile.
void sync_state(const std::string& container_dir);

} // namespace berth::monitor
