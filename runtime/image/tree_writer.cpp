#include "runtime/image/tree_writer.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/xattr.hpp"

#include <algorithm>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <tuple>
#include <unistd.h>

namespace berth::image {

namespace {

constexpr std::size_t k_open_parents = 32;
constexpr int k_most_links = 40; // one after the other, as the kernel has it
constexpr mode_t k_implied_mode = 0755;
constexpr std::int64_t k_space_check_bytes = 64 << 20;
constexpr std::int64_t k_space_check_entry = 4096; // an inode and its folder entry
constexpr std::uint64_t k_least_space = 16u << 20; // what stays free for everybody else
constexpr std::string_view k_whiteout = ".wh.";
constexpr std::string_view k_opaque = ".wh..wh..opq";

bool is_whiteout_device(const struct stat& st) {
    return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

Failure refuse(const std::string& why) {
    return fail(ErrorCode::invalid_input, why);
}

// Bookkeeping entries of the aufs driver in old images; they mean nothing to anybody else.
bool is_aufs_metadata(std::string_view name) {
    return name.starts_with(".wh..wh.") && name != k_opaque;
}

bool is_below_aufs_metadata(std::string_view path) {
    const auto slash = path.find('/');
    return slash != std::string_view::npos && is_aufs_metadata(path.substr(0, slash));
}

bool has_whiteout_component(std::string_view path) {
    return path.starts_with(k_whiteout) || path.find("/.wh.") != std::string_view::npos;
}

} // namespace

Result<std::string> clean_entry_name(std::string_view name) {
    std::string out;
    out.reserve(name.size());
    while (!name.empty()) {
        const auto slash = name.find('/');
        const auto part = name.substr(0, slash);
        name.remove_prefix(slash == std::string_view::npos ? name.size() : slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (out.empty()) return fail(ErrorCode::invalid_input, "name leads out of the root");
            const auto cut = out.rfind('/');
            out.resize(cut == std::string::npos ? 0 : cut);
            continue;
        }
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

TreeWriter::TreeWriter(int root, const UnpackOptions& options, UnpackResult& result)
    : root_(root), options_(options), result_(result), uid_(::geteuid()), gid_(::getegid()),
      links_(options.kind != TreeKind::layer), setgid_(options.kind != TreeKind::layer) {}

void TreeWriter::forget_parents() {
    parents_.clear();
    next_victim_ = 0;
    stale_ = false;
}

void TreeWriter::remember(std::string path, std::string real, Fd fd) {
    if (parents_.size() < k_open_parents) {
        parents_.push_back({std::move(path), std::move(real), std::move(fd)});
        return;
    }
    parents_[next_victim_] = {std::move(path), std::move(real), std::move(fd)};
    next_victim_ = (next_victim_ + 1) % k_open_parents;
}

std::string TreeWriter::real_path(std::string_view path, int fd) const {
    if (!links_) return std::string(path);
    const auto top = read_link(concat("/proc/self/fd/", root_)),
               full = read_link(concat("/proc/self/fd/", fd));
    const bool beneath =
        top && full && full->size() > top->size() && full->starts_with(*top == "/" ? *top : *top + "/");
    if (!beneath) return top && full && *top == *full ? "" : std::string(path);
    return full->substr(*top == "/" ? 1 : top->size() + 1);
}

Status TreeWriter::make_link_target(int parent, const std::string& name, std::string_view prefix, int links) {
    std::string target(PATH_MAX, '\0');
    const auto size = ::readlinkat(parent, name.c_str(), target.data(), target.size());
    if (size < 0) return fail_errno(concat("create the folder '", prefix, "'"), EEXIST);
    target.resize(static_cast<std::size_t>(size));
    const bool absolute = target.starts_with('/');
    target.erase(0, target.find_first_not_of('/'));
    const auto folder = absolute ? std::string_view() : dir_name(prefix);
    if (!absolute && folder != "." && !folder.empty()) target = concat(folder, "/", target);
    if (target.empty()) return fail_errno(concat("create the folder '", prefix, "'"), EEXIST);
    BERTH_TRY(make_parents(target, links + 1));
    return {};
}

// Creates what is missing of the way. A symlink on the way is followed inside the root, so a layer that puts
// files "through" one of its own links gets them where a chroot would put them.
Result<Fd> TreeWriter::make_parents(std::string_view path, int links) {
    if (links > k_most_links) return fail_errno(concat("create the folder '", path, "'"), ELOOP);
    std::size_t end = 0;
    Fd current;
    while (end != std::string_view::npos) {
        const auto begin = end == 0 ? 0 : end + 1;
        end = path.find('/', begin);
        const std::string prefix(path.substr(0, end));
        auto next = open_in_root(root_, prefix, O_PATH | O_DIRECTORY);
        if (!next && next.error().sys_errno() == ENOENT) {
            const std::string name(path.substr(begin, end == std::string_view::npos ? end : end - begin));
            const int parent = current.valid() ? current.get() : root_;
            if (::mkdirat(parent, name.c_str(), k_implied_mode) == 0)
                result_.implied_dirs.insert(prefix);
            else if (errno == EEXIST)
                BERTH_TRY(make_link_target(parent, name, prefix, links));
            else
                return fail_errno(concat("create the folder '", prefix, "'"));
            next = open_in_root(root_, prefix, O_PATH | O_DIRECTORY);
        }
        if (!next) return fail(std::move(next).error());
        current = std::move(*next);
    }
    return current;
}

Result<const TreeWriter::Parent*> TreeWriter::parent_of(std::string_view path) {
    if (path.empty()) return &top_;
    // Newest first: the parent of the entry before is by far the likeliest.
    for (auto parent = parents_.rbegin(); parent != parents_.rend(); ++parent)
        if (parent->path == path) return &*parent;
    auto opened = open_in_root(root_, std::string(path), O_PATH | O_DIRECTORY);
    if (!opened && opened.error().sys_errno() == ENOENT) opened = make_parents(path);
    if (!opened) return fail(std::move(opened).error());
    auto real = real_path(path, opened->get());
    remember(std::string(path), std::move(real), std::move(*opened));
    for (const auto& parent : parents_)
        if (parent.path == path) return &parent;
    return fail(ErrorCode::internal, "lost a parent folder");
}

Result<TreeWriter::Place> TreeWriter::place(const std::string& path) {
    const auto slash = path.rfind('/');
    const auto parent_path =
        slash == std::string::npos ? std::string_view{} : std::string_view(path).substr(0, slash);
    BERTH_ASSIGN_OR_RETURN(const Parent* const parent, parent_of(parent_path));
    auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    auto real = parent->real.empty() ? name : concat(parent->real, "/", name);
    return Place{parent == &top_ ? root_ : parent->fd.get(), std::move(name), path, std::move(real)};
}

Status TreeWriter::add(const TarEntry& entry, TarReader& reader) {
    if (!options_.owner) return add_as_it_is(entry, reader);
    TarEntry owned = entry;
    std::tie(owned.uid, owned.gid) = *options_.owner;
    return add_as_it_is(owned, reader);
}

Status TreeWriter::add_as_it_is(const TarEntry& entry, TarReader& reader) {
    if (stale_) forget_parents();
    BERTH_ASSIGN_OR_RETURN(const std::string path, clean_entry_name(entry.name));
    until_space_check_ -= k_space_check_entry;
    if (until_space_check_ <= 0) BERTH_TRY(check_space());
    ++result_.entries;
    if (entry.old_gnu_sparse && result_.first_old_gnu_sparse.empty())
        result_.first_old_gnu_sparse = entry.name;
    for (const auto& [name, value] : entry.xattrs)
        if (is_overlay_xattr(name)) return refuse(concat("attribute '", name, "' would steer overlayfs"));
    if (path.empty()) return add_root(entry);
    const bool layer = options_.kind == TreeKind::layer;
    if (layer && has_whiteout_component(path)) {
        const auto base = base_name(path);
        if (is_below_aufs_metadata(path)) return {};
        if (has_whiteout_component(dir_name(path))) return refuse("whiteout name used as a folder");
        if (is_aufs_metadata(base)) return {};
        BERTH_ASSIGN_OR_RETURN(const Place at, place(path));
        return add_whiteout(at);
    }
    BERTH_ASSIGN_OR_RETURN(const Place at, place(path));
    switch (entry.type) {
    case EntryType::directory:
        return add_directory(entry, at);
    case EntryType::file:
        return add_file(entry, at, reader);
    case EntryType::hard_link:
        return add_hard_link(entry, at);
    case EntryType::symlink:
        return add_symlink(entry, at);
    case EntryType::character:
    case EntryType::block:
    case EntryType::fifo:
        return add_node(entry, at);
    }
    return fail(ErrorCode::internal, "entry of no type");
}

Status TreeWriter::add_root(const TarEntry& entry) {
    if (entry.type != EntryType::directory) return refuse("the root itself is not a folder in this archive");
    if (options_.keep_kinds) return {};
    TarEntry plain = entry;
    BERTH_TRY(set_fd_attributes(plain, root_));
    if (::fchmod(root_, entry.mode) != 0) return fail_errno("set the mode of the root");
    folder_times_.push_back({"", entry.mtime, entry.mtime_ns});
    return {};
}

// ".wh.NAME" hides NAME of the layers below: overlayfs has a character device 0:0 for that. What this layer
// itself has put there, before or after, stays.
Status TreeWriter::add_whiteout(const Place& at) {
    if (at.name == k_opaque) {
        auto directory = open_at(at.parent, ".", O_RDONLY | O_DIRECTORY);
        if (!directory) return fail(std::move(directory).error());
        return make_opaque(directory->get());
    }
    const auto hidden = at.name.substr(k_whiteout.size());
    if (hidden.empty() || hidden == "." || hidden == ".." || hidden.starts_with(k_whiteout))
        return refuse("not a whiteout name that can be followed");
    if (::mknodat(at.parent, hidden.c_str(), S_IFCHR, 0) == 0) return {};
    if (errno != EEXIST) return fail_errno("create a whiteout");
    struct stat st {};
    if (::fstatat(at.parent, hidden.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("examine the hidden name");
    if (!S_ISDIR(st.st_mode)) return {};
    BERTH_ASSIGN_OR_RETURN(const Fd directory,
                           open_at(at.parent, hidden, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return make_opaque(directory.get());
}

Status TreeWriter::make_opaque(int directory) {
    if (::fsetxattr(directory, overlay_opaque_xattr(), "y", 1, 0) != 0)
        return fail_errno("mark the folder as opaque");
    return {};
}

// Takes away what a later entry of the same name replaces. The skeleton still needs its content.
Status TreeWriter::replace(const Place& at, mode_t mode) {
    // Parents that were reached through what goes now; they are forgotten when `at` is no longer needed.
    stale_ = stale_ || S_ISDIR(mode) || S_ISLNK(mode);
    if (options_.kept >= 0 && (S_ISREG(mode) || S_ISDIR(mode))) {
        if (::renameat(at.parent, at.name.c_str(), options_.kept, concat(kept_).c_str()) != 0)
            return fail_errno("replace the entry");
        return options_.skeleton->moved(at.real, kept_++);
    }
    if (S_ISDIR(mode)) return remove_tree_at(at.parent, at.name);
    if (::unlinkat(at.parent, at.name.c_str(), 0) != 0) return fail_errno("replace the entry");
    return {};
}

Status TreeWriter::create(const Place& at, const std::function<int()>& call, bool* replaced_whiteout) {
    if (call() >= 0) return {};
    if (errno != EEXIST) return fail_errno("create the entry");
    struct stat st {};
    if (::fstatat(at.parent, at.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("examine what is there");
    if (options_.keep_kinds && S_ISDIR(st.st_mode))
        return refuse(concat("cannot overwrite directory '", at.path, "' with non-directory"));
    if (replaced_whiteout != nullptr) *replaced_whiteout = is_whiteout_device(st);
    BERTH_TRY(replace(at, st.st_mode));
    if (call() < 0) return fail_errno("create the entry");
    return {};
}

Status TreeWriter::add_directory(const TarEntry& entry, const Place& at) {
    bool was_whiteout = false;
    const auto make = [&] { return ::mkdirat(at.parent, at.name.c_str(), entry.mode & 01777U); };
    bool kept = false;
    if (make() != 0) {
        if (errno != EEXIST) return fail_errno("create the folder");
        struct stat st {};
        if (::fstatat(at.parent, at.name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno("examine what is there");
        kept = S_ISDIR(st.st_mode);
        if (!kept && options_.keep_kinds)
            return refuse(concat("cannot overwrite non-directory '", at.path, "' with directory"));
        if (!kept) BERTH_TRY(create(at, make, &was_whiteout));
    }
    BERTH_ASSIGN_OR_RETURN(Fd directory, open_at(at.parent, at.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    BERTH_TRY(set_fd_attributes(entry, directory.get()));
    setgid_ = setgid_ || (entry.mode & S_ISGID) != 0;
    if ((kept || setgid_ || (entry.mode & 06000U) != 0) && ::fchmod(directory.get(), entry.mode) != 0)
        return fail_errno("set the mode");
    if (was_whiteout && options_.kind == TreeKind::layer) BERTH_TRY(make_opaque(directory.get()));
    folder_times_.push_back({at.real, entry.mtime, entry.mtime_ns});
    if (kept)
        result_.implied_dirs.erase(at.path);
    else if (!stale_)
        remember(at.path, at.real, std::move(directory)); // its content comes next
    return {};
}

Status TreeWriter::add_file(const TarEntry& entry, const Place& at, TarReader& reader) {
    Fd file;
    BERTH_TRY(create(at, [&] {
        file = Fd(::openat(at.parent, at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           entry.mode & 0777U));
        return file.get();
    }));
    BERTH_TRY(entry.sparse ? write_sparse(entry, at, file.get(), reader)
                           : write_plain(entry, at, file.get(), reader));
    result_.size += entry.size;
    BERTH_TRY(set_fd_attributes(entry, file.get()));
    // After the owner, whose change takes setuid away.
    if ((entry.mode & 07000U) != 0 && ::fchmod(file.get(), entry.mode) != 0)
        return fail_errno("set the mode");
    const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime, entry.mtime_ns}};
    if (::futimens(file.get(), times) != 0) return fail_errno("set the time");
    return {};
}

Status TreeWriter::write_plain(const TarEntry& entry, const Place& at, int fd, TarReader& reader) {
    if (options_.skeleton != nullptr) BERTH_TRY(options_.skeleton->payload(at.real, 0, entry.size));
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const std::string_view piece, reader.data());
        if (piece.empty()) return {};
        BERTH_TRY(write_all(fd, piece, "content"));
        until_space_check_ -= static_cast<std::int64_t>(piece.size());
        if (until_space_check_ <= 0) BERTH_TRY(check_space());
    }
}

Status TreeWriter::write_sparse(const TarEntry& entry, const Place& at, int fd, TarReader& reader) {
    std::string_view piece;
    for (const auto& segment : entry.segments) {
        if (options_.skeleton != nullptr)
            BERTH_TRY(options_.skeleton->payload(at.real, segment.offset, segment.size));
        if (::lseek(fd, segment.offset, SEEK_SET) < 0) return fail_errno("seek in a sparse file");
        for (std::int64_t left = segment.size; left > 0;) {
            if (piece.empty()) {
                BERTH_ASSIGN_OR_RETURN(piece, reader.data());
            }
            const auto part = piece.substr(0, static_cast<std::size_t>(std::min<std::int64_t>(
                                                  left, static_cast<std::int64_t>(piece.size()))));
            if (part.empty()) return refuse("sparse file is shorter than its map");
            BERTH_TRY(write_all(fd, part, "content"));
            piece.remove_prefix(part.size());
            left -= static_cast<std::int64_t>(part.size());
            until_space_check_ -= static_cast<std::int64_t>(part.size());
            if (until_space_check_ <= 0) BERTH_TRY(check_space());
        }
    }
    if (::ftruncate(fd, entry.size) != 0) return fail_errno("set the size of a sparse file");
    return {};
}

// Absolute targets count from the root (kaniko writes those). Both ends are resolved inside the root before
// linkat.
Status TreeWriter::add_hard_link(const TarEntry& entry, const Place& at) {
    BERTH_ASSIGN_OR_RETURN(const std::string target, clean_entry_name(entry.link));
    const bool layer = options_.kind == TreeKind::layer;
    if (target.empty() || (layer && has_whiteout_component(target)))
        return refuse(concat("hard link to '", entry.link, "'"));
    const auto slash = target.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : target.substr(0, slash);
    const std::string name = slash == std::string::npos ? target : target.substr(slash + 1);
    auto parent = open_in_root(root_, folder, O_PATH | O_DIRECTORY);
    if (!parent) return fail(std::move(parent).error().context(concat("hard link to '", entry.link, "'")));
    struct stat st {};
    if (::fstatat(parent->get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(concat("hard link to '", entry.link, "', which this archive does not have"));
    if (S_ISDIR(st.st_mode) || is_whiteout_device(st))
        return refuse(concat("hard link to '", entry.link, "', which is no file"));
    struct stat there {};
    if (::fstatat(at.parent, at.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        there.st_ino == st.st_ino && there.st_dev == st.st_dev)
        return {};
    return create(at, [&] { return ::linkat(parent->get(), name.c_str(), at.parent, at.name.c_str(), 0); });
}

Status TreeWriter::add_symlink(const TarEntry& entry, const Place& at) {
    if (entry.link.empty()) return refuse("symlink without a target");
    links_ = true;
    BERTH_TRY(create(at, [&] { return ::symlinkat(entry.link.c_str(), at.parent, at.name.c_str()); }));
    return set_path_attributes(entry, at);
}

Status TreeWriter::add_node(const TarEntry& entry, const Place& at) {
    const bool character = entry.type == EntryType::character;
    if (character && entry.dev_major == 0 && entry.dev_minor == 0 && options_.kind == TreeKind::layer)
        return refuse("character device 0:0 would steer overlayfs");
    const mode_t type = character ? S_IFCHR : entry.type == EntryType::block ? S_IFBLK : S_IFIFO;
    const dev_t device = type == S_IFIFO ? 0 : ::makedev(entry.dev_major, entry.dev_minor);
    auto made = create(
        at, [&] { return ::mknodat(at.parent, at.name.c_str(), type | (entry.mode & 0777U), device); });
    if (!made && made.error().sys_errno() == EPERM && type != S_IFIFO) {
        // A user namespace cannot have devices, and a container gets its own /dev anyway.
        if (result_.devices_left_out++ == 0) result_.first_device_left_out = at.path;
        return {};
    }
    if (!made) return made;
    return set_path_attributes(entry, at);
}

Status TreeWriter::set_fd_attributes(const TarEntry& entry, int fd) {
    // A folder with setgid gives its group to what is made in it, so only fchown tells for sure when ids are
    // not ours.
    struct stat st {};
    const bool foreign = entry.uid != uid_ || entry.gid != gid_;
    if (!foreign && ::fstat(fd, &st) != 0) return fail_errno("examine the entry");
    if ((foreign || st.st_gid != entry.gid || st.st_uid != entry.uid) &&
        ::fchown(fd, entry.uid, entry.gid) != 0) {
        if (!(errno == EPERM && uid_ != 0))
            return fail_errno(concat("set the owner to ", entry.uid, ":", entry.gid));
    }
    for (const auto& [name, value] : entry.xattrs)
        BERTH_TRY(set_fd_xattr(fd, name, value));
    return {};
}

Status TreeWriter::set_path_attributes(const TarEntry& entry, const Place& at) {
    const bool symlink = entry.type == EntryType::symlink;
    if (::fchownat(at.parent, at.name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0 &&
        !(errno == EPERM && uid_ != 0))
        return fail_errno(concat("set the owner to ", entry.uid, ":", entry.gid));
    // Of a layer alone, whose folder nobody else can write to: by now it could be a symlink.
    if (!symlink && options_.kind == TreeKind::layer && (entry.mode & 07000U) != 0 &&
        ::fchmodat(at.parent, at.name.c_str(), entry.mode, 0) != 0)
        return fail_errno("set the mode");
    for (const auto& [name, value] : entry.xattrs)
        BERTH_TRY(set_entry_xattr(at.parent, at.name, name, value));
    const timespec times[2] = {{0, UTIME_OMIT}, {entry.mtime, entry.mtime_ns}};
    if (::utimensat(at.parent, at.name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("set the time");
    return {};
}

Status TreeWriter::check_space() {
    until_space_check_ = k_space_check_bytes;
    struct statvfs fs {};
    if (::fstatvfs(root_, &fs) != 0) return fail_errno("examine the file system");
    if (static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize < k_least_space)
        return fail(Error(ErrorCode::failed, "the disk is full").sys_errno(ENOSPC));
    return {};
}

Status TreeWriter::finish() {
    // Deepest last in the archive, so backwards; a folder that a later entry replaced is no longer there.
    for (auto folder = folder_times_.rbegin(); folder != folder_times_.rend(); ++folder) {
        const timespec times[2] = {{0, UTIME_OMIT}, {folder->seconds, folder->nanoseconds}};
        if (folder->path.empty()) {
            if (::futimens(root_, times) != 0) return fail_errno("set the time of the root");
            continue;
        }
        const auto directory = open_in_root(root_, folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (directory && ::futimens(directory->get(), times) != 0)
            return fail_errno(concat("set the time of '", folder->path, "'"));
    }
    return {};
}

} // namespace berth::image
