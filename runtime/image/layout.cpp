#include "runtime/image/layout.hpp"

#include <algorithm>
#include <fcntl.h>
#include <mutex>
#include <sys/file.h>
#include <vector>

namespace berth::image {

std::string_view hex_of(std::string_view digest) {
    const auto colon = digest.find(':');
    return colon == std::string_view::npos ? digest : digest.substr(colon + 1);
}

std::string configs_dir(const Context& context) {
    return context.paths.images() + "/configs";
}
std::string layers_dir(const Context& context) {
    return context.paths.images() + "/layers";
}
std::string references_dir(const Context& context) {
    return context.paths.images() + "/references";
}
std::string staging_root(const Context& context) {
    return context.paths.images() + "/tmp";
}

std::string config_dir(const Context& context, std::string_view id) {
    return concat(configs_dir(context), "/", hex_of(id));
}
std::string layer_dir(const Context& context, std::string_view chain) {
    return concat(layers_dir(context), "/", hex_of(chain));
}

std::string reference_path(const Context& context, const Reference& reference) {
    std::string repository = reference.repository;
    std::replace(repository.begin(), repository.end(), '/', '+'); // '+' cannot occur in a repository's name
    const std::string entry = reference.tag.empty() ? "@" + reference.digest : reference.tag;
    return concat(references_dir(context), "/", reference.host, "/", repository, "/", entry);
}

Status ensure_store(const Context& context) {
    // The last one made tells that all are there.
    if (is_directory(staging_root(context))) return {};
    BERTH_TRY(make_dirs(context.paths.images(), 0700));
    BERTH_TRY(make_dir(configs_dir(context), 0700));
    BERTH_TRY(make_dir(layers_dir(context), 0700));
    BERTH_TRY(make_dir(references_dir(context), 0700));
    return make_dir(staging_root(context), 0700);
}

Result<FileLock> lock_store(const Context& context, bool shared) {
    BERTH_TRY(ensure_store(context));
    return FileLock::acquire(context.paths.images() + "/lock", shared);
}

Result<Staging> Staging::make(const Context& context) {
    BERTH_TRY(ensure_store(context));
    // Against a cleaner that would find the folder between its creation and its lock.
    BERTH_ASSIGN_OR_RETURN(const FileLock creating,
                           FileLock::acquire(context.paths.images() + "/tmp.lock", true));
    BERTH_ASSIGN_OR_RETURN(TempDir folder, TempDir::make(staging_root(context), ""));
    BERTH_ASSIGN_OR_RETURN(Fd lock, open_file(folder.path(), O_RDONLY | O_DIRECTORY));
    if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) return fail_errno(concat("lock '", folder.path(), "'"));
    return Staging(std::move(folder), std::move(lock));
}

Result<bool> Staging::publish(const std::string& name, const std::string& final_path) {
    const std::string from = join_path(folder_.path(), name);
    if (::rename(from.c_str(), final_path.c_str()) == 0) return true;
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    return fail_errno(concat("move '", from, "' to '", final_path, "'"));
}

std::string Staging::leave_to_process() && {
    static std::mutex mutex;
    static std::vector<Fd> locks;
    const std::lock_guard guard(mutex);
    locks.push_back(std::move(lock_));
    return folder_.release();
}

void clean_staging(const Context& context, bool store_is_ours) {
    const auto names = list_dir(staging_root(context));
    if (!names || names->empty()) return;
    const auto creating = FileLock::try_acquire(context.paths.images() + "/tmp.lock");
    if (!creating || !*creating) return;
    for (const auto& name : *names) {
        const std::string path = join_path(staging_root(context), name);
        const auto folder = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!folder && store_is_ours && folder.error().sys_errno() != ENOENT) (void)remove_file(path);
        if (folder && ::flock(folder->get(), LOCK_EX | LOCK_NB) == 0) (void)remove_tree(path);
    }
}

} // namespace berth::image
