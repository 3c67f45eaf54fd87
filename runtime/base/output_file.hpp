// output_file.hpp - where a command writes an archive to: a file that is wanted whole or not at all (written beside its
// place and renamed at the end), a pipe or device as it is, or standard output.
#pragma once

#include "runtime/base/fd.hpp"

#include <string>
#include <sys/types.h>
#include <utility>

namespace berth {

class OutputFile {
  public:
    // "" and "-": standard output; usage error when that is a terminal. Otherwise the folder must exist; what the
    // path names meanwhile stays as it is until commit(), also for two commands that write the same file.
    [[nodiscard]] static Result<OutputFile> open(const std::string& path, mode_t mode = 0600);
    OutputFile(OutputFile&& other) noexcept
        : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})),
          file_(std::move(other.file_)) {}
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();
    [[nodiscard]] int fd() const;
    [[nodiscard]] Status commit();

  private:
    OutputFile() = default;
    std::string path_, temporary_; // temporary: empty when there is nothing to rename
    Fd file_;
};

} // namespace berth
