// tar_reader.hpp - a tar as a stream of entries. Every length is bounded before anything is allocated; a
// damaged or truncated archive is an error, never a silent end. Usage: next(), then data() until it is empty,
// and so on; what is not read is passed over by next(). drain() reads what stands behind the end mark, which
// belongs to a layer's digest.
#pragma once

#include "runtime/image/stream.hpp"
#include "runtime/image/tar.hpp"

namespace berth::image {

struct PaxRecords;

// Does this block of 512 bytes have a tar header's checksum?
[[nodiscard]] bool is_tar_header(std::string_view block);

class TarReader {
  public:
    // raw: gets every byte that is not handed out by data(), in order (layer skeletons); may be null.
    explicit TarReader(ByteSource& source, ByteSink* raw = nullptr, std::size_t buffer = k_chunk);

    [[nodiscard]] Result<bool> next(TarEntry& entry); // false: the end
    // Next piece of the current entry's stored bytes, empty at their end. Valid until the next call.
    [[nodiscard]] Result<std::string_view> data();
    [[nodiscard]] Status drain();
    // Bytes of the archive before the next one to be read: within next() and data(), where the entry's bytes
    // begin.
    [[nodiscard]] std::int64_t position() const { return position_; }
    [[nodiscard]] std::int64_t stored_left() const { return stored_left_; }

  private:
    [[nodiscard]] Result<std::size_t> fill(); // bytes in the buffer, 0 at the end of the source
    [[nodiscard]] Result<bool> read_block(TarHeader& header);
    [[nodiscard]] Result<std::string> read_small(std::int64_t size, std::string_view what);
    [[nodiscard]] Status pass_over(std::int64_t size);
    [[nodiscard]] Status finish_entry();
    [[nodiscard]] Status apply_header(const TarHeader& header, std::int64_t size, TarEntry& entry);
    [[nodiscard]] Status apply_pax(PaxRecords& pax, TarEntry& entry);
    [[nodiscard]] Status old_gnu_sparse(const TarHeader& header, TarEntry& entry);
    [[nodiscard]] Status sparse_v1_map(PaxRecords& pax);

    ByteSource& source_;
    ByteSink* raw_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::int64_t position_ = 0;
    std::int64_t stored_left_ = 0;
    std::int64_t padding_ = 0;
    bool at_end_ = false;
};

} // namespace berth::image
