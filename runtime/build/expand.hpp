// expand.hpp - the Dockerfile's own expansion of ARG and ENV values: $n ${n} ${n:-w} ${n-w} ${n:+w} ${n+w}
// ${n:?w} ${n?w}
// ${n#p} ${n##p} ${n%p} ${n%%p} ${n/p/r} ${n//p/r}, quotes and escapes. Pure. Errors carry no place; `offset`
// in ExpandResult's error path is reported through `error_offset`.
#pragma once

#include "runtime/base/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

struct Expander {
    char escape = '\\';
    std::function<std::optional<std::string>(std::string_view name)> lookup;
    // Names that were used though nothing set them, in order of use; null: not wanted.
    std::vector<std::string>* unset = nullptr;
    // Heredoc bodies: quotes are text.
    bool raw_quotes = false;
};

// Quotes removed, variables replaced; the result is one word whatever blanks are in it.
[[nodiscard]] Result<std::string> expand_word(std::string_view text, const Expander& expander,
                                              std::size_t* error_offset = nullptr);
// As expand_word, then split at blanks that are not quoted, those of unquoted variables included.
[[nodiscard]] Result<std::vector<std::string>> expand_words(std::string_view text, const Expander& expander,
                                                            std::size_t* error_offset = nullptr);

} // namespace berth::build
