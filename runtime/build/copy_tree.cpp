#include "runtime/base/file.hpp"
#include "runtime/build/overlay.hpp"
#include "runtime/build/tree.hpp"

#include <climits>
#include <fcntl.h>
#include <map>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <utime.h>

namespace berth::build {

namespace {

// What Docker keeps of a context: capabilities and the user's own attributes. Labels of the host's security
// modules and overlayfs' own attributes stay behind.
bool is_kept_xattr(std::string_view name) {
    return name == "security.capability" || (name.starts_with("user.") && !name.starts_with("user.overlay."));
}

Status copy_xattrs(int from, int to, const std::string& path) {
    char names[4096];
    const auto size = ::flistxattr(from, names, sizeof names);
    if (size <= 0) return {}; // none, or a file system without them
    for (const char* name = names; name < names + size; name += std::string_view(name).size() + 1) {
        if (!is_kept_xattr(name)) continue;
        char value[4096];
        const auto length = ::fgetxattr(from, name, value, sizeof value);
        if (length < 0) continue;
        if (::fsetxattr(to, name, value, static_cast<std::size_t>(length), 0) != 0)
            return fail_errno(concat("set the attribute ", name, " of '", path, "'"));
    }
    return {};
}

// Holes stay holes; within one file system blocks are shared where it can.
Status copy_bytes(int from, int to, std::int64_t size, const std::string& path) {
    if (size == 0) return {};
    bool in_kernel = true;
    off_t at = 0;
    while (at < size) {
        off_t data = ::lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) break; // a hole up to the end
        if (data < 0) data = at;
        off_t hole = ::lseek(from, data, SEEK_HOLE);
        if (hole <= data) hole = size;
        if (::lseek(from, data, SEEK_SET) < 0 || ::lseek(to, data, SEEK_SET) < 0)
            return fail_errno(concat("seek in '", path, "'"));
        at = data;
        while (at < hole) {
            const auto wanted = static_cast<std::size_t>(hole - at);
            auto done = in_kernel ? ::copy_file_range(from, nullptr, to, nullptr, wanted, 0) : -1;
            if (done < 0) { // across file systems, or one that cannot
                in_kernel = false;
                done = ::sendfile(to, from, nullptr, wanted);
            }
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) return fail_errno(concat("copy '", path, "'"));
            if (done == 0) return {}; // it has become shorter
            at += done;
        }
    }
    if (::ftruncate(to, size) != 0) return fail_errno(concat("copy '", path, "'"));
    return {};
}

// false: the layers below have no such folder.
bool take_attributes(FoldersBelow& below, const std::string& path, int made) {
    const auto there = open_folder_below(below.root, path);
    struct stat st {};
    if (!there || ::fstat(there->get(), &st) != 0 || ::fchown(made, st.st_uid, st.st_gid) != 0 ||
        ::fchmod(made, st.st_mode & 07777U) != 0) {
        below.made_new.push_back(path);
        return false;
    }
    const timespec times[2] = {st.st_atim, st.st_mtim};
    (void)::futimens(made, times);
    below.taken.push_back(path);
    return true;
}

class Copier {
  public:
    Copier(const SourceRoot& root, int target, const CopyOptions& options)
        : root_(root), target_(target), options_(options) {}

    [[nodiscard]] bool changed() const { return changed_; }

