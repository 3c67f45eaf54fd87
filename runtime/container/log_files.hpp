// log_files.hpp - the rotated files of one log as a sequence of bytes: container.log is the youngest, then
// container.log.1, .2, ... Files are told apart by inode, so that a rotation in the middle of reading loses
// and doubles nothing.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::runtime {

struct LogFile {
    Fd fd;
    std::uint64_t inode = 0;
    std::int64_t offset = 0; // where reading starts
};
// All files, oldest first, opened. A rotation while they are opened is noticed and the opening done again.
[[nodiscard]] Result<std::vector<LogFile>> open_log_files(const std::string& directory);
// Moves the files' offsets so that the last `lines` lines are left, reading backwards from the end; files
// before are dropped.
[[nodiscard]] berth::Status keep_tail(std::vector<LogFile>& files, std::int64_t lines);
// The files that are younger than the one with this inode, oldest first; all of them when it is gone by now.
[[nodiscard]] Result<std::vector<LogFile>> open_younger(const std::string& directory, std::uint64_t inode);

// Splits what a file grows by into lines; what has no line break yet waits for the rest.
class LineReader {
  public:
    // Reads to the present end. false: the callback wants no more.
    [[nodiscard]] Result<bool> read_on(LogFile& file, const std::function<bool(std::string_view)>& line);

  private:
    std::string buffer_;
    std::size_t filled_ = 0;
};

} // namespace berth::runtime
