// The first use of a volume: what the image has at that place becomes its content.
//
// Atomic against a kill: the copy is made in a staging folder, marked complete by a rename, and only then
// moved, entry by entry, into the volume. A staging folder without the mark is thrown away, one with it is
// moved on. The volume's own folder stays the same inode all the time: another container may have it mounted,
// still empty.
#include "volumes/copy_tree.hpp"
#include "volumes/local_driver.hpp"
#include "volumes/store.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace berth::volumes {

namespace {

struct Staging {
    Fd parent;           // on the file system of the data
    std::string filling; // while the copy is made
    std::string ready;   // when it is complete
};

Result<Staging> staging_for(const Store& store, const Volume& volume, LocalKind kind,
                            const std::string& data) {
    Staging out;
    // A bind's folder may be on another file system, where only it is ours to write to.
    const bool own = kind == LocalKind::plain;
    BERTH_ASSIGN_OR_RETURN(out.parent,
                           open_file(own ? store.folder(volume.name) : data, O_RDONLY | O_DIRECTORY));
    out.filling = own ? "_filling" : concat(".berth-filling-", volume.name);
    out.ready = own ? "_ready" : concat(".berth-ready-", volume.name);
    return out;
}

Result<std::vector<std::string>> entries_of(int folder) {
    return list_dir(concat("/proc/self/fd/", folder));
}

Result<bool> is_empty(int folder, const Staging& staging) {
    BERTH_ASSIGN_OR_RETURN(auto entries, entries_of(folder));
    std::erase_if(entries,
                  [&](const std::string& name) { return name == staging.filling || name == staging.ready; });
    // What mkfs puts into a fresh file system is nobody's content.
    std::erase(entries, "lost+found");
    return entries.empty();
}

bool exists_at(int folder, const std::string& name) {
    struct stat info {};
    return ::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
}

Status stage(const Context& context, const Staging& staging, int source) {
    const int parent = staging.parent.get();
    BERTH_TRY(remove_tree_at(parent, staging.filling));
    if (::mkdirat(parent, staging.filling.c_str(), 0700) != 0)
        return fail_errno("make a folder to fill the volume in");
    BERTH_ASSIGN_OR_RETURN(const Fd filling,
                           open_at(parent, staging.filling, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    BERTH_TRY(copy_tree(context, source, filling.get()));
    if (::renameat(parent, staging.filling.c_str(), parent, staging.ready.c_str()) != 0)
        return fail_errno("complete the copy for the volume");
    return {};
}

Status move_in(const Staging& staging, int data) {
    BERTH_ASSIGN_OR_RETURN(const Fd ready,
                           open_at(staging.parent.get(), staging.ready, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    BERTH_ASSIGN_OR_RETURN(const auto entries, entries_of(ready.get()));
    for (const auto& name : entries) {
        // Not in place of what somebody else has made in the meantime.
        if (::syscall(SYS_renameat2, ready.get(), name.c_str(), data, name.c_str(), RENAME_NOREPLACE) == 0 ||
            errno == EEXIST)
            continue;
        return fail_errno(concat("move '", name, "' into the volume"));
    }
    return remove_tree_at(staging.parent.get(), staging.ready);
}

Status fill(const Store& store, Volume volume, LocalKind kind, int source) {
    const Context& context = store.context();
    BERTH_ASSIGN_OR_RETURN(const std::string path, data_path(context, volume));
    BERTH_ASSIGN_OR_RETURN(const Fd data, open_file(path, O_RDONLY | O_DIRECTORY));
    BERTH_ASSIGN_OR_RETURN(const Staging staging, staging_for(store, volume, kind, path));
    if (!exists_at(staging.parent.get(), staging.ready)) {
        BERTH_ASSIGN_OR_RETURN(const bool empty, is_empty(data.get(), staging));
        if (!empty) {
            (void)remove_tree_at(staging.parent.get(), staging.filling);
            volume.filled = true;
            return store.update(volume);
        }
        BERTH_TRY(stage(context, staging, source));
    }
    BERTH_TRY(move_in(staging, data.get()));
    BERTH_TRY(copy_folder_metadata(context, source, data.get()));
    BERTH_ASSIGN_OR_RETURN(const bool still_empty, is_empty(data.get(), staging));
    // An empty folder of this image does not keep the next one's content out (docker fills while there is
    // nothing).
    if (still_empty) return {};
    volume.filled = true;
    return store.update(volume);
}

} // namespace

Status copy_up(const Context& context, const Volume& volume, int image_root, const std::string& target) {
    if (volume.filled) return {};
    BERTH_ASSIGN_OR_RETURN(const LocalVolume local, parse_local(volume));
    if (local.kind == LocalKind::filesystem)
        return {}; // it has content of its own, or is a new tmpfs each time
    auto source = open_in_root(image_root, target, O_RDONLY | O_DIRECTORY);
    if (!source) {
        const int error = source.error().sys_errno();
        if (error == ENOENT || error == ENOTDIR) return {}; // nothing there, or a file: nothing to take over
        return fail(std::move(source).error().context(concat("fill the volume '", volume.name, "'")));
    }
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_volume(volume.name));
    BERTH_ASSIGN_OR_RETURN(auto now, store.find(volume.name));
    if (!now)
        return fail(ErrorCode::not_found,
                    concat("fill the volume '", volume.name, "': it has just been removed"));
    if (now->filled) return {}; // another container was quicker
    auto filled = fill(store, std::move(*now), local.kind, source->get());
    if (filled) return filled;
    return fail(std::move(filled).error().context(
        concat("fill the volume '", volume.name, "' with '", target, "' of the image")));
}

} // namespace berth::volumes
