// local_driver.hpp - pure: what the options of docker's local driver (type, o, device) mean.
#pragma once

#include "runtime/base/result.hpp"
#include "volumes/model.hpp"

#include <string>
#include <vector>

namespace berth::volumes {

enum class LocalKind : std::uint8_t {
    plain,      // a folder of ours
    bind,       // a folder of the host: o=bind
    filesystem, // mounted inside each container: tmpfs, nfs, ...
};
struct LocalVolume {
    LocalKind kind = LocalKind::plain;
    std::string type;
    std::string device;
    std::vector<std::string> options; // of `o`, without bind
};
// invalid_input or unsupported for options that cannot work; a typo gets "did you mean".
[[nodiscard]] Result<LocalVolume> parse_local(const Volume& volume);

} // namespace berth::volumes
