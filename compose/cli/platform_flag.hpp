// platform_flag.hpp - `--platform` of commands about images that are here: an image is of one platform, so the flag asks
// for that one and is an error for any other.
#pragma once

#include "compose/cli/flags.hpp"
#include "runtime/image/platform.hpp"

namespace berth::cli {

inline void declare_platform(Flags& flags, image::WantedPlatform& target, std::string help) {
    flags.value("--platform", std::move(help), "string", [&target](const std::string& text) -> Status {
        BERTH_ASSIGN_OR_RETURN(target, image::parse_wanted_platform(text));
        return {};
    });
}

} // namespace berth::cli
