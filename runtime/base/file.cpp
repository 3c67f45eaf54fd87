#include "runtime/base/file.hpp"

#include <algorithm>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace berth {

namespace {

struct CloseDir {
    void operator()(DIR* dir) const { ::closedir(dir); }
};
using DirStream = std::unique_ptr<DIR, CloseDir>;

bool is_dot(const char* name) {
    return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

std::string random_suffix() {
    static constexpr char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char raw[10] = {};
    if (::getrandom(raw, sizeof raw, 0) != static_cast<ssize_t>(sizeof raw)) ::abort();
    std::string out;
    for (const auto byte : raw)
        out += digits[byte & 31u];
    return out;
}

Status sync_folder(const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const Fd folder, open_file(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(folder.get()) != 0) return fail_errno(concat("sync the folder '", path, "'"));
    return {};
}

} // namespace

Result<Fd> open_file(const std::string& path, int flags, mode_t mode) {
    return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd> open_at(int directory, const std::string& path, int flags, mode_t mode) {
    for (;;) {
        Fd fd(::openat(directory, path.c_str(), flags | O_CLOEXEC, mode));
        if (fd) return fd;
        if (errno != EINTR) return fail_errno(concat("open '", path, "'"));
    }
}

Result<Fd> open_directory(const std::string& path) {
    return open_file(path, O_PATH | O_DIRECTORY);
}

Result<Fd> open_in_root(int root, const std::string& path, int flags, mode_t mode) {
    struct open_how how {};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? mode : 0;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0;; ++attempt) {
        Fd fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
        if (fd) return fd;
        if ((errno == EAGAIN || errno == EINTR) && attempt < 128) continue;
        return fail_errno(concat("open '", path, "' inside the root"));
    }
}

Result<Fd> make_dirs_in_root(int root, const std::string& path, mode_t mode) {
    std::string done = "/";
    BERTH_ASSIGN_OR_RETURN(Fd current, open_in_root(root, ".", O_PATH | O_DIRECTORY));
    for (const auto& part : [&] {
             std::vector<std::string> parts;
             std::string_view rest = path;
             while (!rest.empty()) {
                 const auto slash = rest.find('/');
                 if (slash != 0) parts.emplace_back(rest.substr(0, slash));
                 rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
             }
             return parts;
         }()) {
        // The whole path so far is resolved from the root each time: only the root bounds a ".." or a symlink.
        const std::string next = join_path(done, part);
        auto opened = open_in_root(root, next, O_PATH | O_DIRECTORY);
        if (!opened && opened.error().sys_errno() == ENOENT) {
            if (part == "..") return fail(std::move(opened).error());
            if (::mkdirat(current.get(), part.c_str(), mode) != 0 && errno != EEXIST)
                return fail_errno(concat("make the folder '", next, "' inside the root"));
            opened = open_in_root(root, next, O_PATH | O_DIRECTORY);
        }
        if (!opened) return fail(std::move(opened).error());
        current = std::move(*opened);
        done = next;
    }
    return current;
}

Result<std::string> read_fd(int fd, std::string_view what, std::size_t limit) {
    std::string out;
    struct stat info {};
    if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
        out.reserve(std::min(static_cast<std::size_t>(info.st_size), limit) + 1);
    char chunk[32768];
    for (;;) {
        const auto got = ::read(fd, chunk, sizeof chunk);
        if (got < 0) {
            if (errno == EINTR) continue;
            return fail_errno(concat("read ", what));
        }
        if (got == 0) return out;
        if (out.size() + static_cast<std::size_t>(got) > limit)
            return fail(ErrorCode::invalid_input,
                        concat("read ", what, ": larger than the limit of ", limit, " bytes"));
        out.append(chunk, static_cast<std::size_t>(got));
    }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    BERTH_ASSIGN_OR_RETURN(const Fd fd, open_file(path, O_RDONLY));
    return read_fd(fd.get(), concat("'", path, "'"), limit);
}

Lookup<std::string> read_file_if_exists(const std::string& path, std::size_t limit) {
    auto text = read_file(path, limit);
    if (text) return std::optional<std::string>(std::move(*text));
    if (text.error().sys_errno() == ENOENT || text.error().sys_errno() == ENOTDIR)
        return std::optional<std::string>();
    return fail(std::move(text).error());
}

Status write_atomic(const std::string& path, std::string_view bytes, mode_t mode, Durability durability) {
    const std::string temporary = concat(path, ".", random_suffix(), ".tmp");
    auto written = [&]() -> Status {
        BERTH_ASSIGN_OR_RETURN(const Fd fd,
                               open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
        BERTH_TRY(write_all(fd.get(), bytes, concat("'", path, "'")));
        if (durability == Durability::durable && ::fdatasync(fd.get()) != 0)
            return fail_errno(concat("sync '", path, "'"));
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            return fail_errno(concat("put '", path, "' in place"));
        return {};
    }();
    if (!written) {
        ::unlink(temporary.c_str());
        return written;
    }
    if (durability == Durability::durable) return sync_folder(std::string(dir_name(path)));
    return {};
}

void remove_temporaries(const std::string& folder) {
    constexpr std::size_t k_suffix = 15; // ".", ten characters, ".tmp"
    const auto names = list_dir(folder);
    if (!names) return;
    for (const auto& name : *names)
        if (name.size() > k_suffix && name.ends_with(".tmp") && name[name.size() - k_suffix] == '.')
            (void)remove_file(join_path(folder, name));
}

Status write_output(const std::string& path, std::string_view bytes, mode_t mode) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode))
        return write_atomic(path, bytes, mode);
    BERTH_ASSIGN_OR_RETURN(const Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    return write_all(fd.get(), bytes, concat("'", path, "'"));
}

