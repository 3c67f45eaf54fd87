#include "runtime/build/overlay.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/store.hpp"

#include <climits>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>

namespace berth::build {

namespace {

// Off whatever the kernel's defaults are: a layer must hold whole files and no references into other layers.
constexpr const char* k_options[][2] = {
    {"metacopy", "off"}, {"redirect_dir", "off"}, {"index", "off"}, {"xino", "off"}};

class Folders {
  public:
    // A name of at most 24 bytes: fsconfig takes strings up to 255 bytes only, mount(2) one page in all.
    Result<std::string> short_name(const std::string& path) {
        BERTH_ASSIGN_OR_RETURN(auto fd, open_directory(path));
        fds_.push_back(std::move(fd));
        return concat("/proc/self/fd/", fds_.back().get());
    }

  private:
    std::vector<Fd> fds_;
};

enum class Naming { one_by_one, joined };

Result<Fd> by_fsopen(const std::vector<std::string>& lower, const std::string& upper, const std::string& work,
                     Naming naming, bool synced) {
    const Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
    if (!context) return fail_errno("open an overlay file system");
    const auto set = [&](const char* key, const std::string& value) {
        return ::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
    };
    if (naming == Naming::one_by_one) {
        for (const auto& layer : lower)
            if (!set("lowerdir+", layer)) return fail_errno(concat("stack ", lower.size(), " layers"));
    } else if (!set("lowerdir", join(lower, ":"))) {
        return fail_errno(concat("stack ", lower.size(), " layers"));
    }
    if (!set("upperdir", upper) || !set("workdir", work))
        return fail_errno("set the upper folder of an overlay");
    for (const auto& option : k_options)
        if (!set(option[0], option[1])) return fail_errno(concat("set the overlay's option ", option[0]));
    if (!synced) (void)::fsconfig(context.get(), FSCONFIG_SET_FLAG, "volatile", nullptr, 0);
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return fail_errno(concat("mount ", lower.size(), " layers"));
    Fd mount(
        ::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    if (!mount) return fail_errno(concat("mount ", lower.size(), " layers"));
    return mount;
}

// Before Linux 6.5 more than about twelve layers do not fit into fsconfig's one string. mount(2) takes a
// page, but wants a place: a mount namespace of a short-lived thread of ours, over the work folder's parent.
Result<Fd> by_mount(const std::vector<std::string>& lower, const std::string& upper, const std::string& work,
                    const std::string& place, bool synced) {
    std::string options = concat("lowerdir=", join(lower, ":"), ",upperdir=", upper, ",workdir=", work);
    for (const auto& option : k_options)
        options += concat(",", option[0], "=", option[1]);
    if (!synced) options += ",volatile";
    Result<Fd> out = fail(ErrorCode::internal, "mount an overlay");
    std::thread([&] {
        if (::unshare(CLONE_FS | CLONE_NEWNS) != 0 ||
            ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("overlay", place.c_str(), "overlay", MS_NOSUID | MS_NODEV | MS_NOEXEC, options.c_str()) !=
                0) {
            out = fail_errno(concat("mount ", lower.size(), " layers"));
            return;
        }
        Fd tree(::open_tree(AT_FDCWD, place.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
        if (tree)
            out = std::move(tree);
        else
            out = fail_errno("take the overlay from its place");
    }).join();
    return out;
}

constexpr int k_max_links = 40; // as the kernel

Result<Fd> make_folders_through(int root, const std::string& path, int links) {
    auto there = open_in_root(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (there) return there;
    if (there.error().sys_errno() == ENOTDIR)
        return fail(ErrorCode::invalid_input,
                    concat("'", path, "' goes through something that is no folder"));
    if (there.error().sys_errno() != ENOENT || path == "/") return fail(std::move(there).error());
    const std::string parent_path(dir_name(path));
    const std::string name(base_name(path));
    BERTH_ASSIGN_OR_RETURN(const Fd parent, make_folders_through(root, parent_path, links));
    if (::mkdirat(parent.get(), name.c_str(), 0755) == 0) {
        Fd made(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made || ::fchmod(made.get(), 0755) != 0)
            return fail_errno(concat("make the folder '", path, "'"));
        return made;
    }
    if (errno != EEXIST) return fail_errno(concat("make the folder '", path, "'"));
    // A link that leads to nothing. Its text is resolved here only to name the folder; every step on the way
    // is opened beneath the root again.
    char target[PATH_MAX];
    const auto size = ::readlinkat(parent.get(), name.c_str(), target, sizeof target);
    if (size < 0) return fail_errno(concat("read the link '", path, "'"));
    if (links >= k_max_links)
        return fail(ErrorCode::invalid_input, concat("'", path, "' goes through too many links"));
    return make_folders_through(root, absolute_path({target, static_cast<std::size_t>(size)}, parent_path),
                                links + 1);
}

} // namespace

Result<Fd> make_folders(int root, const std::string& path) {
    return make_folders_through(root, absolute_path(path, "/"), 0);
}

Result<Fd> open_folder_below(int root, const std::string& path) {
    struct open_how how {};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
    Fd folder(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
    if (!folder) return fail_errno(concat("open the folder '", path, "' of the layers below"));
    return folder;
}

Result<Fd> open_writable_root(const std::vector<std::string>& layers, const std::string& upper,
                              const std::string& work, bool synced) {
    if (layers.empty()) return open_directory(upper);
    Folders folders;
    std::vector<std::string> lower;
    std::size_t length = 0;
    for (const auto& layer : layers) {
        BERTH_ASSIGN_OR_RETURN(lower.emplace_back(), folders.short_name(layer));
        length += lower.back().size() + 1;
    }
    BERTH_ASSIGN_OR_RETURN(const std::string upper_name, folders.short_name(upper));
    BERTH_ASSIGN_OR_RETURN(const std::string work_name, folders.short_name(work));
    auto root = by_fsopen(lower, upper_name, work_name, Naming::one_by_one, synced);
    // Before Linux 6.5 the option is unknown; it is taken all the same, and refused in the end.
    if (root || root.error().sys_errno() != EINVAL) return root;
    if (length < 255) return by_fsopen(lower, upper_name, work_name, Naming::joined, synced);
    BERTH_ASSIGN_OR_RETURN(const TempDir place, TempDir::make(std::string(dir_name(work)), ".mount-"));
    // By paths: descriptors of this mount namespace cannot be stacked in another one.
    return by_mount(layers, upper, work, place.path(), synced);
}

Result<Fd> open_readable_root(const std::vector<std::string>& layers, const std::string& empty) {
    if (layers.empty()) return open_directory(empty);
    return image::open_root(layers);
}

} // namespace berth::build
