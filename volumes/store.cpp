#include "volumes/store.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/process.hpp"

#include <cstdio>
#include <sys/stat.h>

namespace berth::volumes {

Result<FileLock> Store::lock_all() const {
    BERTH_TRY(make_dirs(context_.paths.volumes()));
    return FileLock::acquire(context_.paths.volumes() + "/.lock");
}

Result<FileLock> Store::lock_volume(const std::string& name) const {
    return FileLock::acquire(folder(name) + "/lock");
}

Lookup<Volume> Store::find(const std::string& name) const {
    // The name becomes a path.
    if (!is_valid_name(name)) return std::optional<Volume>();
    const std::string path = folder(name) + "/volume.json";
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(path, 1u << 20));
    if (!text) return std::optional<Volume>();
    BERTH_ASSIGN_OR_RETURN(Volume volume, parse_record<Volume>(*text, path));
    volume.name = name; // the folder decides
    return std::optional<Volume>(std::move(volume));
}

Result<std::vector<Volume>> Store::list() const {
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(context_.paths.volumes()));
    std::vector<Volume> out;
    for (const auto& name : names) {
        auto volume = find(name);
        if (!volume)
            context_.progress->warn(volume.error().to_string());
        else if (*volume)
            out.push_back(std::move(**volume));
    }
    return out;
}

Status Store::add(const Volume& volume, bool pending) const {
    sweep();
    BERTH_ASSIGN_OR_RETURN(TempDir temporary, TempDir::make(context_.paths.volumes(), ".making-"));
    const std::string data = temporary.path() + "/_data";
    BERTH_TRY(make_dir(data, 0755));
    // The mask of the caller must not decide whether a container's user may enter.
    if (::chmod(data.c_str(), 0755) != 0) return fail_errno(concat("set the mode of '", data, "'"));
    BERTH_TRY(write_atomic(temporary.path() + "/volume.json", to_json(volume).to_text(2), 0600,
                           Durability::durable));
    if (pending) BERTH_TRY(write_atomic(temporary.path() + "/pending", to_json(own_process_id()).to_text()));
    if (::rename(temporary.path().c_str(), folder(volume.name).c_str()) != 0)
        return fail_errno(concat("put '", folder(volume.name), "' in place"));
    (void)temporary.release();
    return {};
}

Status Store::update(const Volume& volume) const {
    return write_atomic(folder(volume.name) + "/volume.json", to_json(volume).to_text(2), 0600,
                        Durability::durable);
}

Status Store::erase(const std::string& name) const {
    sweep();
    const std::string doomed = concat(context_.paths.volumes(), "/.removing-", make_id().substr(0, 12));
    if (::rename(folder(name).c_str(), doomed.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return fail_errno(concat("remove '", folder(name), "'"));
    }
    return remove_tree(doomed);
}

void Store::sweep() const {
    const auto names = list_dir(context_.paths.volumes());
    if (!names) return;
    for (const auto& name : *names)
        if (name.starts_with(".making-") || name.starts_with(".removing-"))
            (void)remove_tree(join_path(context_.paths.volumes(), name));
}

} // namespace berth::volumes
