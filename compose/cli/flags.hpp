// flags.hpp - the flags and arguments of one command, filled into plain variables. flags.cpp is the only file
// that includes CLI11, so no command pays for it when it is compiled and none depends on it. Spelling is that
// of Docker's commands: "-it", "-p8080:80", "-e=K=v", "--flag=value", "--rm=false", "--" ends flags; a
// repeated flag with one value takes the last.
#pragma once

#include "runtime/base/parse.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::cli {

class Flags {
  public:
    Flags();
    ~Flags();
    Flags(const Flags&) = delete;
    Flags& operator=(const Flags&) = delete;

    // names: "-d,--detach". The targets must live until parse() has returned.
    Flags& toggle(const std::string& names, bool& target, std::string help);
    Flags& toggle(const std::string& names, std::optional<bool>& target, std::string help);
    Flags& text(const std::string& names, std::string& target, std::string help,
                std::string value = "string");
    Flags& text(const std::string& names, std::optional<std::string>& target, std::string help,
                std::string value = "string");
    Flags& choice(const std::string& names, std::string& target, std::vector<std::string> words,
                  std::string help);
    Flags& list(const std::string& names, std::vector<std::string>& target, std::string help,
                std::string value = "list");
    Flags& number(const std::string& names, std::optional<std::int64_t>& target, std::string help,
                  std::int64_t least, std::int64_t most);
    Flags& bytes(const std::string& names, std::int64_t& target, std::string help);
    Flags& duration(const std::string& names, std::optional<Duration>& target, std::string help);
    // A value that a function reads; its error is told with the flag's name.
    Flags& value(const std::string& names, std::string help, std::string word,
                 std::function<Status(const std::string&)> read);
    Flags& hide(); // the last one: works, not in the help

    // What stands beside the flags; usage errors say how many are wanted.
    Flags& arguments(std::vector<std::string>& target, std::size_t least, std::size_t most = k_unlimited);
    static constexpr std::size_t k_unlimited = static_cast<std::size_t>(-1);
    // Flags end at the first argument: what follows belongs to the container's command.
    Flags& options_first();

    // ErrorCode::usage for whatever is wrong, with "did you mean".
    [[nodiscard]] Status parse(const std::vector<std::string>& arguments);
    [[nodiscard]] bool help_wanted() const { return help_; }
    // What parse() refused was the number of arguments: docker's code for that is not that of a flag.
    [[nodiscard]] bool wrong_count() const { return wrong_count_; }
    [[nodiscard]] bool given(const std::string& name) const; // "--detach"
    [[nodiscard]] std::string help() const;                  // the options, docker's layout

  private:
    struct Option;
    struct Impl;
    Option& add(const std::string& names, std::string help, std::string value);
    Result<std::vector<std::string>> normalize(const std::vector<std::string>& arguments);
    Status take_long(const std::vector<std::string>& in, std::size_t& i, std::vector<std::string>& out);
    Status take_short(const std::vector<std::string>& in, std::size_t& i, std::vector<std::string>& out);
    [[nodiscard]] Option* find(const std::string& name);
    [[nodiscard]] Failure unknown(const std::string& flag) const;
    [[nodiscard]] Status check_arguments(std::vector<std::string> given);

    std::unique_ptr<Impl> impl_;
    bool help_ = false, wrong_count_ = false;
};

} // namespace berth::cli