Status make_dir(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return fail_errno(concat("make the folder '", path, "'"));
    return {};
}

Status make_dirs(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    if (errno == EEXIST) return {};
    if (errno != ENOENT) return fail_errno(concat("make the folder '", path, "'"));
    const std::string parent(dir_name(path));
    if (parent.empty() || parent == path) return fail_errno(concat("make the folder '", path, "'"), ENOENT);
    BERTH_TRY(make_dirs(parent, mode));
    return make_dir(path, mode);
}

Status remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
        return fail_errno(concat("remove '", path, "'"));
    return {};
}

Status remove_dir(const std::string& path) {
    if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno(concat("remove the folder '", path, "'"));
    return {};
}

namespace {

// Depth is bounded by the descriptor limit only; image layers are checked for depth when they are unpacked.
Status remove_entries(Fd directory, dev_t device, const std::string& shown) {
    const int raw = directory.get();
    DirStream stream(::fdopendir(raw));
    if (!stream) return fail_errno(concat("read the folder '", shown, "'"));
    (void)directory.release(); // the stream owns it now
    ErrorList failed;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
        if (is_dot(entry->d_name)) continue;
        if (entry->d_type != DT_DIR && ::unlinkat(raw, entry->d_name, 0) == 0) continue;
        const std::string path = join_path(shown, entry->d_name);
        struct stat info {};
        if (::fstatat(raw, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno != ENOENT) failed.push(Status(fail_errno(concat("look at '", path, "'"))));
            continue;
        }
        if (!S_ISDIR(info.st_mode)) {
            if (::unlinkat(raw, entry->d_name, 0) != 0 && errno != ENOENT)
                failed.push(Status(fail_errno(concat("remove '", path, "'"))));
            continue;
        }
        if (info.st_dev != device) {
            failed.push(Error(ErrorCode::in_use, concat("'", path, "' is a mount point and is left alone")));
            continue;
        }
        auto child = open_at(raw, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!child) {
            failed.push(std::move(child).error());
            continue;
        }
        failed.push(remove_entries(std::move(*child), device, path));
        if (::unlinkat(raw, entry->d_name, AT_REMOVEDIR) != 0 && errno != ENOENT)
            failed.push(Status(fail_errno(concat("remove the folder '", path, "'"))));
    }
    return std::move(failed).take();
}

} // namespace

