// xz and bzip2 through libarchive's "raw" format, opened with dlopen: rare in images, so nobody else pays for
// it. libarchive pulls and our chains push, so it runs in a thread of its own behind a bounded queue.
#include "runtime/base/dl.hpp"
#include "runtime/image/inflate.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <thread>

namespace berth::image {

namespace {

struct Table {
    decltype(&::archive_read_new) read_new = nullptr;
    decltype(&::archive_read_free) read_free = nullptr;
    decltype(&::archive_read_support_filter_xz) filter_xz = nullptr;
    decltype(&::archive_read_support_filter_bzip2) filter_bzip2 = nullptr;
    decltype(&::archive_read_support_format_raw) format_raw = nullptr;
    decltype(&::archive_read_open) open = nullptr;
    decltype(&::archive_read_next_header) next_header = nullptr;
    decltype(&::archive_read_data) data = nullptr;
    decltype(&::archive_error_string) error_string = nullptr;
};

Result<Table> load_table() {
    BERTH_ASSIGN_OR_RETURN(const Library library, Library::open({"libarchive.so.13"}, "libarchive13"));
    Table out;
    BERTH_TRY(library.load(out.read_new, "archive_read_new"));
    BERTH_TRY(library.load(out.read_free, "archive_read_free"));
    BERTH_TRY(library.load(out.filter_xz, "archive_read_support_filter_xz"));
    BERTH_TRY(library.load(out.filter_bzip2, "archive_read_support_filter_bzip2"));
    BERTH_TRY(library.load(out.format_raw, "archive_read_support_format_raw"));
    BERTH_TRY(library.load(out.open, "archive_read_open"));
    BERTH_TRY(library.load(out.next_header, "archive_read_next_header"));
    BERTH_TRY(library.load(out.data, "archive_read_data"));
    BERTH_TRY(library.load(out.error_string, "archive_error_string"));
    return out;
}

class LibarchiveCodec : public Codec {
  public:
    explicit LibarchiveCodec(const Table& table) : table_(table) {}
    ~LibarchiveCodec() override {
        if (thread_.joinable()) {
            in_.abort_reader(Error(ErrorCode::interrupted, "decompression was given up"));
            thread_.join();
        }
    }

    Status feed(std::string_view bytes, ByteSink& out) override {
        if (!thread_.joinable()) {
            out_ = &out;
            thread_ = std::thread([this] {
                status_ = run();
                if (!status_) in_.abort_writer(status_.error());
            });
        }
        return in_.write(bytes);
    }
    Status end(ByteSink&) override {
        if (!thread_.joinable()) return {};
        BERTH_TRY(in_.finish());
        thread_.join();
        return status_;
    }

  private:
    Status run() {
        struct Free {
            const Table* table;
            void operator()(struct archive* a) const { table->read_free(a); }
        };
        const std::unique_ptr<struct archive, Free> reader(table_.read_new(), Free{&table_});
        table_.filter_xz(reader.get());
        table_.filter_bzip2(reader.get());
        table_.format_raw(reader.get());
        buffer_.resize(k_chunk);
        struct archive_entry* entry = nullptr;
        if (table_.open(reader.get(), this, nullptr, &LibarchiveCodec::pull, nullptr) != ARCHIVE_OK ||
            table_.next_header(reader.get(), &entry) != ARCHIVE_OK)
            return damaged(reader.get());
        std::string piece(k_chunk, '\0');
        for (;;) {
            const auto got = table_.data(reader.get(), piece.data(), piece.size());
            if (got < 0) return damaged(reader.get());
            if (got == 0) return {};
            BERTH_TRY(out_->write({piece.data(), static_cast<std::size_t>(got)}));
        }
    }
    Status damaged(struct archive* reader) {
        if (!pull_status_) return pull_status_;
        const char* text = table_.error_string(reader);
        return fail(ErrorCode::invalid_input,
                    concat("compressed stream is damaged: ", text != nullptr ? text : "unknown error"));
    }
    static la_ssize_t pull(struct archive*, void* self, const void** buffer) {
        auto& codec = *static_cast<LibarchiveCodec*>(self);
        auto got = codec.in_.read(codec.buffer_.data(), codec.buffer_.size());
        if (!got) {
            codec.pull_status_ = fail(std::move(got).error());
            return -1;
        }
        *buffer = codec.buffer_.data();
        return static_cast<la_ssize_t>(*got);
    }

    const Table table_;
    Conduit in_;
    ByteSink* out_ = nullptr;
    std::string buffer_;
    Status status_;
    Status pull_status_;
    std::thread thread_;
};

} // namespace

Result<std::unique_ptr<Codec>> make_libarchive_codec() {
    auto table = load_table();
    if (!table)
        return fail(std::move(table).error().context("read an archive that is compressed with xz or bzip2"));
    return std::unique_ptr<Codec>(std::make_unique<LibarchiveCodec>(*table));
}

} // namespace berth::image
