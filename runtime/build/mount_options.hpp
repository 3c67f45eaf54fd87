// mount_options.hpp - RUN --mount=...: the text of one mount into its parts, and what is wrong with it. Pure.
#pragma once

#include "runtime/build/instructions.hpp"

#include <optional>
#include <string>

namespace berth::build {

struct RunMount {
    enum class Kind : std::uint8_t { bind, cache, tmpfs, secret, ssh } kind = Kind::bind;
    std::string target, source, from, id, sharing = "shared", env;
    bool read_only = false, required = false; // a bind mount is read-only unless it is asked to be written to
    std::optional<std::int64_t> size, mode, uid, gid;
    SourcePos at;
    std::string text; // expanded
};

// `text` is expanded already; a relative target stands in `working_dir`, which is empty where it is not known yet.
[[nodiscard]] Result<RunMount> parse_run_mount(std::string text, const SourcePos& at,
                                               const std::string& working_dir);

} // namespace berth::build