Status remove_tree_at(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail_errno(concat("remove '", name, "'"));
    BERTH_ASSIGN_OR_RETURN(Fd top, open_at(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    struct stat info {};
    if (::fstat(top.get(), &info) != 0) return fail_errno(concat("look at '", name, "'"));
    BERTH_TRY(remove_entries(std::move(top), info.st_dev, name));
    if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return fail_errno(concat("remove the folder '", name, "'"));
    return {};
}

Status remove_tree(const std::string& path) {
    return remove_tree_at(AT_FDCWD, path);
}

bool path_exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

bool is_directory(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<std::string>> list_dir(const std::string& path) {
    std::vector<std::string> names;
    DirStream stream(::opendir(path.c_str()));
    if (!stream) {
        if (errno == ENOENT) return names;
        return fail_errno(concat("read the folder '", path, "'"));
    }
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0)
        if (!is_dot(entry->d_name)) names.emplace_back(entry->d_name);
    if (errno != 0) return fail_errno(concat("read the folder '", path, "'"));
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::string> read_link(const std::string& path) {
    std::string target(256, '\0');
    for (;;) {
        const auto size = ::readlink(path.c_str(), target.data(), target.size());
        if (size < 0) return fail_errno(concat("read the link '", path, "'"));
        if (static_cast<std::size_t>(size) < target.size()) {
            target.resize(static_cast<std::size_t>(size));
            return target;
        }
        target.resize(target.size() * 2);
    }
}

std::string join_path(std::string_view a, std::string_view b) {
    if (a.empty()) return std::string(b);
    while (!b.empty() && b.front() == '/')
        b.remove_prefix(1);
    std::string out(a);
    if (out.back() != '/') out += '/';
    out += b;
    return out;
}

std::string clean_path(std::string_view path) {
    const bool rooted = !path.empty() && path.front() == '/';
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const auto part = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (!parts.empty() && parts.back() != "..") {
                parts.pop_back();
                continue;
            }
            if (rooted) continue;
        }
        parts.push_back(part);
    }
    std::string out = rooted ? "/" : "";
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) out += '/';
        out += parts[i];
    }
    return out.empty() ? "." : out;
}

std::string absolute_path(std::string_view path, std::string_view base) {
    if (!path.empty() && path.front() == '/') return clean_path(path);
    return clean_path(join_path(base, path));
}

std::string_view base_name(std::string_view path) {
    while (path.size() > 1 && path.back() == '/')
        path.remove_suffix(1);
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

std::string_view dir_name(std::string_view path) {
    const auto slash = path.rfind('/');
    if (slash == std::string_view::npos) return ".";
    return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

namespace {

Lookup<Fd> lock_file(const std::string& path, int operation) {
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
        while (::flock(fd.get(), operation) != 0) {
            if (errno == EWOULDBLOCK) return std::optional<Fd>();
            if (errno != EINTR) return fail_errno(concat("lock '", path, "'"));
        }
        // Whoever held it may have removed the folder: then the lock is on a file that nobody else can see.
        struct stat mine {
        }, there{};
        if (::fstat(fd.get(), &mine) != 0) return fail_errno(concat("look at '", path, "'"));
        if (::stat(path.c_str(), &there) == 0 && there.st_ino == mine.st_ino && there.st_dev == mine.st_dev)
            return std::optional<Fd>(std::move(fd));
    }
}

} // namespace

Result<FileLock> FileLock::acquire(const std::string& path, bool shared) {
    BERTH_ASSIGN_OR_RETURN(auto fd, lock_file(path, shared ? LOCK_SH : LOCK_EX));
    return FileLock(std::move(*fd));
}

Lookup<FileLock> FileLock::try_acquire(const std::string& path, bool shared) {
    BERTH_ASSIGN_OR_RETURN(auto fd, lock_file(path, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB));
    if (!fd) return std::optional<FileLock>();
    return std::optional<FileLock>(FileLock(std::move(*fd)));
}

Result<TempDir> TempDir::make(const std::string& parent, std::string_view prefix) {
    const std::string path = concat(parent, "/", prefix, random_suffix());
    if (::mkdir(path.c_str(), 0700) != 0) return fail_errno(concat("make the folder '", path, "'"));
    return TempDir(path);
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
    if (this != &other) {
        if (!path_.empty()) (void)remove_tree(path_);
        path_ = std::exchange(other.path_, {});
    }
    return *this;
}

TempDir::~TempDir() {
    if (!path_.empty()) (void)remove_tree(path_);
}

} // namespace berth
