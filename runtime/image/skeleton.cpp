#include "runtime/image/skeleton.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/inflate.hpp"

#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

namespace berth::image {

namespace {

constexpr std::size_t k_raw_batch = 64u << 10;
constexpr std::uint64_t k_max_record = 4u << 20;

void append_number(std::string& out, std::uint64_t value) {
    char raw[8];
    std::memcpy(raw, &value, sizeof raw);
    out.append(raw, sizeof raw);
}

} // namespace

struct SkeletonWriter::State {
    int fd;
    ZSTD_CCtx* stream;
    std::string raw;
    std::string out = std::string(ZSTD_CStreamOutSize(), '\0');
};

SkeletonWriter::SkeletonWriter(int fd) : state_(std::make_unique<State>(State{fd, ZSTD_createCCtx(), {}})) {
    ZSTD_CCtx_setParameter(state_->stream, ZSTD_c_compressionLevel, 1);
    // The default window is 512 KiB at this level; the memory is per layer.
    ZSTD_CCtx_setParameter(state_->stream, ZSTD_c_windowLog, 17);
}

SkeletonWriter::~SkeletonWriter() {
    ZSTD_freeCCtx(state_->stream);
}

Status SkeletonWriter::compress(std::string_view bytes, bool last) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
        ZSTD_outBuffer out{state_->out.data(), state_->out.size(), 0};
        const std::size_t left =
            ZSTD_compressStream2(state_->stream, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) != 0U)
            return fail(ErrorCode::internal,
                        concat("compress a layer's skeleton: ", ZSTD_getErrorName(left)));
        if (out.pos > 0)
            BERTH_TRY(
                write_all(state_->fd, std::string_view(state_->out).substr(0, out.pos), "layer skeleton"));
        if (last ? left == 0 : in.pos == in.size) return {};
    }
}

Status SkeletonWriter::flush_raw() {
    if (state_->raw.empty()) return {};
    std::string head = "R";
    append_number(head, state_->raw.size());
    BERTH_TRY(compress(head, false));
    BERTH_TRY(compress(state_->raw, false));
    state_->raw.clear();
    return {};
}

Status SkeletonWriter::write(std::string_view raw) {
    while (!raw.empty()) {
        const auto part = raw.substr(0, k_raw_batch);
        state_->raw += part;
        raw.remove_prefix(part.size());
        if (state_->raw.size() >= k_raw_batch) BERTH_TRY(flush_raw());
    }
    return {};
}

Status SkeletonWriter::payload(std::string_view path, std::int64_t offset, std::int64_t size) {
    if (size == 0) return {};
    BERTH_TRY(flush_raw());
    std::string record = "F";
    append_number(record, static_cast<std::uint64_t>(offset));
    append_number(record, static_cast<std::uint64_t>(size));
    append_number(record, path.size());
    record += path;
    return compress(record, false);
}

Status SkeletonWriter::finish() {
    BERTH_TRY(flush_raw());
    return compress({}, true);
}

namespace {

// Reads records off the decompressed stream as it is pushed in, so that nothing of it is held.
class Replayer : public ByteSink {
  public:
    Replayer(int tree, ByteSink& sink) : tree_(tree), sink_(sink) {}

    Status write(std::string_view bytes) override {
        while (!bytes.empty()) {
            if (raw_left_ > 0) {
                const auto part = bytes.substr(
                    0, static_cast<std::size_t>(std::min<std::uint64_t>(raw_left_, bytes.size())));
                BERTH_TRY(sink_.write(part));
                raw_left_ -= part.size();
                bytes.remove_prefix(part.size());
                continue;
            }
            record_ += bytes.front();
            bytes.remove_prefix(1);
            BERTH_TRY(try_record());
        }
        return {};
    }
    Status finish() override {
        if (raw_left_ > 0 || !record_.empty())
            return fail(ErrorCode::failed, "layer skeleton ends in the middle of a record");
        return {};
    }

  private:
    [[nodiscard]] std::uint64_t number(std::size_t at) const {
        std::uint64_t value = 0;
        std::memcpy(&value, record_.data() + at, sizeof value);
        return value;
    }
    Status try_record() {
        if (record_[0] == 'R') {
            if (record_.size() < 9) return {};
            raw_left_ = number(1);
            record_.clear();
            if (raw_left_ > k_max_record) return fail(ErrorCode::failed, "layer skeleton is damaged");
            return {};
        }
        if (record_[0] != 'F') return fail(ErrorCode::failed, "layer skeleton is damaged");
        if (record_.size() < 25) return {};
        const auto length = number(17);
        if (length > k_max_record) return fail(ErrorCode::failed, "layer skeleton is damaged");
        if (record_.size() < 25 + length) return {};
        const std::string path = record_.substr(25);
        const auto offset = static_cast<std::int64_t>(number(1));
        const auto size = static_cast<std::int64_t>(number(9));
        record_.clear();
        return copy_file(path, offset, size);
    }
    Status copy_file(const std::string& path, std::int64_t offset, std::int64_t size) {
        BERTH_ASSIGN_OR_RETURN(const Fd file, open_in_root(tree_, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        RangeSource range(file.get(), offset, size);
        auto copied = pump(range, sink_);
        if (!copied) return fail(std::move(copied).error().context(concat("read '", path, "' of a layer")));
        return {};
    }

    int tree_;
    ByteSink& sink_;
    std::uint64_t raw_left_ = 0;
    std::string record_;
};

} // namespace

Status replay_skeleton(int skeleton_fd, int tree_fd, ByteSink& sink) {
    Replayer replayer(tree_fd, sink);
    Decompressor inflate(replayer);
    FdSource source(skeleton_fd);
    BERTH_TRY(pump(source, inflate));
    return inflate.finish();
}

} // namespace berth::image
