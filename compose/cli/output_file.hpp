// output_file.hpp - where a command writes an archive to: a file that is wanted whole or not at all (written
// beside its place and renamed at the end), a pipe or device as it is, or standard output unless that is a
// terminal.
#pragma once

#include "runtime/base/fd.hpp"

#include <string>
#include <unistd.h>
#include <utility>

namespace berth::cli {

class OutputFile {
  public:
    [[nodiscard]] static Result<OutputFile> open(const std::string& path); // "": standard output
    OutputFile(OutputFile&& other) noexcept
        : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})),
          file_(std::move(other.file_)) {}
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();
    [[nodiscard]] int fd() const { return file_ ? file_.get() : STDOUT_FILENO; }
    [[nodiscard]] Status commit();

  private:
    OutputFile() = default;
    std::string path_, temporary_;
    Fd file_;
};

} // namespace berth::cli
