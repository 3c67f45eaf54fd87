// The part of RootTree that runs when the tree is attached and before it is entered: devices are there, so
// masks use the container's own verified /dev/null, never an inode that the image put there (CVE-2025-31133).
#include "runtime/sandbox/in_root.hpp"
#include "runtime/sandbox/mount_api.hpp"
#include "runtime/sandbox/root_tree.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace berth::sandbox {

void RootTree::hide_paths() {
    for (const auto& path : plan_.masked)
        mask_path(path);
    for (const auto& path : plan_.read_only)
        make_read_only(path);
}

void RootTree::mask_path(const std::string& path) {
    const Fd target = open_beneath(root_.get(), path, O_PATH);
    if (!target) {
        if (errno == ENOENT || errno == ENOTDIR) return; // this kernel does not have it
        reporter_.fail(Step::mask, path);
    }
    struct stat info {};
    if (::fstat(target.get(), &info) != 0) reporter_.fail(Step::mask, path);
    Fd cover;
    if (S_ISDIR(info.st_mode)) {
        if (empty_) cover = clone_mount(empty_.get(), "", false);
        if (!cover) {
            FsContext tmpfs("tmpfs");
            (void)tmpfs.set("nr_blocks", "1");
            (void)tmpfs.set("nr_inodes", "2");
            cover = tmpfs.mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
        }
    } else {
        if (!null_) {
            null_ = open_plain(root_.get(), "/dev/null", O_PATH | O_NOFOLLOW);
            struct stat null_info {};
            if (!null_ || ::fstat(null_.get(), &null_info) != 0) reporter_.fail(Step::mask, "/dev/null");
            if (!S_ISCHR(null_info.st_mode) || null_info.st_rdev != makedev(1, 3))
                reporter_.fail(Step::mask, "/dev/null: it is not the null device", EINVAL);
        }
        cover = clone_mount(null_.get(), "", false);
    }
    if (!cover || !attach_mount(cover.get(), target.get())) reporter_.fail(Step::mask, path);
    if (S_ISDIR(info.st_mode) && !empty_) empty_ = std::move(cover);
}

void RootTree::make_read_only(const std::string& path) {
    const Fd target = open_beneath(root_.get(), path, O_PATH);
    if (!target) {
        if (errno == ENOENT || errno == ENOTDIR) return;
        reporter_.fail(Step::read_only_path, path);
    }
    // The copy is read-only before it is in place: there is no moment in which it could be written through.
    const Fd copy = clone_mount(target.get(), "", true);
    if (!copy || !set_attributes(copy.get(), MOUNT_ATTR_RDONLY, 0, true) ||
        !attach_mount(copy.get(), target.get()))
        reporter_.fail(Step::read_only_path, path);
}

} // namespace berth::sandbox
