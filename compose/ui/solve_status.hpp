// solve_status.hpp - `--progress=rawjson`: progress as the JSON lines that BuildKit's clients read
// (SolveStatus), one object a line with vertexes, statuses, logs or warnings. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace berth::ui {

struct SolveVertex {
    std::string name;
    std::string started; // RFC 3339; empty: not yet
    std::string completed;
    bool cached = false;
    std::string error;
};
// The name's digest: what statuses, logs and warnings refer to.
[[nodiscard]] std::string vertex_digest(std::string_view name);
// From the word or words that an activity ended with.
[[nodiscard]] std::string solve_error(std::string_view state);
[[nodiscard]] std::string vertex_line(const SolveVertex& vertex);
struct SolveAmount {
    std::string name; // what is done
    std::int64_t current = 0, total = 0;
    std::string started, completed;
};
[[nodiscard]] std::string status_line(std::string_view vertex, const SolveAmount& amount,
                                      const std::string& now);
[[nodiscard]] std::string log_line(std::string_view vertex, std::string_view bytes, const std::string& now);
[[nodiscard]] std::string warning_line(std::string_view text);

} // namespace berth::ui
