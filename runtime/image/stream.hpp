// stream.hpp - bytes on their way: sinks that are pushed into (digest, decompress, unpack, write) and sources
// that are pulled from (a file, a range of it). Chains of them hold buffers of fixed size only, never a whole
// layer. A sink is finished exactly once, by its owner, after the last write; finish() is where trailing
// damage is reported.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/base/sha256.hpp"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace berth::image {

inline constexpr std::size_t k_chunk = 256u << 10;

class ByteSink {
  public:
    virtual ~ByteSink() = default;
    [[nodiscard]] virtual Status write(std::string_view bytes) = 0;
    [[nodiscard]] virtual Status finish() { return {}; }
};

class ByteSource {
  public:
    virtual ~ByteSource() = default;
    // 0: the end.
    [[nodiscard]] virtual Result<std::size_t> read(char* buffer, std::size_t size) = 0;
    // Passes over bytes; sources that can seek override this. Fewer than asked for is an error.
    [[nodiscard]] virtual Status skip(std::int64_t bytes);
};

// Copies until the source ends; does not finish the sink.
[[nodiscard]] Status pump(ByteSource& source, ByteSink& sink);

// A borrowed descriptor, read from its position.
class FdSource : public ByteSource {
  public:
    explicit FdSource(int fd) : fd_(fd) {}
    [[nodiscard]] Result<std::size_t> read(char* buffer, std::size_t size) override;

  private:
    int fd_;
};

// Part of a file, by pread: several can read one descriptor at the same time.
class RangeSource : public ByteSource {
  public:
    RangeSource(int fd, std::int64_t offset, std::int64_t size)
        : fd_(fd), offset_(offset), end_(offset + size) {}
    [[nodiscard]] Result<std::size_t> read(char* buffer, std::size_t size) override;
    [[nodiscard]] Status skip(std::int64_t bytes) override;
    [[nodiscard]] std::int64_t position() const { return offset_; }

  private:
    int fd_;
    std::int64_t offset_;
    std::int64_t end_;
};

class MemorySource : public ByteSource {
  public:
    explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
    [[nodiscard]] Result<std::size_t> read(char* buffer, std::size_t size) override;

  private:
    std::string_view rest_;
};

class FdSink : public ByteSink {
  public:
    FdSink(int fd, std::string what) : fd_(fd), what_(std::move(what)) {}
    [[nodiscard]] Status write(std::string_view bytes) override { return write_all(fd_, bytes, what_); }

  private:
    int fd_;
    std::string what_;
};

class StringSink : public ByteSink {
  public:
    explicit StringSink(std::size_t limit) : limit_(limit) {}
    [[nodiscard]] Status write(std::string_view bytes) override;
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::size_t limit_;
    std::string text_;
};

// Counts and digests what passes; `next` may be null (digest only).
class DigestSink : public ByteSink {
  public:
    explicit DigestSink(ByteSink* next) : next_(next) {}
    [[nodiscard]] Status write(std::string_view bytes) override;
    // Finishes the next sink too.
    [[nodiscard]] Status finish() override;
    [[nodiscard]] std::int64_t size() const { return size_; }
    [[nodiscard]] std::string digest(); // "sha256:..."; once, at the end

  private:
    ByteSink* next_;
    Sha256 hash_;
    std::int64_t size_ = 0;
};

// A bounded queue between two threads: the writing end is a sink, the reading end a source. A failed reader
// makes the writer's next write return the reader's error, so that an upload stops at once.
class Conduit : public ByteSink, public ByteSource {
  public:
    [[nodiscard]] Status write(std::string_view bytes) override;
    [[nodiscard]] Status finish() override; // writer: no more bytes
    [[nodiscard]] Result<std::size_t> read(char* buffer, std::size_t size) override;
    void abort_writer(Error error);      // reader: give up
    [[nodiscard]] bool writer_aborted(); // the reader has given up, or needs no more
    void abort_reader(Error error);      // writer: the stream is damaged; reads fail with this

  private:
    static constexpr std::size_t k_capacity = 1u << 20;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string ring_ = std::string(k_capacity, '\0');
    std::size_t start_ = 0;
    std::size_t used_ = 0;
    bool finished_ = false;
    std::optional<Error> writer_error_;
    std::optional<Error> reader_error_;
};

} // namespace berth::image
