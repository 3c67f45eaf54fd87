// A layer on top of another parent than the one that it was made on: the same tar, so the same diff id, under
// another chain id. Its files are shared by hard links; only the folders are made anew.
#include "runtime/image/layer_store.hpp"
#include "runtime/image/store.hpp"
#include "runtime/image/xattr.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::image {

namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

Status copy_attributes(int from, int to, const std::string& name, const struct stat& st) {
    BERTH_ASSIGN_OR_RETURN(const XattrList attributes, list_entry_xattrs(from, name));
    for (const auto& [key, value] : attributes)
        BERTH_TRY(set_entry_xattr(to, name, key, value));
    if (::fchownat(to, name.c_str(), st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) != 0 ||
        ::fchmodat(to, name.c_str(), st.st_mode & 07777U, 0) != 0)
        return fail_errno(concat("set owner and mode of '", name, "'"));
    const timespec times[2] = {st.st_atim, st.st_mtim};
    if (::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(concat("set the time of '", name, "'"));
    return {};
}

// The folder `name` of `from`, with all that is in it, as `name` of `to`. Nobody writes to a layer: what is
// found is what stays.
Status share_folder(int from, int to, const std::string& name) {
    struct stat st {};
    if (::fstatat(from, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno(concat("look at '", name, "'"));
    if (::mkdirat(to, name.c_str(), 0700) != 0) return fail_errno(concat("make '", name, "'"));
    constexpr int k_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    BERTH_ASSIGN_OR_RETURN(Fd source, open_at(from, name, k_flags));
    BERTH_ASSIGN_OR_RETURN(const Fd target, open_at(to, name, k_flags));
    const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(source.get()));
    if (!folder) return fail_errno(concat("list '", name, "'"));
    const int reading = source.release(); // the stream's from here on
    for (errno = 0; const dirent* entry = ::readdir(folder.get()); errno = 0) {
        const std::string child = entry->d_name;
        if (child == "." || child == "..") continue;
        struct stat about {};
        if (::fstatat(reading, child.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(concat("look at '", child, "'"));
        if (S_ISDIR(about.st_mode))
            BERTH_TRY(share_folder(reading, target.get(), child));
        else if (::linkat(reading, child.c_str(), target.get(), child.c_str(), 0) != 0)
            return fail_errno(concat("share '", child, "'"));
    }
    if (errno != 0) return fail_errno(concat("list '", name, "'"));
    return copy_attributes(from, to, name, st);
}

} // namespace

Result<NewLayer> rebase_layer(const Context& context, const std::string& chain,
                              const std::string& parent_chain) {
    if (!parent_chain.empty() && !is_digest(parent_chain))
        return fail(ErrorCode::invalid_input, concat("'", parent_chain, "' is not a chain id"));
    BERTH_ASSIGN_OR_RETURN(LayerRecord record, read_layer(context, chain));
    record.parent = parent_chain;
    record.chain_id = chain_on(parent_chain, record.diff_id);
    BERTH_ASSIGN_OR_RETURN(const bool there, lease_layer(context, record.chain_id));
    if (!there) {
        BERTH_ASSIGN_OR_RETURN(Staging staging, Staging::make(context));
        const std::string folder = staging.path() + "/layer";
        BERTH_TRY(make_dir(folder, 0700));
        BERTH_ASSIGN_OR_RETURN(const Fd from, open_file(layer_dir(context, chain), O_RDONLY | O_DIRECTORY));
        BERTH_ASSIGN_OR_RETURN(const Fd to, open_file(folder, O_RDONLY | O_DIRECTORY));
        BERTH_TRY(share_folder(from.get(), to.get(), "diff"));
        // What a layer from elsewhere needs to be written again as it came.
        if (is_directory(layer_dir(context, chain) + "/kept"))
            BERTH_TRY(share_folder(from.get(), to.get(), "kept"));
        if (::linkat(from.get(), "skeleton", to.get(), "skeleton", 0) != 0 && errno != ENOENT)
            return fail_errno("share a layer's skeleton");
        BERTH_TRY(publish_layer(context, staging, "layer", record));
    }
    return new_layer(context, record);
}

} // namespace berth::image
