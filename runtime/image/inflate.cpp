#include "runtime/image/inflate.hpp"

#include <algorithm>
#include <cstring>
#include <zstd.h>

namespace berth::image {

namespace {

// A bomb: beyond the first GiB nothing honest shrinks a hundredfold.
constexpr std::int64_t k_ratio_from = std::int64_t{1} << 30;
constexpr std::int64_t k_most_ratio = 100;

class ZstdCodec : public Codec {
  public:
    ZstdCodec() : stream_(ZSTD_createDCtx()), out_(ZSTD_DStreamOutSize(), '\0') {
        // 128 MiB window: what --long=27 writes and every decoder accepts; more is a way to eat memory.
        ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 27);
    }
    ZstdCodec(const ZstdCodec&) = delete;
    ZstdCodec& operator=(const ZstdCodec&) = delete;
    ~ZstdCodec() override { ZSTD_freeDCtx(stream_); }

    Status feed(std::string_view bytes, ByteSink& out) override {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        bool full = false;
        // Goes on while there is input or the output buffer was too small for what is held back.
        while (in.pos < in.size || full) {
            ZSTD_outBuffer piece{out_.data(), out_.size(), 0};
            const std::size_t left = ZSTD_decompressStream(stream_, &piece, &in);
            if (ZSTD_isError(left) != 0U)
                return fail(ErrorCode::invalid_input,
                            concat("zstd stream is damaged: ", ZSTD_getErrorName(left)));
            full = piece.pos == piece.size;
            in_frame_ = left != 0;
            if (piece.pos > 0) BERTH_TRY(out.write({out_.data(), piece.pos}));
        }
        return {};
    }
    Status end(ByteSink&) override {
        if (in_frame_) return fail(ErrorCode::invalid_input, "zstd stream ends in the middle");
        return {};
    }

  private:
    ZSTD_DCtx* stream_;
    std::string out_;
    bool in_frame_ = true;
};

} // namespace

std::unique_ptr<Codec> make_zstd_codec() {
    return std::make_unique<ZstdCodec>();
}

Result<std::unique_ptr<Codec>> make_gzip_codec() {
    auto codec = make_isal_codec();
    if (codec == nullptr) codec = make_zlib_codec();
    return codec;
}

Compression detect_compression(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) return Compression::gzip;
    if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
    // A skippable frame may stand first (zstd:chunked).
    if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18")
        return Compression::zstd;
    if (head.starts_with(std::string_view("\xfd\x37zXZ\0", 6))) return Compression::xz;
    // With the first block's magic, because "BZh" alone may be the name of a tar's first file.
    if (head.size() >= 10 && head.starts_with("BZh") && head.substr(4, 6) == "\x31\x41\x59\x26\x53\x59")
        return Compression::bzip2;
    return Compression::none;
}

const char* compression_name(Compression compression) {
    switch (compression) {
    case Compression::none:
        return "none";
    case Compression::gzip:
        return "gzip";
    case Compression::zstd:
        return "zstd";
    case Compression::xz:
        return "xz";
    case Compression::bzip2:
        return "bzip2";
    }
    return "none";
}

// Counts what comes out and stops a bomb.
class Decompressor::Guard : public ByteSink {
  public:
    explicit Guard(Decompressor& owner) : owner_(owner) {}
    Status write(std::string_view bytes) override {
        owner_.out_ += static_cast<std::int64_t>(bytes.size());
        if (owner_.out_ > k_ratio_from && owner_.out_ / k_most_ratio > owner_.in_)
            return fail(ErrorCode::invalid_input,
                        concat("compressed data grows more than ", k_most_ratio, "-fold"));
        return owner_.next_.write(bytes);
    }

  private:
    Decompressor& owner_;
};

Decompressor::Decompressor(ByteSink& next) : next_(next), guard_(std::make_unique<Guard>(*this)) {}
Decompressor::~Decompressor() = default;

Status Decompressor::start() {
    started_ = true;
    compression_ = detect_compression(head_);
    switch (compression_) {
    case Compression::none:
        break;
    case Compression::gzip: {
        BERTH_ASSIGN_OR_RETURN(codec_, make_gzip_codec());
        break;
    }
    case Compression::zstd:
        codec_ = make_zstd_codec();
        break;
    case Compression::xz:
    case Compression::bzip2: {
        BERTH_ASSIGN_OR_RETURN(codec_, make_libarchive_codec());
        break;
    }
    }
    const std::string head = std::move(head_);
    return feed(head);
}

Status Decompressor::feed(std::string_view bytes) {
    in_ += static_cast<std::int64_t>(bytes.size());
    if (codec_ == nullptr) return next_.write(bytes);
    return codec_->feed(bytes, *guard_);
}

Status Decompressor::write(std::string_view bytes) {
    if (started_) return feed(bytes);
    const auto part = bytes.substr(0, k_magic_bytes - std::min(k_magic_bytes, head_.size()));
    head_ += part;
    bytes.remove_prefix(part.size());
    if (head_.size() < k_magic_bytes) return {};
    BERTH_TRY(start());
    return bytes.empty() ? Status{} : feed(bytes);
}

Status Decompressor::finish() {
    if (!started_) BERTH_TRY(start());
    if (codec_ != nullptr) {
        BERTH_TRY(codec_->end(*guard_));
    }
    return next_.finish();
}

} // namespace berth::image
