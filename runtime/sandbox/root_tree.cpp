#include "runtime/sandbox/root_tree.hpp"

#include "runtime/base/file.hpp"
#include "runtime/sandbox/copy_up.hpp"
#include "runtime/sandbox/in_root.hpp"
#include "runtime/sandbox/mount_api.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

std::string describe_mount(const MountStep& step) {
    const auto& from = step.source.empty() || step.fstype != "bind" ? step.fstype : step.source;
    return concat("'", from, "' on '", step.target, "'");
}

bool is_kernel_folder(const std::string& target) {
    return target == "/proc" || target == "/sys" || target == "/dev";
}

// What lxcfs replaces by files of its own; everything else below /proc is the kernel's (CVE-2019-16884,
// -19921).
bool may_cover_proc(const std::string& target) {
    static constexpr std::array<std::string_view, 8> files{
        "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",      "/proc/swaps",
        "/proc/uptime",  "/proc/loadavg", "/proc/diskstats", "/proc/slabinfo"};
    return std::find(files.begin(), files.end(), target) != files.end();
}

// Joining the mount namespace that one is in moves "/" and the working directory to its root: the way out of
// a chroot that berth itself was started in. Linux 5.8 (a pidfd instead of a file of /proc).
bool go_to_namespace_root() {
    const Fd self(sys::pidfd_open(::getpid()));
    return self && ::setns(self.get(), CLONE_NEWNS) == 0;
}

} // namespace

void RootTree::open_sources() {
    for (const auto& step : plan_.mounts) {
        Fd source;
        if (step.fstype == "bind") {
            source = clone_mount(AT_FDCWD, step.source.c_str(), step.recursive);
            if (!source) reporter_.fail(Step::open_source, describe_mount(step));
        }
        sources_.push_back(std::move(source));
    }
}

void RootTree::make_host_mounts_private() {
    // Slave and not private: the host's unmounts still reach this copy until it is left, so it never keeps
    // one busy. From the namespace's root, for in a chroot the mounts above it would stay shared; the paths
    // of the plan are the chroot's again afterwards.
    const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root || !go_to_namespace_root() || ::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 ||
        ::fchdir(root.get()) != 0 || ::chroot(".") != 0)
        reporter_.fail(Step::private_mounts, "/");
}

void RootTree::create_root() {
    if (plan_.root.directory.empty())
        create_overlay();
    else
        create_plain_root();
    if (!set_propagation(root_.get(), MS_PRIVATE, true)) reporter_.fail(Step::root_directory, "private");
    if (!attached_ && !features_.onto_detached) attach();
}

void RootTree::create_plain_root() {
    const auto& directory = plan_.root.directory;
    root_ = clone_mount(AT_FDCWD, directory.c_str(), true);
    if (!root_) reporter_.fail(Step::root_directory, directory);
}

void RootTree::create_overlay() {
    const auto& root = plan_.root;
    if (root.upper.empty() && root.lowers.size() == 1) {
        // An overlay wants two layers; one alone is itself.
        root_ = clone_mount(AT_FDCWD, root.lowers.front().c_str(), false);
        if (!root_ || !set_attributes(root_.get(), MOUNT_ATTR_RDONLY, 0, false))
            reporter_.fail(Step::root_directory, root.lowers.front());
        return;
    }
    if (!features_.lowerdir_append) return create_overlay_by_string();
    FsContext overlay("overlay");
    if (!overlay.valid()) reporter_.fail(Step::root_overlay, "overlay");
    for (const auto& lower : root.lowers) {
        if (overlay.set("lowerdir+", lower)) continue;
        // Before 6.7 the option is unknown; a path that cannot be opened is another error.
        if (errno == EINVAL && &lower == &root.lowers.front()) return create_overlay_by_string();
        reporter_.fail(Step::root_overlay, lower);
    }
    if (!root.upper.empty()) {
        if (!overlay.set("upperdir", root.upper)) reporter_.fail(Step::root_overlay, root.upper);
        if (!overlay.set("workdir", root.work)) reporter_.fail(Step::root_overlay, root.work);
        if (root.volatile_upper) (void)overlay.set_flag("volatile");
    }
    // Layers are shared by containers and re-used after a change of the image store: no inode index over
    // them.
    (void)overlay.set("index", "off");
    // An upper folder may become a layer (build, commit): whole files in it, no references into layers below.
    // Some distributions' kernels have both on.
    (void)overlay.set("metacopy", "off");
    (void)overlay.set("redirect_dir", "off");
    root_ = overlay.mount(0);
    // Before 6.5 overlayfs has no parameters of its own: any is taken, and an unknown one is EINVAL only
    // here.
    if (!root_ && errno == EINVAL) return create_overlay_by_string();
    if (!root_) reporter_.fail(Step::root_overlay, concat(root.upper, " ", overlay.message()));
}

