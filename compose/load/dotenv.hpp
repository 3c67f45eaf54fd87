// dotenv.hpp - env files: KEY=VALUE lines with `export`, comments, quotes over several lines, escapes and
// variables; and the raw form of `docker run --env-file`. Pure: the text comes in, the variables go out.
#pragma once

#include "compose/load/interpolate.hpp"

namespace berth::compose::load {

struct DotenvEntry {
    std::string key;
    std::optional<std::string> value; // none: a key alone that the lookup does not know either
    std::uint32_t line = 0;
    std::vector<VariableUse> uses;
};

// Values may use `lookup` first, earlier lines of the same text second, and `behind` (the files read before
// this one) third. A key alone takes the value of `lookup`. The first error ends the parse; its place is the
// line.
[[nodiscard]] Result<std::vector<DotenvEntry>>
parse_dotenv(const SourceHandle& source, const VariableLookup& lookup, const VariableLookup& behind = {});
// `format: raw`: no quotes, no comments behind values, no variables.
[[nodiscard]] Result<std::vector<DotenvEntry>> parse_raw_env(const SourceHandle& source,
                                                             const VariableLookup& lookup);

} // namespace berth::compose::load
