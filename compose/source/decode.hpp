// decode.hpp - typed reads of a located node. Every error says what was expected, what stands there, and
// where. Strings are read as numbers and booleans as well, because quoting or a variable makes a string of
// any value.
#pragma once

#include "compose/source/node.hpp"
#include "runtime/base/parse.hpp"

#include <limits>
#include <span>

namespace berth::compose {

[[nodiscard]] Result<bool> read_bool(const SourceNode& node);
[[nodiscard]] Result<std::int64_t> read_integer(const SourceNode& node,
                                                std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                                std::int64_t most = std::numeric_limits<std::int64_t>::max());
[[nodiscard]] Result<double> read_real(const SourceNode& node);
[[nodiscard]] Result<std::int64_t> read_bytes(const SourceNode& node);     // 64, "64m", "1gb", -1
[[nodiscard]] Result<Duration> read_duration(const SourceNode& node);      // "1m30s"
[[nodiscard]] Result<std::int64_t> read_file_mode(const SourceNode& node); // 0440 as written: octal

[[nodiscard]] std::string in_quotes(std::string_view text); // 'text', shortened in the middle when long
// "did you mean 'image'?", or "" when no word is near.
[[nodiscard]] std::string did_you_mean(std::string_view word, const std::vector<std::string>& words);
[[nodiscard]] Error unknown_key(const SourceEntry& entry, const std::vector<std::string>& known);
// A word of a fixed list.
[[nodiscard]] Error unknown_word(const SourceNode& node, std::string_view what,
                                 const std::vector<std::string>& words);

} // namespace berth::compose