// The string of all layers must fit into a page, which full paths exceed at about 40 layers: they are named
// by one-number symlinks in a tmpfs at the attach point, which the overlay then covers.
void RootTree::create_overlay_by_string() {
    const auto& root = plan_.root;
    const char* at = root.attach_point.c_str();
    if (::mount("berth", at, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") != 0 || ::chdir(at) != 0)
        reporter_.fail(Step::root_overlay, root.attach_point);
    std::string options = "index=off,metacopy=off,redirect_dir=off,lowerdir=";
    for (std::size_t i = 0; i < root.lowers.size(); ++i) {
        const std::string name = concat(i);
        if (::symlink(root.lowers[i].c_str(), name.c_str()) != 0)
            reporter_.fail(Step::root_overlay, root.lowers[i]);
        options += concat(i == 0 ? "" : ":", name);
    }
    if (!root.upper.empty()) {
        if (::symlink(root.upper.c_str(), "u") != 0 || ::symlink(root.work.c_str(), "w") != 0)
            reporter_.fail(Step::root_overlay, root.upper);
        options += ",upperdir=u,workdir=w";
        if (root.volatile_upper) options += ",volatile";
    }
    if (::mount("overlay", at, "overlay", 0, options.c_str()) != 0)
        reporter_.fail(Step::root_overlay, options);
    root_ = Fd(::open(at, O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_) reporter_.fail(Step::root_overlay, root.attach_point);
    attached_ = true;
}

void RootTree::add_mounts() {
    for (std::size_t i = 0; i < plan_.mounts.size(); ++i) {
        const auto& step = plan_.mounts[i];
        Fd mount = sources_[i] ? std::move(sources_[i]) : make_filesystem(step);
        const Fd target = open_target(step);
        if (step.copy_up && !copy_up(target.get(), mount.get())) reporter_.fail(Step::copy_up, step.target);
        const bool bind = step.fstype == "bind";
        if (bind && (step.attributes != 0 || step.clear_attributes != 0) &&
            !set_attributes(mount.get(), step.attributes, step.clear_attributes, step.recursive_attributes))
            reporter_.fail(Step::mount, describe_mount(step));
        const bool deep = step.propagation == 0 || (step.propagation & MS_REC) != 0;
        const auto kind =
            step.propagation == 0 ? std::uint64_t{MS_PRIVATE} : step.propagation & ~std::uint64_t{MS_REC};
        if (!set_propagation(mount.get(), kind, deep)) reporter_.fail(Step::mount, describe_mount(step));
        attach_onto(mount.get(), target, step);
    }
}

Fd RootTree::make_filesystem(const MountStep& step) {
    if (step.fstype == "cgroup") return make_cgroup_tree(step);
    FsContext context(step.fstype.c_str());
    if (!context.valid()) reporter_.fail(Step::mount, describe_mount(step));
    if (!step.source.empty()) (void)context.set("source", step.source);
    for (const auto& option : step.options)
        if (!context.option(option))
            reporter_.fail(Step::mount,
                           concat(describe_mount(step), ": option ", option, " ", context.message()));
    // A copy-up must be able to write first.
    Fd mount = context.mount(step.attributes & ~(step.copy_up ? std::uint64_t{MOUNT_ATTR_RDONLY} : 0));
    if (!mount) reporter_.fail(Step::mount, concat(describe_mount(step), " ", context.message()));
    return mount;
}

// On a v2-only host the unified hierarchy itself; beside v1 hierarchies a folder for each that the container
// has joined, as programs look for "memory/memory.limit_in_bytes", and "unified".
Fd RootTree::make_cgroup_tree(const MountStep& step) {
    const auto fail = [&] { reporter_.fail(Step::mount, describe_mount(step)); };
    if (plan_.cgroup.controllers.empty() && step.options.empty()) {
        FsContext unified("cgroup2");
        Fd mount = unified.mount(step.attributes);
        if (!mount) fail();
        return mount;
    }
    FsContext context("tmpfs");
    (void)context.set("mode", "755");
    Fd top = context.mount(step.attributes & ~std::uint64_t{MOUNT_ATTR_RDONLY});
    if (!top) fail();
    auto names = plan_.cgroup.controllers;
    names.emplace_back("unified");
    for (const auto& name : names) {
        if (::mkdirat(top.get(), name.c_str(), 0755) != 0 && errno != EEXIST) fail();
        FsContext hierarchy(name == "unified" ? "cgroup2" : "cgroup");
        if (name != "unified" && !hierarchy.set_flag(name.c_str())) fail();
        const Fd mount = hierarchy.mount(step.attributes);
        const Fd place(::openat(top.get(), name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!mount || !place) fail();
        if (!attach_mount(mount.get(), place.get())) fail();
    }
    if (!set_attributes(top.get(), step.attributes, 0, false)) fail();
    return top;
}

Fd RootTree::open_target(const MountStep& step) {
    Fd target;
    if (is_kernel_folder(step.target)) {
        target = open_plain(root_.get(), step.target, O_PATH | O_DIRECTORY);
        if (!target && errno == ENOENT) target = ensure_directory(root_.get(), step.target);
    } else {
        target = open_beneath(root_.get(), step.target, O_PATH);
        if (!target && errno == ENOENT)
            target = step.target_is_file ? ensure_file(root_.get(), step.target)
                                         : ensure_directory(root_.get(), step.target);
    }
    if (!target) reporter_.fail(Step::mount_target, step.target);
    // A symlink of the image may lead into /proc where the plan's own check could not see it.
    struct statfs info {};
    if (::fstatfs(target.get(), &info) != 0) reporter_.fail(Step::mount_target, step.target);
    if (info.f_type == PROC_SUPER_MAGIC && !may_cover_proc(step.target))
        reporter_.fail(Step::mount_target, concat(step.target, ": it lies inside /proc"), EPERM);
    return target;
}

// The kernel says no more than "invalid argument" to a folder on a file, or a file on a folder.
void RootTree::refuse_other_kind(int mount, int target, const MountStep& step) {
    struct stat from {
    }, onto{};
    const bool known = ::fstat(mount, &from) == 0 && ::fstat(target, &onto) == 0;
    errno = EINVAL;
    if (!known || S_ISDIR(from.st_mode) == S_ISDIR(onto.st_mode)) return;
    const bool folder = S_ISDIR(from.st_mode);
    reporter_.fail(Step::mount,
                   concat(describe_mount(step), folder ? ": a folder cannot be mounted on a file"
                                                       : ": a file cannot be mounted on a folder"),
                   folder ? ENOTDIR : EISDIR);
}

void RootTree::attach_onto(int mount, const Fd& target, const MountStep& step) {
    if (attach_mount(mount, target.get())) {
        if (step.copy_up && (step.attributes & MOUNT_ATTR_RDONLY) != 0 &&
            !set_attributes(mount, MOUNT_ATTR_RDONLY, 0, false))
            reporter_.fail(Step::mount, describe_mount(step));
        return;
    }
    if (errno == EINVAL) refuse_other_kind(mount, target.get(), step);
    if (attached_ || errno != EINVAL) reporter_.fail(Step::mount, describe_mount(step));
    // Before Linux 6.15 a detached tree takes no mounts: attach it, find the target again, go on.
    attach();
    const Fd again = open_target(step);
    attach_onto(mount, again, step);
}

void RootTree::attach() {
    if (std::exchange(attached_, true)) return;
    const Fd place(::open(plan_.root.attach_point.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!place || !attach_mount(root_.get(), place.get()))
        reporter_.fail(Step::attach_root, plan_.root.attach_point);
}

void RootTree::enter() {
    if (plan_.root.read_only && !set_attributes(root_.get(), MOUNT_ATTR_RDONLY, 0, false))
        reporter_.fail(Step::read_only_root, "/");
    // pivot_root(".", ".") puts the old root on top of the new one, from where it is taken off: no folder is
    // needed for it, so it works on read-only roots too. What is taken off is the whole namespace's tree:
    // from within a chroot the part above it would stay, for setns() to land in and for chroot(2) to escape
    // to.
    if (!go_to_namespace_root() || ::fchdir(root_.get()) != 0 || sys::pivot_root(".", ".") != 0)
        reporter_.fail(Step::pivot_root, plan_.root.attach_point);
    if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) reporter_.fail(Step::pivot_root, "/");
    if (plan_.root.propagation != 0 && ::mount(nullptr, "/", nullptr, plan_.root.propagation, nullptr) != 0)
        reporter_.fail(Step::private_mounts, "/");
}

} // namespace berth::sandbox
