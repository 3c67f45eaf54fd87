#include "compose/plan/copy_files.hpp"

#include "runtime/base/file.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/tree_tar.hpp"

#include <climits>
#include <fcntl.h>
#include <functional>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::compose {

namespace {

constexpr int k_most_links = 10; // as docker

bool means_contents(const std::string& path) {
    return path == "." || path.ends_with("/.") || path == "/";
}
bool means_folder(const std::string& path) {
    return path.ends_with('/') || means_contents(path);
}

Error not_found(const CopySide& side) {
    return side.where.empty() ? Error(ErrorCode::not_found, concat("no such file or directory: ", side.path))
                              : Error(ErrorCode::not_found,
                                      concat("Could not find the file ", side.path, " in ", side.where));
}

Failure locate(Error error, const CopySide& side) {
    if (error.sys_errno() == ENOENT || error.sys_errno() == ENOTDIR) return fail(not_found(side));
    return fail(std::move(error).context(side.where.empty() ? "cp" : side.where));
}

struct Entry {
    std::string path; // cleaned; the end of a chain of links
    Fd parent;
    std::string name; // in the parent
    struct stat st {};
    bool exists = false;
};

// What the path names; with follow, what the links at its end lead to. The folder above must exist.
Result<Entry> look(const CopySide& side, const std::string& path, bool follow) {
    Entry out;
    out.path = clean_path(path);
    for (int links = 0;; ++links) {
        out.name = out.path == "/" ? "." : std::string(base_name(out.path));
        auto parent = open_in_root(side.root, std::string(dir_name(out.path)), O_PATH | O_DIRECTORY);
        if (!parent) return locate(std::move(parent).error(), side);
        out.parent = std::move(*parent);
        out.exists = ::fstatat(out.parent.get(), out.name.c_str(), &out.st, AT_SYMLINK_NOFOLLOW) == 0;
        if (!out.exists && errno != ENOENT) return fail_errno(concat("examine '", out.path, "'"));
        if (!out.exists || !S_ISLNK(out.st.st_mode) || !follow) return out;
        if (links == k_most_links)
            return fail(ErrorCode::invalid_input, concat("too many symlinks in ", side.path));
        char target[PATH_MAX];
        const ssize_t size = ::readlinkat(out.parent.get(), out.name.c_str(), target, sizeof target);
        if (size < 0) return fail_errno(concat("read the link '", out.path, "'"));
        out.path = absolute_path({target, static_cast<std::size_t>(size)}, dir_name(out.path));
    }
}

struct Source {
    Entry entry;
    Fd folder;        // of a folder
    std::string base; // the name that it has when the destination gives none; "." for contents alone
};

Result<Source> open_source(const CopySide& side, bool follow_link) {
    Source out;
    BERTH_ASSIGN_OR_RETURN(out.entry, look(side, side.path, follow_link || means_folder(side.path)));
    if (!out.entry.exists) return fail(not_found(side));
    out.base = means_contents(side.path) ? "." : std::string(base_name(clean_path(side.path)));
    if (S_ISDIR(out.entry.st.st_mode)) {
        BERTH_ASSIGN_OR_RETURN(
            out.folder, open_at(out.entry.parent.get(), out.entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    } else if (means_folder(side.path)) {
        return fail(ErrorCode::invalid_input, concat(side.path, ": not a directory"));
    }
    return out;
}

Status write_source(const Source& source, const std::string& as, image::ByteSink& sink) {
    image::TarWriter writer(sink);
    const bool folder = source.folder.valid();
    BERTH_TRY(image::write_entry(folder ? source.folder.get() : source.entry.parent.get(),
                                 folder ? "." : source.entry.name, as, writer, {}));
    return writer.finish();
}

Status unpack(int parent, const std::string& name, const CopyOptions& options,
              const std::function<Status(image::ByteSink&)>& send) {
    BERTH_ASSIGN_OR_RETURN(const Fd folder, open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    image::UnpackOptions unpack;
    unpack.kind = image::TreeKind::plain;
    unpack.max_bytes = -1;
    unpack.keep_kinds = true;
    unpack.owner = options.owner;
    return image::extract_stream(folder.get(), unpack, send);
}

// How the archive calls the source so that unpacking it in a folder gives what was asked for.
struct Target {
    const Entry& entry;
    bool into = false; // the folder itself, not the one above it
    std::string as;
};

Result<Target> choose_target(const Entry& to, const Source& source, const CopySide& side) {
    const bool folder = source.folder.valid();
    if (to.exists && S_ISDIR(to.st.st_mode)) return Target{to, true, source.base};
    if (to.exists && folder)
        return fail(ErrorCode::invalid_input, concat("cannot copy directory to the file ", side.path));
    if (to.exists && !S_ISREG(to.st.st_mode))
        return fail(ErrorCode::invalid_input,
                    concat("destination \"", side.path, "\" must be a directory or a regular file"));
    if (!folder && means_folder(side.path))
        return fail(ErrorCode::not_found, concat("no such directory: ", side.path));
    return Target{to, false, to.name};
}

class Counter : public image::ByteSink {
  public:
    explicit Counter(image::ByteSink& next) : next_(next) {}
    Status write(std::string_view bytes) override {
        size += static_cast<std::int64_t>(bytes.size());
        return next_.write(bytes);
    }
    std::int64_t size = 0;

  private:
    image::ByteSink& next_;
};

} // namespace

Result<std::int64_t> copy_files(const CopySide& from, const CopySide& to, const CopyOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const Source source, open_source(from, options.follow_link));
    BERTH_ASSIGN_OR_RETURN(const Entry entry, look(to, to.path, true));
    BERTH_ASSIGN_OR_RETURN(const Target target, choose_target(entry, source, to));
    std::int64_t size = 0;
    BERTH_TRY(unpack(entry.parent.get(), target.into ? entry.name : ".", options, [&](image::ByteSink& sink) {
        Counter counted(sink);
        auto written = write_source(source, target.as, counted);
        size = counted.size;
        return written;
    }));
    return size;
}

Status copy_to_tar(const CopySide& from, bool follow_link, int fd) {
    BERTH_ASSIGN_OR_RETURN(const Source source, open_source(from, follow_link));
    image::FdSink sink(fd, "the archive");
    return write_source(source, source.base, sink);
}

Status copy_from_tar(int fd, const CopySide& to, const CopyOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const Entry entry, look(to, to.path, true));
    if (!entry.exists || !S_ISDIR(entry.st.st_mode))
        return fail(ErrorCode::invalid_input, concat("destination \"", to.path, "\" must be a directory"));
    image::FdSource source(fd);
    return unpack(entry.parent.get(), entry.name, options,
                  [&](image::ByteSink& sink) { return image::pump(source, sink); });
}

} // namespace berth::compose
