#include "runtime/build/instruction_parser.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/words.hpp"

#include <algorithm>

namespace berth::build {

InstructionParser::InstructionParser(const LogicalLine& line, std::size_t offset, char escape,
                                     std::string name)
    : line_(line), offset_(offset), escape_(escape), name_(std::move(name)) {
    skip_blanks();
}

void InstructionParser::skip_blanks() {
    while (offset_ < line_.text.size() && is_blank(line_.text[offset_]))
        ++offset_;
}

void InstructionParser::skip_word() {
    while (offset_ < line_.text.size() && !is_blank(line_.text[offset_]))
        ++offset_;
    skip_blanks();
}

Text InstructionParser::text_at(std::size_t offset, std::size_t length) const {
    return {line_.text.substr(offset, length), line_.at(offset, length)};
}

Failure InstructionParser::wrong_count(const std::string& message) const {
    const auto at =
        offset_ < line_.text.size() ? line_.at(offset_, line_.text.size()) : line_.at(0, name_.size());
    return fail(Error(ErrorCode::invalid_input, message).at(at));
}

Status InstructionParser::flags(const std::vector<FlagSpec>& specs) {
    const auto split = split_flags(line_.text, offset_, escape_);
    offset_ = split.rest;
    std::vector<std::string> seen;
    for (const auto& word : split.flags) {
        const auto equals = word.text.find('=');
        const auto name = word.text.substr(2, equals == std::string::npos ? std::string::npos : equals - 2);
        const auto at = line_.at(word.offset, word.length);
        const auto spec =
            std::find_if(specs.begin(), specs.end(), [&](const FlagSpec& s) { return s.name == name; });
        if (spec == specs.end()) {
            std::vector<std::string> known;
            for (const auto& s : specs)
                known.push_back(s.name);
            Error error(ErrorCode::invalid_input, concat(name_, " has no flag '--", name, "'"));
            if (const auto near = nearest_word(name, known); !near.empty())
                error.hint(concat("did you mean --", near, "?"));
            return fail(std::move(error).at(at));
        }
        if (spec->kind != FlagSpec::Kind::repeated && std::find(seen.begin(), seen.end(), name) != seen.end())
            return fail(Error(ErrorCode::invalid_input, concat("--", name, " is given twice")).at(at));
        seen.push_back(name);
        Text value{equals == std::string::npos ? "" : word.text.substr(equals + 1), at};
        if (equals == std::string::npos) {
            if (spec->kind != FlagSpec::Kind::boolean)
                return fail(Error(ErrorCode::invalid_input, concat("--", name, " needs a value"))
                                .at(at)
                                .hint(concat("write --", name, "=VALUE")));
            value.value = "true";
        } else if (word.text.size() == word.length) { // no quotes removed: the value's own place is known
            value.at = line_.at(word.offset + equals + 1, word.length - equals - 1);
        }
        BERTH_TRY(spec->set(value));
    }
    return {};
}

Status InstructionParser::no_flags() {
    return flags({}); // dashes first are a flag for every instruction, as in Docker: CMD --help is refused
}

std::vector<Text> InstructionParser::words() const {
    std::vector<Text> out;
    for (auto& word : split_blanks(line_.text, offset_))
        out.push_back(text_at(word.offset, word.length));
    return out;
}

Result<std::vector<Text>> InstructionParser::words_or_json() {
    auto items = parse_exec_form(std::string_view(line_.text).substr(std::min(offset_, line_.text.size())));
    if (!items) return fail(std::move(items).error().at(line_.at(offset_, line_.text.size())));
    if (!*items) return words();
    json_ = true;
    std::vector<Text> out;
    auto search = offset_;
    for (auto& item : **items) {
        // The place of each string, found by its text where it has no JSON escapes.
        const auto found = line_.text.find("\"" + item + "\"", search);
        const bool known = found != std::string::npos;
        out.push_back(
            {item, known ? line_.at(found + 1, item.size()) : line_.at(offset_, line_.text.size())});
        if (known) search = found + item.size() + 2;
    }
    return out;
}

Result<Text> InstructionParser::whole_rest() const {
    if (offset_ >= line_.text.size()) return wrong_count(concat(name_, " takes exactly one argument"));
    return text_at(offset_, line_.text.size() - offset_);
}

Result<CommandLine> InstructionParser::command_line(bool required) {
    CommandLine out;
    const auto rest = std::string_view(line_.text).substr(std::min(offset_, line_.text.size()));
    if (required && rest.empty()) return wrong_count(concat(name_, " needs a command"));
    auto argv = parse_exec_form(rest);
    if (!argv) return fail(std::move(argv).error().at(line_.at(offset_, rest.size())));
    if (*argv) {
        if (required && (*argv)->empty()) return wrong_count(concat(name_, " needs a command"));
        out.exec = true;
        out.argv = std::move(**argv);
    } else {
        out.line = rest;
    }
    return out;
}

// "K=v K2='a b'", or the old form "K rest of the line".
Result<std::vector<std::pair<Text, Text>>> InstructionParser::pairs(bool& old_form) const {
    std::vector<std::pair<Text, Text>> out;
    const auto words = split_quoted(line_.text, offset_, escape_);
    if (words.empty()) return wrong_count(concat(name_, " takes at least one NAME=VALUE"));
    if (words.front().text.find('=') == std::string::npos) {
        if (words.size() < 2)
            return fail(
                Error(ErrorCode::invalid_input, concat(name_, " '", words.front().text, "' has no value"))
                    .at(line_.at(words.front().offset, words.front().length))
                    .hint(concat("write ", name_, " ", words.front().text, "=VALUE")));
        old_form = true;
        const auto start = words[1].offset;
        out.emplace_back(text_at(words[0].offset, words[0].length),
                         text_at(start, line_.text.size() - start));
        return out;
    }
    for (const auto& word : words) {
        const auto equals = word.text.find('=');
        if (equals == std::string::npos)
            return fail(Error(ErrorCode::invalid_input, concat("'", word.text, "' has no '='"))
                            .at(line_.at(word.offset, word.length))
                            .hint("quote a value that has blanks in it"));
        if (equals == 0)
            return fail(Error(ErrorCode::invalid_input, concat("'", word.text, "' has no name before '='"))
                            .at(line_.at(word.offset, word.length)));
        out.emplace_back(text_at(word.offset, equals),
                         text_at(word.offset + equals + 1, word.length - equals - 1));
    }
    return out;
}

Result<std::vector<Arg::Item>> InstructionParser::arguments() const {
    std::vector<Arg::Item> out;
    for (const auto& word : split_quoted(line_.text, offset_, escape_)) {
        Arg::Item item;
        const auto equals = word.text.find('=');
        item.name = word.text.substr(0, equals);
        item.at = line_.at(word.offset, word.length);
        if (item.name.empty())
            return fail(Error(ErrorCode::invalid_input, concat("'", word.text, "' has no name before '='"))
                            .at(item.at));
        if (equals != std::string::npos)
            item.value = text_at(word.offset + equals + 1, word.length - equals - 1);
        out.push_back(std::move(item));
    }
    if (out.empty()) return wrong_count("ARG takes at least one name");
    return out;
}

} // namespace berth::build
