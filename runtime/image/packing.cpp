#include "runtime/image/packing.hpp"

#include "runtime/image/deflate.hpp"

#include <zstd.h>

namespace berth::image {

namespace {

class PlainPacker final : public ByteSink {
  public:
    explicit PlainPacker(ByteSink& next) : next_(next) {}
    Status write(std::string_view bytes) override { return next_.write(bytes); }
    Status finish() override { return next_.finish(); }

  private:
    ByteSink& next_;
};

// One frame with a checksum, in one thread: more of them would make the result depend on the machine.
class ZstdPacker final : public ByteSink {
  public:
    ZstdPacker(ByteSink& next, std::optional<int> level) : next_(next), context_(ZSTD_createCCtx()) {
        if (context_ == nullptr) return;
        ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level.value_or(ZSTD_CLEVEL_DEFAULT));
        ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
    }
    ZstdPacker(const ZstdPacker&) = delete;
    ZstdPacker& operator=(const ZstdPacker&) = delete;
    ~ZstdPacker() override { ZSTD_freeCCtx(context_); }
    Status write(std::string_view bytes) override { return run(bytes, ZSTD_e_continue); }
    Status finish() override {
        BERTH_TRY(run({}, ZSTD_e_end));
        return next_.finish();
    }

  private:
    Status run(std::string_view bytes, ZSTD_EndDirective directive) {
        if (context_ == nullptr) return fail(ErrorCode::failed, "cannot start compressing: no memory");
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        std::size_t left = 0;
        do {
            ZSTD_outBuffer out{out_.data(), out_.size(), 0};
            left = ZSTD_compressStream2(context_, &out, &in, directive);
            if (ZSTD_isError(left) != 0)
                return fail(ErrorCode::internal, concat("zstd does not compress: ", ZSTD_getErrorName(left)));
            if (out.pos > 0) BERTH_TRY(next_.write(std::string_view(out_.data(), out.pos)));
        } while (directive == ZSTD_e_end ? left > 0 : in.pos < in.size);
        return {};
    }

    ByteSink& next_;
    ZSTD_CCtx* context_;
    std::string out_ = std::string(k_chunk, '\0');
};

std::string suffix_of(Compression compression) {
    return compression == Compression::none ? std::string() : concat("+", compression_name(compression));
}

} // namespace

std::unique_ptr<ByteSink> make_packer(const Packing& packing, ByteSink& next) {
    if (packing.compression == Compression::none) return std::make_unique<PlainPacker>(next);
    if (packing.compression == Compression::zstd) return std::make_unique<ZstdPacker>(next, packing.level);
    return std::make_unique<GzipCompressor>(next, packing.level.value_or(GzipCompressor::k_default_level));
}

std::string layer_media_type(Compression compression) {
    return k_oci_layer + suffix_of(compression);
}

bool suits(const Packing& packing, const std::string& media_type) {
    return !packing.force || media_type == layer_media_type(packing.compression);
}

std::string docker_media_type(const std::string& oci) {
    const std::string layer = k_oci_layer;
    if (oci == k_oci_manifest) return k_docker_manifest;
    if (oci == k_oci_config) return k_docker_config;
    if (oci == layer) return k_docker_layer;
    if (oci.starts_with(layer + "+")) return concat(k_docker_layer, ".", oci.substr(layer.size() + 1));
    return oci;
}

} // namespace berth::image
