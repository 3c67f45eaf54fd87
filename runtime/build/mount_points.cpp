// Mounting needs a file or folder to mount on; where the image has none, the start makes one. Such stubs are
// not the step's work and must not get into its layer.
#include "runtime/build/engine.hpp"
#include "runtime/build/overlay.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::build {

namespace {

constexpr const char* k_own_targets[] = {
    "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/dev", "/proc", "/sys"};

// No link is followed: the step may have left any.
Fd open_parent(int root, const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
    return Fd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

bool is_below(int root, const std::string& path, struct stat& s) {
    const auto parent = open_in_root(root, std::string(dir_name(path)), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return parent &&
           ::fstatat(parent->get(), std::string(base_name(path)).c_str(), &s, AT_SYMLINK_NOFOLLOW) == 0;
}

// Where a mount on `target` really lands: links of the layers below lead it elsewhere. As written where that cannot be told.
std::string real_target(int below, const std::string& target) {
    std::string rest;
    for (std::string folder = target; folder != "/"; folder = dir_name(folder)) {
        if (const auto fd = open_in_root(below, folder, O_PATH | O_CLOEXEC)) {
            const auto real = path_beneath(below, fd->get());
            return real ? concat("/", *real, real->empty() || rest.empty() ? "" : "/", rest) : target;
        }
        rest = rest.empty() ? std::string(base_name(folder)) : concat(base_name(folder), "/", rest);
    }
    return target;
}

bool is_plain_file(const struct stat& s) {
    return S_ISREG(s.st_mode) && s.st_size == 0;
}

// Removes `path` from the upper folder when it is an empty stub; true: it is gone.
bool remove_stub(int upper, const std::string& path) {
    const auto parent = open_parent(upper, std::string(dir_name(path)));
    const std::string name(base_name(path));
    struct stat s {};
    if (!parent || ::fstatat(parent.get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (is_plain_file(s)) return ::unlinkat(parent.get(), name.c_str(), 0) == 0;
    return S_ISDIR(s.st_mode) &&
           ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0; // fails unless empty
}

// A folder that overlayfs copied up only because a stub was made in it says nothing by itself.
bool is_mere_copy(int upper, int below, const std::string& path) {
    struct stat above {
    }, under{};
    const auto parent = open_parent(upper, std::string(dir_name(path)));
    if (!parent ||
        ::fstatat(parent.get(), std::string(base_name(path)).c_str(), &above, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (!S_ISDIR(above.st_mode) || !is_below(below, path, under)) return false;
    return above.st_mode == under.st_mode && above.st_uid == under.st_uid && above.st_gid == under.st_gid;
}

} // namespace

Status clean_mount_points(const std::string& upper, const std::vector<std::string>& layers,
                          const std::vector<std::string>& asked_targets) {
    BERTH_ASSIGN_OR_RETURN(const Fd top, open_directory(upper));
    Fd below;
    if (!layers.empty()) {
        BERTH_ASSIGN_OR_RETURN(below, image::open_root(layers));
    }
    std::vector<std::string> targets;
    for (const auto& target : asked_targets)
        targets.push_back(below.valid() ? real_target(below.get(), target) : target);
    std::vector<std::string> all(std::begin(k_own_targets), std::end(k_own_targets));
    all.insert(all.end(), targets.begin(), targets.end());
    std::sort(all.begin(), all.end(), std::greater<>()); // inner ones first
    for (const auto& target : all) {
        struct stat s {};
        if (below.valid() && is_below(below.get(), target, s)) continue;
        if (!remove_stub(top.get(), target)) continue;
        // Its parents: those that the mount made too, and copies that are empty now.
        for (auto parent = std::string(dir_name(target)); parent != "/" && parent != ".";
             parent = std::string(dir_name(parent))) {
            const bool known = below.valid() && is_below(below.get(), parent, s);
            const bool asked = std::find(targets.begin(), targets.end(), target) != targets.end();
            if (known ? !is_mere_copy(top.get(), below.get(), parent) : !asked) break;
            if (!remove_stub(top.get(), parent)) break;
        }
    }
    return {};
}

} // namespace berth::build
