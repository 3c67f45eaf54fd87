// words.hpp - splitting a logical line: words with their offsets, quotes and escapes kept or removed, flags,
// JSON arrays, heredoc marks. Pure; no expansion (expand.hpp).
#pragma once

#include "runtime/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

struct Word {
    std::string text;
    std::size_t offset = 0;
    std::size_t length = 0; // in the source; differs from text.size() where quotes were removed
};

[[nodiscard]] bool is_blank(char c);
// At blanks, quotes meaning nothing (COPY a b, EXPOSE 80 81).
[[nodiscard]] std::vector<Word> split_blanks(std::string_view text, std::size_t offset);
// At blanks outside quotes; quotes and escapes stay in the words (ENV a="b c").
[[nodiscard]] std::vector<Word> split_quoted(std::string_view text, std::size_t offset, char escape);

// Leading "--name=value" words, quotes removed; `rest` is where the arguments begin. A lone "--" ends them.
struct FlagWords {
    std::vector<Word> flags;
    std::size_t rest = 0;
};
[[nodiscard]] FlagWords split_flags(std::string_view text, std::size_t offset, char escape);

// The strings of a JSON array. Empty: not JSON, so the shell form; error: JSON, but not an array of strings.
[[nodiscard]] Lookup<std::vector<std::string>> parse_exec_form(std::string_view text);
[[nodiscard]] bool is_json_array(std::string_view text);

struct HeredocMark {
    std::string word;
    std::size_t offset = 0, length = 0;
    bool expand = true, strip_tabs = false;
};
[[nodiscard]] std::vector<HeredocMark> find_heredocs(std::string_view arguments, char escape);

} // namespace berth::build
