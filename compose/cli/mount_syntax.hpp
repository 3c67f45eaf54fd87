// mount_syntax.hpp - `-v`, `--mount` and `--tmpfs` of run and create. Pure; relative sources are made
// absolute against the given folder.
#pragma once

#include "compose/plan/bring_up.hpp"

#include <string>
#include <string_view>

namespace berth::cli {

// "/in/container", "name:/in[:opts]", "/on/host:/in[:opts]", "./rel:/in"; opts: ro, rw, z, Z, nocopy,
// propagation.
[[nodiscard]] Result<compose::MountRequest> parse_volume_flag(std::string_view text, std::string_view folder);
// "type=bind,source=/x,target=/y,readonly,...".
[[nodiscard]] Result<compose::MountRequest> parse_mount_flag(std::string_view text, std::string_view folder);
// "/run:size=64m,mode=1777".
[[nodiscard]] Result<compose::MountRequest> parse_tmpfs_flag(std::string_view text);

} // namespace berth::cli
