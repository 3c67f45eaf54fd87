// inflate.hpp - compressed bytes in, plain bytes out, the format told by its magic numbers: gzip (isa-l where
// installed, zlib otherwise; several members), zstd (several frames), xz and bzip2 (libarchive), or plain.
// Push only and with fixed buffers. A stream that ends early, or has garbage behind it, is an error.
#pragma once

#include "runtime/image/stream.hpp"

#include <atomic>
#include <memory>

namespace berth::image {

enum class Compression : std::uint8_t { none, gzip, zstd, xz, bzip2 };

inline constexpr std::size_t k_magic_bytes = 10;
[[nodiscard]] Compression detect_compression(std::string_view head);
[[nodiscard]] const char* compression_name(Compression compression);

// One format's decoder.
class Codec {
  public:
    virtual ~Codec() = default;
    // `out` is the same object in every call.
    [[nodiscard]] virtual Status feed(std::string_view bytes, ByteSink& out) = 0;
    [[nodiscard]] virtual Status end(ByteSink& out) = 0;
};
[[nodiscard]] Result<std::unique_ptr<Codec>> make_gzip_codec();
[[nodiscard]] std::unique_ptr<Codec> make_zlib_codec(); // gzip by zlib
[[nodiscard]] std::unique_ptr<Codec> make_isal_codec(); // gzip by isa-l; null where it is not installed
[[nodiscard]] std::unique_ptr<Codec> make_zstd_codec();
[[nodiscard]] Result<std::unique_ptr<Codec>> make_libarchive_codec(); // xz, bzip2

class Decompressor : public ByteSink {
  public:
    explicit Decompressor(ByteSink& next);
    ~Decompressor() override;
    [[nodiscard]] Status write(std::string_view bytes) override;
    // Ends the decoder and finishes the next sink.
    [[nodiscard]] Status finish() override;
    [[nodiscard]] Compression compression() const { return compression_; }

  private:
    class Guard;
    [[nodiscard]] Status start();
    [[nodiscard]] Status feed(std::string_view bytes);
    ByteSink& next_;
    std::string head_;
    bool started_ = false;
    Compression compression_ = Compression::none;
    std::unique_ptr<ByteSink> guard_; // outlives the codec, whose thread may write to it
    std::unique_ptr<Codec> codec_;
    std::atomic<std::int64_t> in_ = 0;
    std::int64_t out_ = 0;
};

} // namespace berth::image
