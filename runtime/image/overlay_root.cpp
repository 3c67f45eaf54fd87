// The merged content of layers as a detached mount: no path of the host ever shows it.
#include "runtime/base/file.hpp"
#include "runtime/image/store.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace berth::image {

namespace {

// Named here and not taken from headers: glibc 2.36 declares them in <sys/mount.h>, older kernel headers
// clash with it.
int fs_open(const char* type) {
    return static_cast<int>(::syscall(SYS_fsopen, type, 1U /* FSOPEN_CLOEXEC */));
}
int fs_config(int fd, unsigned command, const char* key, const char* value) {
    return static_cast<int>(::syscall(SYS_fsconfig, fd, command, key, value, 0));
}
constexpr unsigned k_set_string = 1;               // FSCONFIG_SET_STRING
constexpr unsigned k_create = 6;                   // FSCONFIG_CMD_CREATE
constexpr unsigned k_clone_tree = 1;               // OPEN_TREE_CLONE
constexpr unsigned k_mount_attributes = 0x1 | 0x2; // MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID

// lowerdir+ takes one layer a call and has no limit of a page (Linux 6.5). Empty: this kernel does not know
// it.
Lookup<Fd> mount_layer_by_layer(const std::vector<std::string>& lowers) {
    const Fd context(fs_open("overlay"));
    if (!context) return fail_errno("open the overlay file system");
    for (const auto& lower : lowers) {
        if (fs_config(context.get(), k_set_string, "lowerdir+", lower.c_str()) != 0) {
            if (errno == EINVAL && path_exists(lower)) return std::nullopt;
            return fail_errno(concat("stack the layer '", lower, "'"));
        }
    }
    if (fs_config(context.get(), k_create, nullptr, nullptr) != 0) {
        // Before 6.5 any option is taken, and an unknown one refused only here.
        if (errno == EINVAL) return std::nullopt;
        return fail_errno(concat("stack ", lowers.size(), " layers"));
    }
    Fd mount(static_cast<int>(
        ::syscall(SYS_fsmount, context.get(), 1U /* FSMOUNT_CLOEXEC */, k_mount_attributes)));
    if (!mount) return fail_errno("mount the layers");
    return mount;
}

// In a thread that has a mount namespace of its own.
Result<Fd> mount_all_at_once(const std::vector<std::string>& lowers) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make a private mount namespace");
    // Opened in the new namespace: overlayfs takes no layer from a mount of another one.
    std::vector<Fd> folders;
    std::string option = "lowerdir=";
    for (const auto& lower : lowers) {
        BERTH_ASSIGN_OR_RETURN(Fd folder, open_directory(lower));
        option += concat(folders.empty() ? "" : ":", "/proc/self/fd/", folder.get());
        folders.push_back(std::move(folder));
    }
    if (option.size() >= 4096)
        return fail(Error(ErrorCode::unsupported, concat("image has ", lowers.size(), " layers"))
                        .hint("this kernel stacks about 200; Linux 6.5 stacks 500"));
    if (::mount("overlay", "/proc", "overlay", MS_RDONLY | MS_NOSUID, option.c_str()) != 0)
        return fail_errno(concat("stack ", lowers.size(), " layers"));
    Fd mount(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, "/proc", k_clone_tree | O_CLOEXEC)));
    if (!mount) return fail_errno("take the mounted layers");
    return mount;
}

// Before 6.5 (Debian 12 has 6.1) all layers stand in one option of at most a page: /proc/self/fd/N is short
// enough for 200 of them. mount(2) needs a mount point, so it happens where only this thread sees it.
Result<Fd> mount_in_private_namespace(const std::vector<std::string>& lowers) {
    Result<Fd> result = fail(ErrorCode::internal, "mount thread did not run");
    std::thread([&] { result = mount_all_at_once(lowers); }).join();
    return result;
}

} // namespace

Result<Fd> open_root(const std::vector<std::string>& lower_dirs) {
    if (lower_dirs.empty()) return fail(ErrorCode::invalid_input, "image has no layers");
    if (lower_dirs.size() == 1) return open_directory(lower_dirs.front());
    BERTH_ASSIGN_OR_RETURN(auto mount, mount_layer_by_layer(lower_dirs));
    if (mount) return std::move(*mount);
    return mount_in_private_namespace(lower_dirs);
}

} // namespace berth::image
