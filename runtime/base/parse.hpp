// parse.hpp - numbers, byte sizes, durations and booleans as compose files and Docker's flags write them, range-checked
// before anything is narrowed (CVE-2024-40635). Pure; errors carry no position: the caller adds it.
#pragma once

#include "runtime/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

using Duration = std::chrono::nanoseconds;

[[nodiscard]] Result<std::int64_t>
parse_integer(std::string_view text, std::int64_t least = std::numeric_limits<std::int64_t>::min(),
              std::int64_t most = std::numeric_limits<std::int64_t>::max());
// "64m", "1.5g", "512", "10kb", "1GiB": powers of 1024 as Docker's units.RAMInBytes. Negative only as "-1".
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);
// Go's time.ParseDuration ("1m30s", "1.5h", "100ms") plus compose's "1d", "1w". Overflow is an error.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
// The spellings of Go's strconv.ParseBool: 1 t T true True TRUE and their opposites.
[[nodiscard]] Result<bool> parse_bool(std::string_view text);
[[nodiscard]] Result<double> parse_double(std::string_view text);

// "1.5GB", "12.34kB". precision: significant digits; Docker's sums have 4, its tables of objects 3.
[[nodiscard]] std::string format_bytes_decimal(double bytes, int precision = 4);
[[nodiscard]] std::string format_bytes_binary(double bytes);  // "1.5GiB"
[[nodiscard]] std::string format_duration(Duration duration); // Go's: "1m30s"
// "5 seconds", "About a minute", "2 hours": the words of docker ps.
[[nodiscard]] std::string format_age(std::chrono::seconds age);

[[nodiscard]] std::vector<std::string> split(std::string_view text, char separator);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string to_lower(std::string_view text);
// Bytes of the UTF-8 sequence that a non-empty text begins with; 0 when it is none (overlong, surrogate, cut off).
[[nodiscard]] std::size_t utf8_length(std::string_view text);
[[nodiscard]] bool is_valid_utf8(std::string_view text);
// Levenshtein with transposition; and the best of `words` within a third of the length: "did you mean".
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
[[nodiscard]] std::string nearest_word(std::string_view word,
                                       const std::vector<std::string>& words); // "" when none is near
// POSIX-shell words: quotes and backslashes, no expansion (compose's command: "a 'b c'").
[[nodiscard]] Result<std::vector<std::string>> split_shell_words(std::string_view text);

} // namespace berth
