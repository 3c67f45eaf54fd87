// instruction_parser.hpp - the cursor over one logical line that the parsers of the instructions share.
// Private to runtime/build.
#pragma once

#include "runtime/build/instructions.hpp"

#include <functional>

namespace berth::build {

struct FlagSpec {
    enum class Kind : std::uint8_t { text, boolean, repeated };
    std::string name;
    Kind kind = Kind::text;
    std::function<Status(const Text&)> set;
};

class InstructionParser {
  public:
    // `offset`: behind the instruction's name.
    InstructionParser(const LogicalLine& line, std::size_t offset, char escape, std::string name);

    [[nodiscard]] Status flags(const std::vector<FlagSpec>& specs);
    [[nodiscard]] Status no_flags();
    // Words at blanks; needs no flags() before it when the instruction has none.
    [[nodiscard]] std::vector<Text> words() const;
    [[nodiscard]] Result<std::vector<Text>> words_or_json();
    [[nodiscard]] bool json_form() const { return json_; }
    [[nodiscard]] Result<Text> whole_rest() const;
    [[nodiscard]] Result<CommandLine> command_line(bool required);
    [[nodiscard]] Result<std::vector<std::pair<Text, Text>>> pairs(bool& old_form) const;
    [[nodiscard]] Result<std::vector<Arg::Item>> arguments() const;
    void skip_word();

    [[nodiscard]] const LogicalLine& line() const { return line_; }
    [[nodiscard]] char escape() const { return escape_; }
    [[nodiscard]] std::size_t rest_offset() const { return offset_; }
    [[nodiscard]] Failure wrong_count(const std::string& message) const;

  private:
    void skip_blanks();
    [[nodiscard]] Text text_at(std::size_t offset, std::size_t length) const;
    const LogicalLine& line_;
    std::size_t offset_;
    char escape_;
    std::string name_;
    bool json_ = false;
};

} // namespace berth::build
