#include "runtime/image/deflate.hpp"

#include <zlib.h>

namespace berth::image {

struct GzipCompressor::State {
    z_stream stream{};
    bool open = false;
    std::string out = std::string(k_chunk, '\0');
};

GzipCompressor::GzipCompressor(ByteSink& next, int level) : next_(next), state_(std::make_unique<State>()) {
    constexpr int k_gzip_head = 16, k_window_bits = 15, k_memory_level = 8;
    state_->open = deflateInit2(&state_->stream, level, Z_DEFLATED, k_window_bits + k_gzip_head,
                                k_memory_level, Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipCompressor::~GzipCompressor() {
    if (state_->open) deflateEnd(&state_->stream);
}

Status GzipCompressor::run(std::string_view bytes, int flush) {
    if (!state_->open) return fail(ErrorCode::failed, "cannot start compressing: no memory");
    auto& stream = state_->stream;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    int status = Z_OK;
    do {
        stream.next_out = reinterpret_cast<Bytef*>(state_->out.data());
        stream.avail_out = static_cast<uInt>(state_->out.size());
        status = deflate(&stream, flush);
        if (status == Z_STREAM_ERROR) return fail(ErrorCode::internal, "zlib does not compress");
        const auto made = state_->out.size() - stream.avail_out;
        if (made > 0) BERTH_TRY(next_.write(std::string_view(state_->out.data(), made)));
    } while (stream.avail_out == 0 || (flush == Z_FINISH && status != Z_STREAM_END));
    return {};
}

Status GzipCompressor::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, k_chunk);
        BERTH_TRY(run(part, Z_NO_FLUSH));
        bytes.remove_prefix(part.size());
    }
    return {};
}

Status GzipCompressor::finish() {
    BERTH_TRY(run({}, Z_FINISH));
    return next_.finish();
}

} // namespace berth::image
