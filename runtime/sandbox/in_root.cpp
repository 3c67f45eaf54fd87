#include "runtime/sandbox/in_root.hpp"

#include "runtime/base/file.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <climits>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::sandbox {

namespace {

constexpr int k_max_links = 40; // as the kernel

// Where the symlink `path` points to, as a path inside the root; empty: no symlink.
std::string link_target(int parent, const std::string& path) {
    const std::string name(base_name(path));
    char text[PATH_MAX];
    const auto size = ::readlinkat(parent, name.c_str(), text, sizeof text - 1);
    if (size <= 0) return {};
    const std::string_view target(text, static_cast<std::size_t>(size));
    if (target.front() == '/') return clean_path(target);
    return clean_path(concat(dir_name(path), "/", target));
}

Fd ensure_directory(int root, const std::string& path, int links);

Fd parent_of(int root, const std::string& path, int links) {
    return ensure_directory(root, std::string(dir_name(path)), links);
}

Fd ensure_directory(int root, const std::string& path, int links) {
    Fd fd = open_beneath(root, path, O_PATH | O_DIRECTORY);
    if (fd || errno != ENOENT) return fd;
    if (links > k_max_links || path == "/" || path.empty()) {
        errno = ELOOP;
        return Fd();
    }
    const Fd parent = parent_of(root, path, links + 1);
    if (!parent) return Fd();
    const std::string name(base_name(path));
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0) {
        if (errno != EEXIST) return Fd();
        const std::string target = link_target(parent.get(), path);
        if (!target.empty() && !ensure_directory(root, target, links + 1)) return Fd();
    }
    return open_beneath(root, path, O_PATH | O_DIRECTORY);
}

Fd ensure_file(int root, const std::string& path, int links) {
    Fd fd = open_beneath(root, path, O_PATH);
    if (fd || errno != ENOENT) return fd;
    if (links > k_max_links || path == "/") {
        errno = ELOOP;
        return Fd();
    }
    const Fd parent = parent_of(root, path, 0);
    if (!parent) return Fd();
    const std::string name(base_name(path));
    const Fd made(
        ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!made) {
        if (errno != EEXIST) return Fd();
        const std::string target = link_target(parent.get(), path);
        if (!target.empty()) return ensure_file(root, target, links + 1);
    }
    return open_beneath(root, path, O_PATH);
}

} // namespace

Fd open_beneath(int root, const std::string& path, int flags) {
    return Fd(sys::openat2(root, path.empty() ? "." : path.c_str(), flags, 0,
                           sys::k_resolve_in_root | sys::k_resolve_no_magiclinks));
}

Fd open_plain(int root, const std::string& path, int flags) {
    return Fd(
        sys::openat2(root, path.c_str(), flags, 0,
                     sys::k_resolve_in_root | sys::k_resolve_no_magiclinks | sys::k_resolve_no_symlinks));
}

Fd ensure_directory(int root, const std::string& path) {
    return ensure_directory(root, clean_path(path), 0);
}
Fd ensure_file(int root, const std::string& path) {
    return ensure_file(root, clean_path(path), 0);
}

} // namespace berth::sandbox