    // Folders on the way belong to the asked-for owner, else to root.
    Result<Fd> make_folders(const std::string& path) {
        auto there = open_in_root(target_, path.empty() ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (there) return there;
        if (there.error().sys_errno() == ENOTDIR)
            return fail(ErrorCode::invalid_input,
                        concat("'", path, "' goes through something that is no folder"));
        if (there.error().sys_errno() != ENOENT) return fail(std::move(there).error());
        const auto parent_path = clean_path(path + "/..");
        BERTH_ASSIGN_OR_RETURN(const Fd parent, make_folders(parent_path));
        const std::string name(base_name(clean_path(path)));
        if (::mkdirat(parent.get(), name.c_str(), 0755) != 0) {
            if (errno == EEXIST) // a dangling link: the folder that it means is made instead
                return build::make_folders(target_, path);
            return fail_errno(concat("make the folder '", path, "'"));
        }
        Fd made(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made) return fail_errno(concat("open the folder '", path, "'"));
        if (options_.below != nullptr && take_attributes(*options_.below, path, made.get())) return made;
        const mode_t mode = options_.mode ? options_.mode->of_new_folder() : 0755;
        if (::fchmod(made.get(), mode) != 0) return fail_errno(concat("set the mode of '", path, "'"));
        if (options_.owner && ::fchown(made.get(), options_.owner->uid, options_.owner->gid) != 0)
            return fail_errno(concat("set the owner of '", path, "'"));
        if (options_.epoch >= 0) {
            const timespec times[2] = {{options_.epoch, 0}, {options_.epoch, 0}};
            (void)::futimens(made.get(), times);
        }
        return made;
    }

    Status copy_folder(const Selected& source, const std::string& destination) {
        bool existed = true;
        auto folder = open_in_root(target_, destination, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!folder) {
            folder = make_folders(destination);
            const auto* below = options_.below;
            existed = below != nullptr && !below->taken.empty() && below->taken.back() == destination;
        }
        if (!folder) {
            return fail(std::move(folder).error().context(concat("copy to '", destination, "'")));
        }
        const TreeNode* top = nullptr;     // the source folder itself
        std::map<std::string, Fd> folders; // by name beneath the source
        folders[""] = std::move(*folder);
        std::vector<std::pair<std::string, const TreeNode*>> finished;
        for (const auto& node : source.nodes) {
            if (node.name.empty()) {
                top = &node;
                continue;
            }
            const auto slash = node.name.rfind('/');
            const auto parent = slash == std::string::npos ? std::string() : node.name.substr(0, slash);
            const auto name = slash == std::string::npos ? node.name : node.name.substr(slash + 1);
            const int at = folders.at(parent).get();
            if (S_ISDIR(node.mode)) {
                BERTH_ASSIGN_OR_RETURN(folders[node.name], make_copy_folder(at, name, node));
                finished.emplace_back(node.name, &node);
            } else {
                BERTH_TRY(copy_node(node, at, name));
            }
        }
        // Innermost first: making entries changes a folder's times, and a mode may forbid writing.
        for (auto it = finished.rbegin(); it != finished.rend(); ++it) {
            BERTH_TRY(finish_folder(folders.at(it->first).get(), *it->second));
        }
        return top == nullptr ? Status() : finish_top(folders.at("").get(), *top, existed);
    }

    // Anything but a folder, as parent/name. What is there is replaced, never written through.
    Status copy_node(const TreeNode& node, int parent, const std::string& name) {
        BERTH_TRY(clear(parent, name));
        if (node.links > 1 && !S_ISDIR(node.mode)) {
            const auto [it, is_new] = linked_.try_emplace({node.device, node.inode});
            if (!is_new &&
                ::linkat(it->second.first.get(), it->second.second.c_str(), parent, name.c_str(), 0) == 0)
                return {};
            BERTH_ASSIGN_OR_RETURN(auto kept, duplicate(parent));
            it->second = {std::move(kept), name};
        }
        if (S_ISREG(node.mode)) return copy_regular(node, parent, name);
        if (S_ISLNK(node.mode)) {
            if (::symlinkat(node.link.c_str(), parent, name.c_str()) != 0)
                return fail_errno(concat("make the link '", name, "'"));
        } else {
            BERTH_TRY(make_node(node, parent, name));
        }
        return set_entry_attributes(parent, name, node);
    }

  private:
    Status finish_folder(int fd, const TreeNode& node) {
        auto from =
            open_in_root(root_.fd, node.path.empty() ? "." : node.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (from) BERTH_TRY(copy_xattrs(from->get(), fd, node.path));
        return set_attributes(fd, node);
    }
    // What the content of the source folder has gone into: it takes the times, and what keep_top says.
    Status finish_top(int fd, const TreeNode& node, bool existed) {
        if (options_.keep_top) return existed ? Status() : finish_folder(fd, node);
        timespec times[2];
        times_of(node, times);
        if (::futimens(fd, times) != 0)
            return fail_errno(concat("set the times of the folder for '", node.path, "'"));
        return {};
    }
    // A FIFO, a socket, a device.
    static Status make_node(const TreeNode& node, int parent, const std::string& name) {
        const bool device = S_ISCHR(node.mode) || S_ISBLK(node.mode);
        if (S_ISCHR(node.mode) && node.special == 0)
            return fail(ErrorCode::invalid_input,
                        concat("cannot copy '", node.path,
                               "': a character device 0:0 would hide what lies below it"));
        if (::mknodat(parent, name.c_str(), node.mode, node.special) == 0) return {};
        const int number = errno;
        auto error = Error(ErrorCode::failed, concat("make '", name, "'")).sys_errno(number);
        if (device && number == EPERM)
            error.hint(
                concat("'", node.path,
                       "' is a device, and making one takes CAP_MKNOD, which this process does "
                       "not have: leave it out with .dockerignore or copy what is needed alone; a container "
                       "gets its own /dev"));
        return fail(std::move(error));
    }

    Status clear(int parent, const std::string& name) {
        if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
        if (errno == EISDIR)
            return fail(ErrorCode::invalid_input, concat("cannot copy the file '", name, "' over a folder"));
        return fail_errno(concat("replace '", name, "'"));
    }

    Result<Fd> make_copy_folder(int parent, const std::string& name, const TreeNode& node) {
        if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno(concat("make the folder '", node.name, "'"));
        Fd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (fd) return fd;
        if (errno == ENOTDIR || errno == ELOOP)
            return fail(ErrorCode::invalid_input,
                        concat("cannot copy the folder '", node.name, "' over something that is no folder"));
        return fail_errno(concat("open the folder '", node.name, "'"));
    }

    Status copy_regular(const TreeNode& node, int parent, const std::string& name) {
        BERTH_ASSIGN_OR_RETURN(const Fd from, open_in_root(root_.fd, node.path.empty() ? "." : node.path,
                                                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
        struct stat s {};
        if (::fstat(from.get(), &s) != 0) return fail_errno(concat("look at '", node.path, "'"));
        if (!S_ISREG(s.st_mode))
            return fail(ErrorCode::failed, concat("'", node.path, "' is no longer a file"));
        if (s.st_ino != node.inode || s.st_size != node.size || s.st_mtim.tv_sec != node.mtime ||
            s.st_mtim.tv_nsec != node.mtime_ns || s.st_ctim.tv_sec != node.ctime ||
            s.st_ctim.tv_nsec != node.ctime_ns)
            changed_ = true;
        Fd to(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!to) return fail_errno(concat("make the file '", name, "'"));
        BERTH_TRY(copy_bytes(from.get(), to.get(), s.st_size, node.path));
        // The owner first: a change of it takes capabilities and setuid bits away.
        BERTH_TRY(set_owner(to.get(), node));
        BERTH_TRY(copy_xattrs(from.get(), to.get(), node.path));
        return set_attributes(to.get(), node, false);
    }

    [[nodiscard]] CopyOwner owner_of(const TreeNode& node) const {
        if (options_.owner) return *options_.owner;
        return root_.keep_owner ? CopyOwner{node.uid, node.gid} : CopyOwner{};
    }
    Status set_owner(int fd, const TreeNode& node) {
        const auto owner = owner_of(node);
        if (::fchown(fd, owner.uid, owner.gid) != 0)
            return fail_errno(concat("set the owner of '", node.path, "'"));
        return {};
    }
    void times_of(const TreeNode& node, timespec (&times)[2]) const {
        times[0] = {0, UTIME_OMIT};
        times[1] = {node.mtime, node.mtime_ns};
        if (options_.epoch >= 0 && node.mtime >= options_.epoch) times[1] = {options_.epoch, 0};
    }
    Status set_attributes(int fd, const TreeNode& node, bool with_owner = true) {
        if (with_owner) BERTH_TRY(set_owner(fd, node));
        const auto mode = options_.mode ? options_.mode->apply(node.mode) : node.mode;
        if (::fchmod(fd, mode & 07777) != 0) return fail_errno(concat("set the mode of '", node.path, "'"));
        timespec times[2];
        times_of(node, times);
        if (::futimens(fd, times) != 0) return fail_errno(concat("set the times of '", node.path, "'"));
        return {};
    }
    Status set_entry_attributes(int parent, const std::string& name, const TreeNode& node) {
        const auto owner = owner_of(node);
        if (::fchownat(parent, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(concat("set the owner of '", name, "'"));
        if (!S_ISLNK(node.mode)) {
            const auto mode = options_.mode ? options_.mode->apply(node.mode) : node.mode;
            if (::fchmodat(parent, name.c_str(), mode & 07777, 0) != 0)
                return fail_errno(concat("set the mode of '", name, "'"));
        }
        timespec times[2];
        times_of(node, times);
        if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(concat("set the times of '", name, "'"));
        return {};
    }

    const SourceRoot& root_;
    int target_;
    const CopyOptions& options_;
    std::map<std::pair<dev_t, ino_t>, std::pair<Fd, std::string>> linked_;
    bool changed_ = false;
};

// Where a file goes: into the destination when that is a folder (or says so), else under exactly that name.
struct Place {
    Fd parent;
    std::string name;
};
// A link under that name is followed, also one that leads to nothing, as Docker does: what it means is what
// is written. Its text only names the way; every step of it is opened beneath the root again.
Result<Place> place_file(Copier& copier, int target, const std::string& destination, const std::string& base,
                         bool is_folder) {
    constexpr int k_max_links = 40; // as the kernel
    auto path = clean_path(destination);
    for (int links = 0;; ++links) {
        if (!is_folder) {
            const auto there = open_in_root(target, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            is_folder = there.has_value();
        }
        Place out;
        if (is_folder) {
            BERTH_ASSIGN_OR_RETURN(out.parent, copier.make_folders(path));
            out.name = base;
            return out;
        }
        BERTH_ASSIGN_OR_RETURN(out.parent, copier.make_folders(std::string(dir_name(path))));
        out.name = std::string(base_name(path));
        char link[PATH_MAX];
        const auto size = ::readlinkat(out.parent.get(), out.name.c_str(), link, sizeof link);
        if (size < 0 && (errno == EINVAL || errno == ENOENT)) return out; // no link, or nothing yet
        if (size < 0) return fail_errno(concat("look at '", path, "'"));
        if (links == k_max_links)
            return fail(ErrorCode::invalid_input,
                        concat("'", clean_path(destination), "' goes through too many links"));
        BERTH_ASSIGN_OR_RETURN(const auto folder, path_beneath(target, out.parent.get()));
        path = absolute_path({link, static_cast<std::size_t>(size)}, "/" + folder);
    }
}

bool says_folder(const std::string& destination) {
    return destination.ends_with("/") || destination.ends_with("/.");
}

} // namespace

Result<CopyOutcome> copy_selected(const SourceRoot& root, const Selected& source, int target,
                                  const std::string& destination, const CopyOptions& options) {
    Copier copier(root, target, options);
    const auto base = source.parents.empty() ? destination : join_path(destination, source.parents);
    if (source.directory) {
        const auto folder = destination.empty() ? join_path(base, source.base_name) : base;
        BERTH_TRY(copier.copy_folder(source, clean_path(folder)));
    } else {
        const bool is_folder =
            !source.parents.empty() || options.destination_is_folder || says_folder(destination);
        BERTH_ASSIGN_OR_RETURN(const Place place,
                               place_file(copier, target, base, source.base_name, is_folder));
        BERTH_TRY(copier.copy_node(source.nodes.front(), place.parent.get(), place.name));
    }
    return CopyOutcome{copier.changed()};
}

Status make_owned_folders(int target, const std::string& path, const CopyOptions& options) {
    const SourceRoot none;
    auto made = Copier(none, target, options).make_folders(path);
    return made ? Status() : fail(std::move(made).error());
}

Status write_new_file(int target, const std::string& destination, const std::string& name,
                      std::string_view content, mode_t mode, std::int64_t mtime, const CopyOptions& options) {
    const SourceRoot none;
    Copier copier(none, target, options);
    BERTH_ASSIGN_OR_RETURN(const Place place,
                           place_file(copier, target, destination, name,
                                      options.destination_is_folder || says_folder(destination)));
    if (::unlinkat(place.parent.get(), place.name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(concat("replace '", place.name, "'"));
    const Fd file(::openat(place.parent.get(), place.name.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return fail_errno(concat("make the file '", place.name, "'"));
    BERTH_TRY(write_all(file.get(), content, place.name));
    const auto owner = options.owner.value_or(CopyOwner{});
    if (::fchown(file.get(), owner.uid, owner.gid) != 0)
        return fail_errno(concat("set the owner of '", place.name, "'"));
    const auto bits = options.mode ? options.mode->apply(S_IFREG | mode) : mode;
    if (::fchmod(file.get(), bits & 07777) != 0)
        return fail_errno(concat("set the mode of '", place.name, "'"));
    if (options.epoch >= 0 && (mtime < 0 || mtime > options.epoch)) mtime = options.epoch;
    if (mtime >= 0) {
        const timespec times[2] = {{0, UTIME_OMIT}, {mtime, 0}};
        if (::futimens(file.get(), times) != 0)
            return fail_errno(concat("set the times of '", place.name, "'"));
    }
    return {};
}

} // namespace berth::build
