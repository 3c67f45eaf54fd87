#include "runtime/container/container_dir.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::runtime {

std::string unfinished_dir(const Context& context, const std::string& id) {
    return concat(context.paths.containers(), "/.new-", id);
}
std::string doomed_dir(const Context& context, const std::string& id) {
    return concat(context.paths.containers(), "/.old-", id);
}

berth::Status write_new_file(const std::string& path, std::string_view bytes, mode_t mode) {
    BERTH_ASSIGN_OR_RETURN(const auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    // The mode is meant exactly: what the container reads must not depend on the caller's umask.
    if (mode != 0600 && ::fchmod(file.get(), mode) != 0)
        return fail_errno(concat("set the mode of '", path, "'"));
    return write_all(file.get(), bytes, path);
}

berth::Status write_spec(const std::string& directory, const ContainerSpec& spec) {
    return write_atomic(join_path(directory, "spec.json"), to_json(spec).to_text(1));
}

Lookup<std::string> id_of_name(const Context& context, const std::string& name) {
    if (!is_valid_name(name)) return std::optional<std::string>{};
    auto target = read_link(join_path(context.paths.container_names(), name));
    if (!target) {
        if (target.error().sys_errno() == ENOENT || target.error().sys_errno() == EINVAL)
            return std::optional<std::string>{};
        return fail(std::move(target).error());
    }
    return std::optional(std::move(*target));
}

namespace {

bool is_somebodys(const Context& context, const std::string& id) {
    // In the order in which create() renames: nobody slips through between the two looks.
    const auto unfinished = unfinished_dir(context, id);
    if (path_exists(unfinished)) {
        // Held: its create() is at work. Free: it was killed. Not there any more: it has just finished.
        const auto lock = FileLock::try_acquire(join_path(unfinished, "lock"));
        if (!lock || !*lock) return true;
    }
    return path_exists(context.paths.container(id));
}

} // namespace

berth::Status take_name(const Context& context, const std::string& name, const std::string& id) {
    const auto path = join_path(context.paths.container_names(), name);
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (::symlink(id.c_str(), path.c_str()) == 0) return {};
        if (errno != EEXIST) return fail_errno(concat("take the container name \"", name, "\""));
        BERTH_ASSIGN_OR_RETURN(const auto holder, id_of_name(context, name));
        if (!holder) continue; // freed meanwhile
        if (*holder == id) return {};
        if (is_somebodys(context, *holder))
            return fail(Error(ErrorCode::already_exists,
                              concat("the container name \"", name, "\" is already in use by container \"",
                                     short_id(*holder), "\""))
                            .hint("remove or rename that container to be able to reuse the name"));
        // One taker at a time, who looks again: between our look and the unlink another may have taken it
        // over.
        BERTH_ASSIGN_OR_RETURN(const auto lock,
                               FileLock::acquire(join_path(context.paths.container_names(), ".lock")));
        BERTH_ASSIGN_OR_RETURN(const auto again, id_of_name(context, name));
        if (again && *again == *holder) BERTH_TRY(remove_file(path));
    }
    return fail(ErrorCode::already_exists,
                concat("the container name \"", name, "\" changes hands too fast to be taken"));
}

berth::Status free_name(const Context& context, const std::string& name, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto holder, id_of_name(context, name));
    if (!holder || *holder != id) return {};
    return remove_file(join_path(context.paths.container_names(), name));
}

void sweep_names(const Context& context) {
    const auto names = list_dir(context.paths.container_names());
    if (!names) return;
    for (const auto& name : *names) {
        const auto holder = id_of_name(context, name);
        if (!holder || !*holder || is_somebodys(context, **holder)) continue;
        // As in take_name: another may have taken it over meanwhile.
        const auto lock = FileLock::acquire(join_path(context.paths.container_names(), ".lock"));
        const auto again = id_of_name(context, name);
        if (lock && again && *again == *holder)
            (void)remove_file(join_path(context.paths.container_names(), name));
    }
}

void sweep_unfinished(const Context& context) {
    const auto names = list_dir(context.paths.containers());
    if (!names) return;
    for (const auto& name : *names) {
        if (!name.starts_with(".new-") && !name.starts_with(".old-")) continue;
        const auto path = join_path(context.paths.containers(), name);
        // To ask for a lock makes its file: in a folder that has none any more, that would be in the way of
        // its remover.
        if (!path_exists(join_path(path, "lock"))) {
            (void)remove_dir(path);
            continue;
        }
        const auto lock = FileLock::try_acquire(join_path(path, "lock"));
        if (lock && !*lock) continue; // at work
        log::debug("remove '{}', left by a command that was killed", path);
        if (const auto removed = remove_tree(path); !removed) log::warn("{}", removed.error().to_string());
    }
}

} // namespace berth::runtime
