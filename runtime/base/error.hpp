// error.hpp - what every fallible function of berth reports: what was tried, why it failed, where, and what to do.
// Invariants: `message` says what was tried, lower-case, with values, without "failed to" and without errno text
// (the renderer appends that from `sys_errno`). A user's mistake carries a place in a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

// One text that diagnostics can point into (a compose file, a Dockerfile, an env file). Shared by all positions in it.
struct SourceFile {
    std::string path; // as the user wrote it; "-" for standard input
    std::string text;
    // The given 1-based line without its line break; empty when out of range. Linear in the text: errors only.
    [[nodiscard]] std::string_view line(std::uint32_t number) const;
};

// A place in a SourceFile; line and column count from 1, the column in bytes. line 0: the file as a whole.
struct SourcePos {
    std::shared_ptr<const SourceFile> file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t length = 1; // bytes to underline
    [[nodiscard]] bool known() const { return file != nullptr; }
    // "compose.yaml:12:9"; empty when unknown
    [[nodiscard]] std::string to_string() const;
    friend bool operator<(const SourcePos& a, const SourcePos& b);
};

enum class ErrorCode : std::uint8_t {
    failed,        // the operation did not succeed; exit 1
    invalid_input, // the user's file or arguments are wrong; exit 1 (compose: 15 as docker's config errors are 1)
    usage,         // wrong flags; exit 125 for run-like commands, 1 for compose
    not_found,     // the named object does not exist
    already_exists, // the name is taken
    in_use,         // the object cannot be removed, or a port or address is held by somebody
    unsupported,    // this host or this berth cannot do it
    interrupted,    // a signal asked us to stop; exit 130
    timed_out,
    command_not_found,      // container: exit 127
    command_not_executable, // container: exit 126
    internal,               // a bug of ours
};

struct Note {
    std::string text;
    SourcePos at;
};

class [[nodiscard]] Error {
  public:
    Error() = default;
    Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

    // Builders; each returns *this so that an error is written in one expression.
    Error& at(SourcePos pos) & {
        at_ = std::move(pos);
        return *this;
    }
    Error&& at(SourcePos pos) && {
        at_ = std::move(pos);
        return std::move(*this);
    }
    Error&& hint(std::string text) && {
        hint_ = std::move(text);
        return std::move(*this);
    }
    Error& hint(std::string text) & {
        hint_ = std::move(text);
        return *this;
    }
    Error&& note(std::string text, SourcePos pos = {}) && {
        notes_.push_back({std::move(text), std::move(pos)});
        return std::move(*this);
    }
    Error& note(std::string text, SourcePos pos = {}) & {
        notes_.push_back({std::move(text), std::move(pos)});
        return *this;
    }
    Error&& sys_errno(int value) && {
        errno_ = value;
        return std::move(*this);
    }
    // Prefixes what the caller was doing: "start container web-1: <message>".
    Error&& context(std::string_view doing) &&;
    // Dotted path in the compose model ("services.web.ports[1]") that the message is about.
    Error&& path(std::string value) && {
        path_ = std::move(value);
        return std::move(*this);
    }
    Error& path(std::string value) & {
        path_ = std::move(value);
        return *this;
    }

    [[nodiscard]] ErrorCode code() const { return code_; }
    [[nodiscard]] int sys_errno() const { return errno_; }
    [[nodiscard]] const std::string& message() const { return message_; }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const SourcePos& at() const { return at_; }
    [[nodiscard]] const std::string& hint() const { return hint_; }
    [[nodiscard]] const std::vector<Note>& notes() const { return notes_; }
    // One line: place, path, message, errno text, hint. What logs, records and plain output show.
    [[nodiscard]] std::string to_string() const;

  private:
    ErrorCode code_ = ErrorCode::failed;
    int errno_ = 0;
    std::string message_;
    std::string path_;
    SourcePos at_;
    std::string hint_;
    std::vector<Note> notes_;
};

// What loading a compose file or a Dockerfile found: all of it, not only the first.
struct Diagnostics {
    std::vector<Error> errors;
    std::vector<Error> warnings;
    [[nodiscard]] bool ok() const { return errors.empty(); }
    void sort(); // by file and position, stable
};

// Text of an errno, for example "No such file or directory"; safe in static programs (no locale).
[[nodiscard]] std::string errno_text(int value);

} // namespace berth
