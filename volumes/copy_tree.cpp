#include "volumes/copy_tree.hpp"

#include "runtime/base/file.hpp"

#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <map>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

namespace berth::volumes {

namespace {

struct CloseDir {
    void operator()(DIR* stream) const { ::closedir(stream); }
};

// A name in an open folder, in the form that the l*xattr calls take: they know no descriptors of symlinks.
std::string through_proc(int folder, const std::string& name) {
    return concat("/proc/self/fd/", folder, "/", name);
}

class TreeCopy {
  public:
    explicit TreeCopy(const Context& context) : context_(context) {}
    Status folder(int source, int destination, const std::string& shown);
    Status metadata(int source, const std::string& from, int destination, const std::string& to,
                    const struct stat& info, const std::string& shown);

  private:
    Status entry(int source, int destination, const std::string& name, const std::string& shown);
    Status link_again(int destination, const std::string& name, const struct stat& info,
                      const std::string& shown, bool& done);
    Status regular(int source, int destination, const std::string& name, const struct stat& info,
                   const std::string& shown);
    Status content(int from, int to, const struct stat& info, const std::string& shown);
    Status symlink(int source, int destination, const std::string& name, const std::string& shown);
    Status attributes(const std::string& from, const std::string& to, const std::string& shown);

    const Context& context_;
    std::map<std::pair<dev_t, ino_t>, std::string> linked_; // files with several names: the first copy's path
    Fd top_;
    bool owner_warned_ = false;
    friend Status berth::volumes::copy_tree(const Context&, int, int);
};

Status TreeCopy::folder(int source, int destination, const std::string& shown) {
    BERTH_ASSIGN_OR_RETURN(Fd copy, open_at(source, ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, CloseDir> stream(::fdopendir(copy.get()));
    if (!stream) return fail_errno(concat("read the folder '", shown, "'"));
    (void)copy.release();
    for (errno = 0; const dirent* next = ::readdir(stream.get()); errno = 0) {
        const std::string name = next->d_name;
        if (name == "." || name == "..") continue;
        if (context_.is_cancelled()) return fail(ErrorCode::interrupted, "fill the volume");
        BERTH_TRY(entry(source, destination, name, join_path(shown, name)));
    }
    if (errno != 0) return fail_errno(concat("read the folder '", shown, "'"));
    return {};
}

Status TreeCopy::entry(int source, int destination, const std::string& name, const std::string& shown) {
    struct stat info {};
    if (::fstatat(source, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return {}; // a whiteout that hides nothing, which an overlay lists all the same
        return fail_errno(concat("look at '", shown, "'"));
    }
    bool done = false;
    BERTH_TRY(link_again(destination, name, info, shown, done));
    if (done) return {};
    if (S_ISDIR(info.st_mode)) {
        if (::mkdirat(destination, name.c_str(), 0700) != 0)
            return fail_errno(concat("make the folder '", shown, "' in the volume"));
        BERTH_ASSIGN_OR_RETURN(const Fd from, open_at(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        BERTH_ASSIGN_OR_RETURN(const Fd to, open_at(destination, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        BERTH_TRY(folder(from.get(), to.get(), shown));
    } else if (S_ISREG(info.st_mode)) {
        BERTH_TRY(regular(source, destination, name, info, shown));
    } else if (S_ISLNK(info.st_mode)) {
        BERTH_TRY(symlink(source, destination, name, shown));
    } else if (::mknodat(destination, name.c_str(), info.st_mode, info.st_rdev) != 0) {
        return fail_errno(concat("make the special file '", shown, "' in the volume"));
    }
    // After the content: writing changes times, and a folder's mode may forbid it.
    return metadata(source, name, destination, name, info, shown);
}

Status TreeCopy::link_again(int destination, const std::string& name, const struct stat& info,
                            const std::string& shown, bool& done) {
    if (S_ISDIR(info.st_mode) || info.st_nlink < 2) return {};
    const auto [first, is_new] = linked_.try_emplace({info.st_dev, info.st_ino}, shown);
    if (is_new) return {};
    if (::linkat(top_.get(), first->second.c_str(), destination, name.c_str(), 0) != 0)
        return fail_errno(concat("link '", shown, "' in the volume"));
    done = true;
    return {};
}

Status TreeCopy::regular(int source, int destination, const std::string& name, const struct stat& info,
                         const std::string& shown) {
    BERTH_ASSIGN_OR_RETURN(const Fd from, open_at(source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    BERTH_ASSIGN_OR_RETURN(const Fd to,
                           open_at(destination, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    return content(from.get(), to.get(), info, shown);
}

// false: this pair of file systems cannot; nothing was copied.
Result<bool> copy_in_kernel(int from, int to, off_t begin, off_t end, const std::string& shown) {
    off_t in = begin;
    off_t out = begin;
    while (in < end) {
        const auto copied = ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(end - in), 0);
        if (copied > 0) continue;
        if (copied == 0) return true; // shorter than it was: a file that changes; what there was is copied
        if (errno == EINTR) continue;
        if (in == begin && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
            return false;
        return fail_errno(concat("copy '", shown, "' into the volume"));
    }
    return true;
}

Status copy_by_hand(int from, int to, off_t begin, off_t end, const std::string& shown) {
    char chunk[65536];
    while (begin < end) {
        const auto wanted = std::min<off_t>(end - begin, static_cast<off_t>(sizeof chunk));
        const auto got = ::pread(from, chunk, static_cast<std::size_t>(wanted), begin);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail_errno(concat("read '", shown, "'"));
        if (got == 0) return {};
        for (ssize_t done = 0; done < got;) {
            const auto put = ::pwrite(to, chunk + done, static_cast<std::size_t>(got - done), begin + done);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) return fail_errno(concat("write '", shown, "' into the volume"));
            done += put;
        }
        begin += got;
    }
    return {};
}

Status TreeCopy::content(int from, int to, const struct stat& info, const std::string& shown) {
    if (info.st_size == 0 || ::ioctl(to, FICLONE, from) == 0) return {};
    // Holes stay holes: database files are mostly that.
    for (off_t at = 0; at < info.st_size;) {
        const off_t begin = ::lseek(from, at, SEEK_DATA);
        if (begin < 0) {
            if (errno == ENXIO) break; // a hole up to the end
            return fail_errno(concat("read '", shown, "'"));
        }
        const off_t end = ::lseek(from, begin, SEEK_HOLE);
        if (end < 0) return fail_errno(concat("read '", shown, "'"));
        BERTH_ASSIGN_OR_RETURN(const bool copied, copy_in_kernel(from, to, begin, end, shown));
        if (!copied) BERTH_TRY(copy_by_hand(from, to, begin, end, shown));
        at = end;
    }
    if (::ftruncate(to, info.st_size) != 0)
        return fail_errno(concat("set the size of '", shown, "' in the volume"));
    return {};
}

Status TreeCopy::symlink(int source, int destination, const std::string& name, const std::string& shown) {
    char target[PATH_MAX + 1];
    const auto size = ::readlinkat(source, name.c_str(), target, PATH_MAX);
    if (size < 0) return fail_errno(concat("read the link '", shown, "'"));
    target[size] = '\0';
    if (::symlinkat(target, destination, name.c_str()) != 0)
        return fail_errno(concat("make the link '", shown, "' in the volume"));
    return {};
}

Status TreeCopy::attributes(const std::string& from, const std::string& to, const std::string& shown) {
    char names[16384];
    const auto size = ::llistxattr(from.c_str(), names, sizeof names);
    if (size < 0)
        return errno == EOPNOTSUPP ? Status{} : fail_errno(concat("read the attributes of '", shown, "'"));
    std::string value(65536, '\0');
    for (const char* name = names; name < names + size; name += std::strlen(name) + 1) {
        // The overlay's own notes about its layers mean nothing outside, and would be believed inside another
        // overlay.
        if (std::string_view(name).starts_with("trusted.overlay.") ||
            std::string_view(name).starts_with("user.overlay."))
            continue;
        const auto length = ::lgetxattr(from.c_str(), name, value.data(), value.size());
        if (length < 0) continue;
        if (::lsetxattr(to.c_str(), name, value.data(), static_cast<std::size_t>(length), 0) == 0) continue;
        // The volume's file system or this kernel does not have them (selinux off, nfs).
        if (errno != EOPNOTSUPP && errno != EPERM)
            return fail_errno(concat("set the attribute ", name, " of '", shown, "' in the volume"));
    }
    return {};
}

Status TreeCopy::metadata(int source, const std::string& from, int destination, const std::string& to,
                          const struct stat& info, const std::string& shown) {
    if (::fchownat(destination, to.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
        // Network file systems that map root away: better the content with another owner than no content.
        if (errno != EPERM) return fail_errno(concat("set the owner of '", shown, "' in the volume"));
        if (!owner_warned_)
            context_.progress->warn(concat("the volume's file system does not let owners be set; '", shown,
                                           "' keeps the default"));
        owner_warned_ = true;
    }
    // After the owner: chown takes set-user-id bits and capabilities away.
    if (!S_ISLNK(info.st_mode) && ::fchmodat(destination, to.c_str(), info.st_mode & 07777, 0) != 0 &&
        errno != EPERM)
        return fail_errno(concat("set the mode of '", shown, "' in the volume"));
    BERTH_TRY(attributes(through_proc(source, from), through_proc(destination, to), shown));
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (::utimensat(destination, to.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0 && errno != EPERM)
        return fail_errno(concat("set the times of '", shown, "' in the volume"));
    return {};
}

} // namespace

Status copy_tree(const Context& context, int source, int destination) {
    TreeCopy copy(context);
    BERTH_ASSIGN_OR_RETURN(copy.top_, open_at(destination, ".", O_RDONLY | O_DIRECTORY));
    return copy.folder(source, destination, "");
}

Status copy_folder_metadata(const Context& context, int source, int destination) {
    struct stat info {};
    if (::fstat(source, &info) != 0) return fail_errno("look at the image's folder");
    TreeCopy copy(context);
    return copy.metadata(source, ".", destination, ".", info, ".");
}

} // namespace berth::volumes
