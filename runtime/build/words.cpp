#include "runtime/build/words.hpp"

#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::build {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r' || c == '\n';
}

std::vector<Word> split_blanks(std::string_view text, std::size_t offset) {
    std::vector<Word> words;
    while (offset < text.size()) {
        if (is_blank(text[offset])) {
            ++offset;
            continue;
        }
        auto end = offset;
        while (end < text.size() && !is_blank(text[end]))
            ++end;
        words.push_back({std::string(text.substr(offset, end - offset)), offset, end - offset});
        offset = end;
    }
    return words;
}

std::vector<Word> split_quoted(std::string_view text, std::size_t offset, char escape) {
    std::vector<Word> words;
    while (offset < text.size()) {
        if (is_blank(text[offset])) {
            ++offset;
            continue;
        }
        auto end = offset;
        char quote = '\0';
        for (; end < text.size() && (quote != '\0' || !is_blank(text[end])); ++end) {
            const char c = text[end];
            if (c == escape && quote != '\'' && end + 1 < text.size())
                ++end; // what follows is text, also a quote or a blank
            else if (quote == '\0' && (c == '\'' || c == '"'))
                quote = c;
            else if (c == quote)
                quote = '\0';
        }
        words.push_back({std::string(text.substr(offset, end - offset)), offset, end - offset});
        offset = end;
    }
    return words;
}

FlagWords split_flags(std::string_view text, std::size_t offset, char escape) {
    FlagWords out;
    while (true) {
        while (offset < text.size() && is_blank(text[offset]))
            ++offset;
        out.rest = offset;
        if (!text.substr(offset).starts_with("--")) return out;
        Word word;
        word.offset = offset;
        char quote = '\0';
        for (; offset < text.size() && (quote != '\0' || !is_blank(text[offset])); ++offset) {
            const char c = text[offset];
            if (c == escape && quote != '\'' && offset + 1 < text.size())
                word.text += text[++offset];
            else if (quote == '\0' && (c == '\'' || c == '"'))
                quote = c;
            else if (c == quote)
                quote = '\0';
            else
                word.text += c;
        }
        word.length = offset - word.offset;
        if (word.text == "--") {
            while (offset < text.size() && is_blank(text[offset]))
                ++offset;
            out.rest = offset;
            return out;
        }
        out.flags.push_back(std::move(word));
    }
}

bool is_json_array(std::string_view text) {
    text = trim(text);
    if (text.empty() || text.front() != '[') return false;
    const auto json = parse_json(text);
    return json && json->as_array() != nullptr;
}

Lookup<std::vector<std::string>> parse_exec_form(std::string_view text) {
    text = trim(text);
    if (text.empty() || text.front() != '[') return std::nullopt;
    const auto json = parse_json(text);
    if (!json || json->as_array() == nullptr) return std::nullopt;
    std::vector<std::string> out;
    for (const auto& item : *json->as_array()) {
        if (item.as_string() == nullptr)
            return fail(ErrorCode::invalid_input, "only strings may stand in a JSON array of arguments");
        out.push_back(*item.as_string());
    }
    return out;
}

namespace {

// The word after "<<": quotes and escapes removed; they also switch expansion off.
std::optional<std::string> plain_word(std::string_view raw, char escape) {
    std::string out;
    char quote = '\0';
    for (std::size_t i = 0; i < raw.size(); ++i) {
        const char c = raw[i];
        if (c == escape && quote != '\'' && i + 1 < raw.size())
            out += raw[++i];
        else if (quote == '\0' && (c == '\'' || c == '"'))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else
            out += c;
    }
    if (quote != '\0' || out.empty()) return std::nullopt;
    return out;
}

} // namespace

std::vector<HeredocMark> find_heredocs(std::string_view arguments, char escape) {
    std::vector<HeredocMark> marks;
    const auto words = split_quoted(arguments, 0, escape);
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string_view text = words[i].text;
        text.remove_prefix(std::min(text.find_first_not_of("0123456789"), text.size()));
        if (!text.starts_with("<<")) continue;
        text.remove_prefix(2);
        HeredocMark mark;
        mark.offset = words[i].offset;
        mark.length = words[i].length;
        mark.strip_tabs = text.starts_with("-");
        if (mark.strip_tabs) text.remove_prefix(1);
        // Blanks may stand between "<<" and the word.
        if (text.empty() && i + 1 < words.size()) {
            ++i;
            text = words[i].text;
            mark.length = words[i].offset + words[i].length - mark.offset;
        }
        if (text.find('<') != std::string_view::npos) continue; // "<<<" is a here-string
        const auto word = plain_word(text, escape);
        if (!word) continue;
        mark.word = *word;
        mark.expand = mark.word == text;
        marks.push_back(std::move(mark));
    }
    return marks;
}

} // namespace berth::build
