// log_writer.hpp - a container's output as JSON lines in rotating files, as Docker's json-file driver writes
// them:
//     {"log":"text\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"}
// One record a line; lines above 16 KiB come in parts without the line break. container.log is the newest
// file, container.log.1 the one before. Nothing here ever stops the container: what cannot be written (a full
// disk) is counted, and one record tells of it when writing works again. Core.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/monitor/protocol.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::monitor {

enum class Stream : std::uint8_t { out, err };

// Appends `text` as the inside of a JSON string: invalid UTF-8 becomes U+FFFD, as Docker writes it.
void append_log_text(std::string& out, std::string_view text);

class LogWriter {
  public:
    explicit LogWriter(const LogPlan& plan);
    // Bytes as they came; records are on disk when it returns, except for an unfinished last line.
    void write(Stream stream, std::string_view bytes);
    // No more will come: the unfinished line is a record of its own.
    void end(Stream stream);
    [[nodiscard]] std::uint64_t lost_bytes() const { return lost_; }

  private:
    void split(Stream stream, std::string_view bytes);
    void emit(Stream stream, std::string_view text);
    void flush();
    void store();
    [[nodiscard]] bool open_file();
    void rotate();

    LogPlan plan_;
    std::string path_;
    Fd file_;
    std::int64_t size_ = 0;
    std::string partial_[2];
    std::string buffer_;
    std::string tail_[2]; // what follows the text of a record, with the present time
    std::uint64_t lost_ = 0;
};

} // namespace berth::monitor
