#include "runtime/sandbox/copy_up.hpp"

#include "runtime/base/fd.hpp"

#include <climits>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

constexpr int k_max_depth = 256;

struct CloseDir {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

bool copy_attributes(int from, int to, const struct stat& info) {
    char names[16 << 10];
    const auto size = ::flistxattr(from, names, sizeof names);
    for (ssize_t i = 0; i < size; i += static_cast<ssize_t>(std::strlen(names + i)) + 1) {
        char value[64 << 10];
        const auto length = ::fgetxattr(from, names + i, value, sizeof value);
        // A tmpfs takes "security." and "trusted." but not "user." attributes everywhere: the rest matters
        // more.
        if (length >= 0) (void)::fsetxattr(to, names + i, value, static_cast<std::size_t>(length), 0);
    }
    const timespec times[2] = {info.st_atim, info.st_mtim};
    return ::fchown(to, info.st_uid, info.st_gid) == 0 && ::fchmod(to, info.st_mode & 07777) == 0 &&
           ::futimens(to, times) == 0;
}

bool copy_file(int from_dir, int to_dir, const char* name, const struct stat& info) {
    const Fd from(::openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME));
    const Fd to(::openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!from || !to) return false;
    for (;;) {
        const auto sent = ::sendfile(to.get(), from.get(), nullptr, 1u << 30);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        if (sent == 0) return copy_attributes(from.get(), to.get(), info);
    }
}

bool copy_link(int from_dir, int to_dir, const char* name, const struct stat& info) {
    char target[PATH_MAX];
    const auto size = ::readlinkat(from_dir, name, target, sizeof target - 1);
    if (size < 0) return false;
    target[size] = '\0';
    return ::symlinkat(target, to_dir, name) == 0 &&
           ::fchownat(to_dir, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
}

bool copy_directory(int from, int to, int depth);

bool copy_entry(int from, int to, const char* name, int depth) {
    struct stat info {};
    if (::fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
    if (S_ISREG(info.st_mode)) return copy_file(from, to, name, info);
    if (S_ISLNK(info.st_mode)) return copy_link(from, to, name, info);
    if (!S_ISDIR(info.st_mode)) {
        if (S_ISSOCK(info.st_mode)) return true; // nobody listens on a copy
        return ::mknodat(to, name, info.st_mode, info.st_rdev) == 0 &&
               ::fchownat(to, name, info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW) == 0;
    }
    if (::mkdirat(to, name, 0700) != 0) return false;
    const Fd from_child(::openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    const Fd to_child(::openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return from_child && to_child && copy_directory(from_child.get(), to_child.get(), depth + 1) &&
           copy_attributes(from_child.get(), to_child.get(), info);
}

bool copy_directory(int from, int to, int depth) {
    if (depth > k_max_depth) {
        errno = ELOOP;
        return false;
    }
    Fd own(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) return false;
    const std::unique_ptr<DIR, CloseDir> directory(::fdopendir(own.get()));
    if (!directory) return false;
    (void)own.release();
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (!copy_entry(from, to, name.c_str(), depth)) return false;
    }
    return true;
}

} // namespace

bool copy_up(int from, int to) {
    struct stat info {};
    const Fd source(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Fd target(::openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!source || !target || ::fstat(source.get(), &info) != 0) return false;
    return copy_directory(source.get(), target.get(), 0);
}

} // namespace berth::sandbox
