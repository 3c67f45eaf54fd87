#include "runtime/image/skeleton.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/inflate.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <map>
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

Status SkeletonWriter::moved(std::string_view path, std::uint64_t number) {
    BERTH_TRY(flush_raw());
    std::string record = "K";
    append_number(record, number);
    append_number(record, path.size());
    record += path;
    return compress(record, false);
}

Status SkeletonWriter::finish() {
    BERTH_TRY(flush_raw());
    return compress({}, true);
}

namespace {

// What had `path` when `files` content records had been written is now kept/<number>.
struct Moved {
    std::uint64_t files;
    std::string path;
    std::uint64_t number;
};

// Reads records off the decompressed stream as it is pushed in, so that nothing of it is held.
class RecordReader : public ByteSink {
  public:
    Status write(std::string_view bytes) override {
        while (!bytes.empty()) {
            if (raw_left_ > 0) {
                const auto part = bytes.substr(
                    0, static_cast<std::size_t>(std::min<std::uint64_t>(raw_left_, bytes.size())));
                BERTH_TRY(raw(part));
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
        if (raw_left_ > 0 || !record_.empty()) return damaged();
        return {};
    }

  private:
    virtual Status raw(std::string_view bytes) = 0;
    virtual Status file(const std::string& path, std::int64_t offset, std::int64_t size) = 0;
    virtual Status moved(const std::string& path, std::uint64_t number) = 0;

    static Failure damaged() { return fail(ErrorCode::failed, "layer skeleton is damaged"); }
    [[nodiscard]] std::uint64_t number(std::size_t at) const {
        std::uint64_t value = 0;
        std::memcpy(&value, record_.data() + at, sizeof value);
        return value;
    }
    Status try_record() {
        const char kind = record_[0];
        const std::size_t head = kind == 'R' ? 9 : kind == 'F' ? 25 : kind == 'K' ? 17 : 0;
        if (head == 0) return damaged();
        if (record_.size() < head) return {};
        const auto length = number(head - 8); // the last number of each head
        if (length > k_max_record) return damaged();
        if (kind == 'R') {
            raw_left_ = length;
            record_.clear();
            return {};
        }
        if (record_.size() < head + length) return {};
        const std::string record = std::move(record_);
        record_.clear();
        std::uint64_t first = 0;
        std::uint64_t second = 0;
        std::memcpy(&first, record.data() + 1, sizeof first);
        std::memcpy(&second, record.data() + 9, sizeof second);
        if (kind == 'K') return moved(record.substr(head), first);
        return file(record.substr(head), static_cast<std::int64_t>(first), static_cast<std::int64_t>(second));
    }
    std::uint64_t raw_left_ = 0;
    std::string record_;
};

// First pass, where there is a folder of kept things: what was moved, and when.
class MoveScan : public RecordReader {
  public:
    std::vector<Moved> found;

  private:
    Status raw(std::string_view) override { return {}; }
    Status file(const std::string&, std::int64_t, std::int64_t) override {
        ++files_;
        return {};
    }
    Status moved(const std::string& path, std::uint64_t number) override {
        found.push_back({files_, path, number});
        return {};
    }
    std::uint64_t files_ = 0;
};

class Replayer : public RecordReader {
  public:
    Replayer(int tree, int kept, std::vector<Moved> moves, ByteSink& sink)
        : tree_(tree), kept_(kept), moves_(std::move(moves)), sink_(sink) {
        for (const auto& move : moves_)
            by_path_[move.path].push_back(&move);
    }

  private:
    Status raw(std::string_view bytes) override { return sink_.write(bytes); }
    Status moved(const std::string&, std::uint64_t) override { return {}; }
    Status file(const std::string& path, std::int64_t offset, std::int64_t size) override {
        int root = tree_;
        std::string name = path;
        const auto ordinal = files_++;
        if (const Moved* move = first_move(path, ordinal)) {
            root = kept_;
            name = concat(move->number, std::string_view(path).substr(move->path.size()));
        }
        BERTH_ASSIGN_OR_RETURN(const Fd content,
                               open_in_root(root, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        RangeSource range(content.get(), offset, size);
        return pump(range, sink_);
    }
    // The first move after this record that took the file, or a folder that it was in.
    [[nodiscard]] const Moved* first_move(std::string_view path, std::uint64_t ordinal) const {
        const Moved* first = nullptr;
        for (auto end = path.size(); end != std::string_view::npos; end = path.substr(0, end).rfind('/')) {
            const auto found = by_path_.find(path.substr(0, end));
            if (found == by_path_.end()) continue;
            const auto& moves = found->second; // in their order
            const auto later =
                std::upper_bound(moves.begin(), moves.end(), ordinal,
                                 [](std::uint64_t at, const Moved* move) { return at < move->files; });
            if (later != moves.end() && (first == nullptr || *later < first)) first = *later;
        }
        return first;
    }

    int tree_;
    int kept_;
    std::vector<Moved> moves_; // in the archive's order, so a smaller address is an earlier one
    std::map<std::string, std::vector<const Moved*>, std::less<>> by_path_;
    ByteSink& sink_;
    std::uint64_t files_ = 0;
};

Status read_records(int skeleton_fd, ByteSink& reader) {
    if (::lseek(skeleton_fd, 0, SEEK_SET) != 0) return fail_errno("read a layer's skeleton");
    Decompressor inflate(reader);
    FdSource source(skeleton_fd);
    BERTH_TRY(pump(source, inflate));
    return inflate.finish();
}

} // namespace

Status replay_skeleton(int skeleton_fd, int tree_fd, int kept_fd, ByteSink& sink) {
    MoveScan scan;
    if (kept_fd >= 0) BERTH_TRY(read_records(skeleton_fd, scan));
    Replayer replayer(tree_fd, kept_fd, std::move(scan.found), sink);
    return read_records(skeleton_fd, replayer);
}

} // namespace berth::image
