#include "runtime/image/archive_files.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/tar_reader.hpp"
#include "runtime/image/tree_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace berth::image {

namespace {

constexpr std::size_t k_max_members = 1u << 17; // an image has a few hundred
constexpr std::size_t k_index_buffer = 4096;    // headers lie apart; more would be read in vain
constexpr std::size_t k_max_names = 16u << 20;  // bytes of all names and links
constexpr int k_most_links = 8;

class TarFiles : public ArchiveFiles {
  public:
    explicit TarFiles(std::shared_ptr<Fd> file) : file_(std::move(file)) {}

    Status index(std::int64_t start, std::int64_t size) {
        RangeSource source(file_->get(), start, size);
        TarReader reader(source, nullptr, k_index_buffer);
        TarEntry entry;
        for (std::size_t names = 0;;) {
            BERTH_ASSIGN_OR_RETURN(const bool more, reader.next(entry));
            if (!more) return {};
            auto name = clean_entry_name(entry.name);
            if (!name)
                return fail(std::move(name).error().context(concat("archive member '", entry.name, "'")));
            names += name->size() + entry.link.size();
            if (members_.size() >= k_max_members || names > k_max_names)
                return fail(ErrorCode::invalid_input, "archive has too many members for an image");
            Member member;
            if (entry.type == EntryType::file && !entry.sparse) {
                member.offset = start + reader.position();
                member.size = entry.size;
            } else if (entry.type == EntryType::symlink) {
                member.link = join_path(dir_name(*name) == "." ? "" : dir_name(*name), entry.link);
            } else if (entry.type == EntryType::hard_link) {
                member.link = entry.link;
            } else {
                continue;
            }
            members_.insert_or_assign(*name, std::move(member));
        }
    }
    Lookup<Range> find(const std::string& name) const override {
        auto clean = clean_entry_name(name);
        for (int links = 0; clean && links < k_most_links; ++links) {
            const auto found = members_.find(*clean);
            if (found == members_.end()) return std::nullopt;
            if (found->second.link.empty()) return Range{file_, found->second.offset, found->second.size};
            clean = clean_entry_name(found->second.link);
        }
        return fail(ErrorCode::invalid_input,
                    concat("archive member '", name.substr(0, 200), "' leads nowhere"));
    }

  private:
    struct Member {
        std::int64_t offset = 0;
        std::int64_t size = 0;
        std::string link;
    };
    std::shared_ptr<Fd> file_;
    std::map<std::string, Member> members_;
};

class FolderFiles : public ArchiveFiles {
  public:
    explicit FolderFiles(Fd folder) : folder_(std::move(folder)) {}
    Lookup<Range> find(const std::string& name) const override {
        // Nonblocking, so that a FIFO in its place does not hang us.
        auto file = open_in_root(folder_.get(), name, O_RDONLY | O_NONBLOCK);
        if (!file && (file.error().sys_errno() == ENOENT || file.error().sys_errno() == ENOTDIR))
            return std::nullopt;
        if (!file) return fail(std::move(file).error());
        struct stat st {};
        if (::fstat(file->get(), &st) != 0) return fail_errno(concat("examine '", name, "'"));
        if (!S_ISREG(st.st_mode)) return fail(ErrorCode::invalid_input, concat("'", name, "' is not a file"));
        return Range{std::make_shared<Fd>(std::move(*file)), 0, st.st_size};
    }

  private:
    Fd folder_;
};

// Lets through what begins as a tar does, so that a device or a file of another kind is not copied to disk
// first.
class TarGate : public ByteSink {
  public:
    explicit TarGate(ByteSink& next) : next_(next) {}
    Status write(std::string_view bytes) override {
        if (open_) return next_.write(bytes);
        head_ += bytes;
        if (head_.size() < k_tar_block) return {};
        if (!is_tar_header(std::string_view(head_).substr(0, k_tar_block))) return refuse();
        open_ = true;
        return next_.write(std::exchange(head_, {}));
    }
    Status finish() override { return open_ ? next_.finish() : refuse(); }

