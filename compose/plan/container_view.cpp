#include "compose/plan/container_view.hpp"

#include "runtime/base/process.hpp"
#include "runtime/build/overlay.hpp"
#include "runtime/container/bundle.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace berth::compose {

namespace {

struct ViewMount {
    Fd tree;
    std::string target;
    bool folder = false;
};

// What a thread of its own does to its namespaces and folders stays its own.
template <class Work> Result<Fd> in_thread(const Work& work) {
    Result<Fd> out = fail(ErrorCode::internal, "a thread of mounts did not run");
    std::thread([&] { out = work(); }).join();
    return out;
}

// Opens of what a container made must not reach devices, and nothing is run from here.
constexpr std::uint64_t k_attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

Status restrict_mount(int tree, bool read_only, std::string_view what) {
    mount_attr attributes{};
    attributes.attr_set = k_attributes | (read_only ? MOUNT_ATTR_RDONLY : 0);
    if (::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
        return fail_errno(concat("restrict the mount of '", what, "'"));
    return {};
}

// The root alone, as a detached mount. A mount can only be taken from the mount namespace that one is in.
Result<Fd> running_root(const runtime::Container& container) {
    BERTH_ASSIGN_OR_RETURN(const auto process, PidFd::open(container.state.process));
    if (!process)
        return fail(ErrorCode::in_use, concat("container ", container.spec.name, " has ended meanwhile"));
    return in_thread([&]() -> Result<Fd> {
        if (::unshare(CLONE_FS) != 0 || ::setns(process->fd().get(), CLONE_NEWNS) != 0)
            return fail_errno("enter the container's mount namespace");
        Fd root(::open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        if (!root) return fail_errno("take the container's root");
        return root;
    });
}

Result<Fd> stopped_root(const Context& context, const runtime::ContainerSpec& spec) {
    if (!spec.rootfs.empty()) {
        Fd root(::open_tree(AT_FDCWD, spec.rootfs.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        if (!root) return fail_errno(concat("open the root folder '", spec.rootfs, "'"));
        return root;
    }
    const auto folder = context.paths.container(spec.id);
    for (const char* name : {"upper", "work"})
        if (const auto path = join_path(folder, name); !path_exists(path)) {
            BERTH_TRY(make_dir(path, 0755));
            if (::chmod(path.c_str(), 0755) != 0) return fail_errno(concat("set the mode of '", path, "'"));
        }
    return build::open_writable_root(spec.layers, join_path(folder, "upper"), join_path(folder, "work"),
                                     true);
}

Status add_mount(const std::string& source, const std::string& target, bool read_only, bool recursive,
                 std::vector<ViewMount>& out) {
    struct stat st {};
    ViewMount mount;
    mount.target = clean_path(target);
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? unsigned{AT_RECURSIVE} : 0U);
    mount.tree = Fd(::open_tree(AT_FDCWD, source.c_str(), flags));
    if (!mount.tree || ::fstat(mount.tree.get(), &st) != 0)
        return fail_errno(concat("open '", source, "', which is mounted on ", target));
    BERTH_TRY(restrict_mount(mount.tree.get(), read_only, source));
    mount.folder = S_ISDIR(st.st_mode);
    out.push_back(std::move(mount));
    return {};
}

Result<std::vector<ViewMount>> open_mounts(const Context& context, const runtime::ContainerSpec& spec) {
    std::vector<ViewMount> out;
    const auto owner = runtime::joined_container(spec.network.mode);
    const auto folder = context.paths.container(owner.empty() ? spec.id : owner);
    for (const char* name : {"hosts", "hostname", "resolv.conf"})
        if (const auto path = join_path(folder, name); path_exists(path))
            BERTH_TRY(add_mount(path, concat("/etc/", name), spec.read_only, false, out));
    for (const auto& mount : spec.mounts) {
        if (mount.kind == runtime::MountKind::tmpfs) continue;
        const bool read_only =
            mount.read_only || mount.kind == runtime::MountKind::image ||
            std::find(mount.options.begin(), mount.options.end(), "ro") != mount.options.end();
        std::erase_if(out, [&](const ViewMount& other) { return other.target == clean_path(mount.target); });
        BERTH_TRY(add_mount(mount.source, mount.target, read_only, mount.recursive, out));
    }
    // Parents before what lies in them.
    std::stable_sort(out.begin(), out.end(), [](const ViewMount& a, const ViewMount& b) {
        return std::count(a.target.begin(), a.target.end(), '/') <
               std::count(b.target.begin(), b.target.end(), '/');
    });
    return out;
}

// The place to mount on, as the start made or will make it.
Result<Fd> mount_place(int root, const ViewMount& mount) {
    auto there = open_in_root(root, mount.target, O_PATH);
    if (there || there.error().sys_errno() != ENOENT) return there;
    if (mount.folder) return make_dirs_in_root(root, mount.target, 0755);
    BERTH_ASSIGN_OR_RETURN(const Fd parent,
                           make_dirs_in_root(root, std::string(dir_name(mount.target)), 0755));
    const std::string name(base_name(mount.target));
    const Fd made(::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    return open_in_root(root, mount.target, O_PATH);
}

Result<Fd> assemble(Fd root, const std::vector<ViewMount>& mounts, const std::string& place, bool read_only) {
    if (::unshare(CLONE_FS | CLONE_NEWNS) != 0 ||
        ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make a private mount namespace");
    if (::move_mount(root.get(), "", AT_FDCWD, place.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
        return fail_errno("mount the container's root");
    const Fd top(::open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!top) return fail_errno("open the container's root");
    for (const auto& mount : mounts) {
        auto target = mount_place(top.get(), mount);
        // A root that cannot be written to has no place for it: then the container does not see it either.
        if (!target && target.error().sys_errno() == EROFS) continue;
        if (!target) return fail(std::move(target).error().context(concat("find ", mount.target)));
        if (::move_mount(mount.tree.get(), "", target->get(), "",
                         MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
            return fail_errno(concat("mount on ", mount.target));
    }
    mount_attr attributes{};
    attributes.attr_set = k_attributes | (read_only ? MOUNT_ATTR_RDONLY : 0);
    if (::mount_setattr(top.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
        return fail_errno("restrict the container's root");
    Fd view(::open_tree(top.get(), "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH));
    if (!view) return fail_errno("take the container's files");
    return view;
}

bool is_running(const runtime::Container& container) {
    return container.state.status == runtime::Status::running ||
           container.state.status == runtime::Status::paused;
}

} // namespace

Result<ContainerView> open_container_view(const Context& context, const std::string& id_or_name) {
    BERTH_ASSIGN_OR_RETURN(auto container, runtime::get_container(context, id_or_name));
    ContainerView out;
    if (!is_running(container)) {
        BERTH_ASSIGN_OR_RETURN(out.lock, runtime::lock_container(context, container.spec.id));
        BERTH_ASSIGN_OR_RETURN(container, runtime::read_container(context, container.spec.id));
        if (is_running(container)) out.lock.reset();
        // Its monitor starts it without this lock, and two overlays must not share an upper folder.
        if (container.state.status == runtime::Status::restarting)
            return fail(Error(ErrorCode::in_use, concat("container ", container.spec.name, " is restarting"))
                            .hint("try again when it runs, or stop it first"));
    }
    BERTH_ASSIGN_OR_RETURN(Fd root, is_running(container) ? running_root(container)
                                                          : stopped_root(context, container.spec));
    BERTH_ASSIGN_OR_RETURN(const auto mounts, open_mounts(context, container.spec));
    const auto place = context.paths.container(container.spec.id);
    out.root = Fd();
    auto view = in_thread([&] { return assemble(std::move(root), mounts, place, container.spec.read_only); });
    if (!view) return fail(std::move(view).error().context(concat("container ", container.spec.name)));
    out.root = std::move(*view);
    return out;
}

} // namespace berth::compose
