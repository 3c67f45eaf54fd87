// app.hpp - finds the command that the words ask for and runs it: global flags, `compose` flags, groups and
// aliases, help, "did you mean".
#pragma once

#include <string>
#include <vector>

namespace berth::cli {

// The whole of the program but for what main() does to the process; the exit code. words[0] is the program's
// name.
[[nodiscard]] int run_app(const std::vector<std::string>& words);

inline constexpr const char* k_version = "0.1.0";

} // namespace berth::cli
