// subprocess.hpp - runs programs that really are external (git, credential helpers, other OCI runtimes, hooks) through
// Boost.Process; the only file pair with it. Containers never go through here.
#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace berth {

struct Command {
    std::string program; // searched in PATH when it has no slash
    std::vector<std::string> args;
    std::map<std::string, std::string> env; // exactly this; empty: the caller's
    std::string cwd;                        // empty: the caller's
    std::string input;                      // to its standard input
    std::chrono::milliseconds timeout{60000};
};
struct CommandResult {
    int exit_code = 0; // 128 + n for a signal
    std::string output;
    std::string errors;
};
// not_found when there is no such program; timed_out after killing it. A non-zero exit is a result, not an error.
[[nodiscard]] Result<CommandResult> run_command(const Command& command);

} // namespace berth
