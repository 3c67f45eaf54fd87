// attached_up.hpp - what `up` does after everything runs, when it stays: all logs on one terminal until the
// containers have ended; ctrl-c stops them, a second one kills them.
#pragma once

#include "compose/cli/project.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::cli {

struct AttachOptions {
    std::vector<std::string> services, only, except;
    std::string exit_code_from;
    std::optional<Duration> timeout;
    bool abort_on_exit = false, abort_on_failure = false, dependencies = false, no_color = false,
         no_prefix = false, timestamps = false, no_deps = false;
};
[[nodiscard]] Result<int> follow_project(Session& session, const compose::Project& project,
                                         const AttachOptions& options, WallTime since);

} // namespace berth::cli
