// instructions.hpp - logical lines to typed instructions: flags, JSON and shell forms, arity. Values are
// still unexpanded; what a variable may stand in is checked again after expansion. All errors of a file are
// reported at once.
#pragma once

#include "runtime/build/lexer.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace berth::build {

// A piece of the file and its place.
struct Text {
    std::string value;
    SourcePos at;
    // Where value[offset] stands; the whole text where it is not in the file as it is (quotes, escapes).
    [[nodiscard]] SourcePos from(std::size_t offset) const;
};

struct From {
    Text image;
    std::string name; // lower-case; empty: none
    Text as, written; // the word AS and the name, as they stand in the file
    Text platform;    // empty value: none
};
// RUN, CMD, ENTRYPOINT and the command of HEALTHCHECK.
struct CommandLine {
    bool exec = false;
    std::vector<std::string> argv; // exec form
    std::string line;              // shell form
};
struct Run {
    CommandLine command;
    std::vector<Text> mounts; // "type=cache,target=/x"
    std::string network;      // "", "default", "none", "host"
    bool insecure = false;    // --security=insecure
    SourcePos network_at, insecure_at;
};
struct Copy { // ADD too
    bool add = false;
    std::vector<Text> sources;
    std::vector<std::size_t> heredoc_sources; // indexes into LogicalLine::heredocs
    Text destination;
    Text from, chown, chmod, checksum;
    std::vector<Text> exclude;
    bool link = false, parents = false, keep_git_dir = false;
    std::optional<bool> unpack;
};
struct KeyValues {                        // ENV, LABEL
    bool label = false, old_form = false; // old_form: "KEY rest of the line"
    std::vector<std::pair<Text, Text>> pairs;
};
struct Arg {
    struct Item {
        std::string name;
        std::optional<Text> value;
        SourcePos at;
    };
    std::vector<Item> items;
};
struct Command { // CMD and ENTRYPOINT
    bool entrypoint = false;
    CommandLine command;
};
struct Words { // EXPOSE, VOLUME
    enum class Kind : std::uint8_t { expose, volume } kind = Kind::expose;
    std::vector<Text> words;
    bool json = false;
};
struct Value { // USER, WORKDIR, STOPSIGNAL, MAINTAINER
    enum class Kind : std::uint8_t { user, workdir, stop_signal, maintainer } kind = Kind::user;
    Text text;
};
struct Health {
    bool none = false;
    CommandLine command;
    std::int64_t interval_ns = 0, timeout_ns = 0, start_period_ns = 0, start_interval_ns = 0, retries = 0;
};
struct Shell {
    std::vector<std::string> argv;
};
struct OnBuild {
    std::string trigger;
};

struct Instruction {
    std::variant<From, Run, Copy, KeyValues, Arg, Command, Words, Value, Health, Shell, OnBuild> body;
    std::string name; // upper-case
    std::string word; // as written
    std::string text; // the logical line's arguments, flags included, for progress and history
    std::vector<Heredoc> heredocs;
    SourcePos at;      // the instruction's name
    SourcePos args_at; // its first argument
    std::uint32_t last_line = 0;
    std::vector<std::string> comments; // right above it
    bool empty_continuation = false;
};

struct Dockerfile {
    std::shared_ptr<const SourceFile> file;
    char escape = '\\';
    std::string syntax, check; // parser directives
    std::vector<Instruction> instructions;
};

// Errors of every line in `diagnostics`; the Dockerfile holds what could be read.
[[nodiscard]] Dockerfile parse_dockerfile(std::shared_ptr<const SourceFile> file, Diagnostics& diagnostics);
// An ONBUILD trigger of a base image.
[[nodiscard]] Result<Instruction> parse_trigger(const std::string& text, const std::string& image,
                                                char escape);
// "CMD [...]", "ENV a=b": one instruction without a file (import --change).
[[nodiscard]] Result<Instruction> parse_line(const LogicalLine& line, char escape);

// The first error, the others as its notes.
[[nodiscard]] Error join_errors(std::vector<Error> errors);

} // namespace berth::build
