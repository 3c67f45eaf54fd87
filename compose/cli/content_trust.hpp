// content_trust.hpp - `--disable-content-trust`, which docker's commands for images have: true is all that there is here.
#pragma once

#include "compose/cli/flags.hpp"

namespace berth::cli {

inline void declare_content_trust(Flags& flags, bool& disabled) {
    flags.toggle("--disable-content-trust", disabled, "Skip image verification: there is none").hide();
}

[[nodiscard]] inline Status check_content_trust(bool disabled) {
    if (disabled) return {};
    return fail(Error(ErrorCode::unsupported, "--disable-content-trust=false: berth verifies no signatures")
                    .hint("name the image by its digest: REPOSITORY@sha256:..."));
}

} // namespace berth::cli
