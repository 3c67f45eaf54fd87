// command_line.hpp - `command: string` to words, as Docker Compose splits it: quotes, backslashes (\n and \t
// are the characters), $(...) and `...` kept together as text. No shell runs: the words end at the first of ;
// & | < > outside of quotes, which is worth a warning.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::compose {

struct CommandLine {
    std::vector<std::string> words;
    std::string ignored; // from the shell operator on, or ""
};
// Error: a quote, a backslash or a parenthesis that nothing closes.
[[nodiscard]] Result<CommandLine> split_command_line(std::string_view text);

} // namespace berth::compose