  private:
    [[nodiscard]] static Status refuse() {
        return fail(
            Error(ErrorCode::invalid_input, "the input is no archive of images: it does not begin as a tar")
                .hint("give what `save` wrote; it may be compressed"));
    }
    ByteSink& next_;
    std::string head_;
    bool open_ = false;
};

// A tar up to its end mark, into a sink: what a pipe has behind that mark is not asked for (it may be endless).
class TarCopy : public ByteSink {
  public:
    explicit TarCopy(ByteSink& out) : out_(out) {
        thread_ = std::thread([this] {
            status_ = copy();
            conduit_.abort_writer(status_ ? Error(ErrorCode::internal, "the archive has ended")
                                          : status_.error());
        });
    }
    TarCopy(const TarCopy&) = delete;
    TarCopy& operator=(const TarCopy&) = delete;
    ~TarCopy() override {
        conduit_.abort_reader(Error(ErrorCode::interrupted, "the copy was given up"));
        if (thread_.joinable()) thread_.join();
    }
    Status write(std::string_view bytes) override { return conduit_.write(bytes); }
    Status finish() override {
        BERTH_TRY(conduit_.finish());
        thread_.join();
        return status_;
    }
    // All of it has been copied, whatever write() said of the rest.
    [[nodiscard]] bool ended() {
        if (!conduit_.writer_aborted()) return false;
        if (thread_.joinable()) thread_.join();
        return status_.has_value();
    }

  private:
    Status copy() {
        TarReader reader(conduit_, &out_);
        TarEntry entry;
        for (;;) {
            BERTH_ASSIGN_OR_RETURN(const bool more, reader.next(entry));
            if (!more) return {};
            for (;;) {
                BERTH_ASSIGN_OR_RETURN(const std::string_view piece, reader.data());
                if (piece.empty()) break;
                BERTH_TRY(out_.write(piece));
            }
        }
    }
    ByteSink& out_;
    Conduit conduit_;
    Status status_;
    std::thread thread_;
};

// Unnamed: gone with its last descriptor, also when we are killed.
Result<Fd> spool(const Context& context, ByteSource& source) {
    BERTH_TRY(ensure_store(context));
    BERTH_ASSIGN_OR_RETURN(Fd file, open_file(staging_root(context), O_RDWR | O_TMPFILE, 0600));
    FdSink sink(file.get(), "the archive's temporary file");
    TarCopy copy(sink);
    TarGate gate(copy);
    Decompressor inflate(gate);
    const auto pumped = pump(source, inflate);
    if (!copy.ended()) {
        BERTH_TRY(pumped);
        if (auto finished = inflate.finish(); !finished && !copy.ended()) return fail(finished.error());
    }
    return file;
}

} // namespace

Lookup<std::string> ArchiveFiles::read(const std::string& name, std::size_t limit) const {
    BERTH_ASSIGN_OR_RETURN(const auto range, find(name));
    if (!range) return std::nullopt;
    if (range->size > static_cast<std::int64_t>(limit))
        return fail(ErrorCode::invalid_input,
                    concat("archive member '", name.substr(0, 200), "' has ", range->size, " bytes"));
    RangeSource source(range->file->get(), range->offset, range->size);
    StringSink text(limit);
    BERTH_TRY(pump(source, text));
    return text.take();
}

Result<std::unique_ptr<ArchiveFiles>> open_tar_files(const Context& context, int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return fail_errno("examine the archive");
    std::int64_t start = 0;
    std::shared_ptr<Fd> file;
    if (S_ISREG(st.st_mode) && (start = ::lseek(fd, 0, SEEK_CUR)) >= 0) {
        char head[k_magic_bytes] = {};
        const ssize_t got = ::pread(fd, head, sizeof head, start);
        if (got < 0) return fail_errno("read the archive");
        if (detect_compression({head, static_cast<std::size_t>(got)}) == Compression::none) {
            BERTH_ASSIGN_OR_RETURN(Fd copy, duplicate(fd));
            file = std::make_shared<Fd>(std::move(copy));
        }
    }
    if (file == nullptr) {
        FdSource source(fd);
        BERTH_ASSIGN_OR_RETURN(Fd spooled, spool(context, source));
        file = std::make_shared<Fd>(std::move(spooled));
        start = 0;
        if (::fstat(file->get(), &st) != 0) return fail_errno("examine the archive");
    }
    auto files = std::make_unique<TarFiles>(std::move(file));
    BERTH_TRY(files->index(start, st.st_size - start));
    return std::unique_ptr<ArchiveFiles>(std::move(files));
}

Result<std::unique_ptr<ArchiveFiles>> open_folder_files(const std::string& directory) {
    BERTH_ASSIGN_OR_RETURN(Fd folder, open_directory(directory));
    return std::unique_ptr<ArchiveFiles>(std::make_unique<FolderFiles>(std::move(folder)));
}

} // namespace berth::image
