#include "runtime/container/lifecycle.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/control.hpp"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <signal.h>

namespace berth::runtime {

namespace {

// A record that cannot be read must still be removable: its name is found by looking at all of them.
void free_names_of(const Context& context, const std::string& id) {
    const auto names = list_dir(context.paths.container_names());
    if (!names) return;
    for (const auto& name : *names)
        if (!name.starts_with(".")) (void)free_name(context, name, id);
}

// The rename takes the container away in one step and needs no free space; the rest can take its time, and a
// kill in the middle of it leaves only what the next removal sweeps.
berth::Status remove_folder(const Context& context, const std::string& id) {
    const auto from = context.paths.container(id);
    const auto to = doomed_dir(context, id);
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
        return fail_errno(concat("rename '", from, "' to '", to, "'"));
    // Its lock, which we hold, goes last: as long as it is there, no other command takes the folder for a
    // left-over.
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(to));
    for (const auto& name : names)
        if (name != "lock") BERTH_TRY(remove_tree(join_path(to, name)));
    auto removed = remove_tree(to);
    // Somebody who sweeps may have looked for the lock just now, and so made it again.
    for (int again = 0; again < 10 && !removed && removed.error().sys_errno() == ENOTEMPTY; ++again)
        removed = remove_tree(to);
    return removed;
}

// Ends it when that is allowed.
berth::Status make_stopped(const Context& context, const std::string& id, bool force, Aftermath* aftermath) {
    auto container = read_container(context, id);
    if (!container && !path_exists(context.paths.container(id)))
        return fail(ErrorCode::not_found, concat("no such container: ", short_id(id)));
    if (container && claims_to_run(container->state)) {
        if (!force)
            return fail(
                Error(ErrorCode::in_use, concat("cannot remove container \"", container->spec.name,
                                                "\": container is ", enum_to_name(container->state.status)))
                    .hint("stop the container before removing or force remove"));
        BERTH_TRY(stop(context, id, {std::chrono::nanoseconds(0), SIGKILL}, aftermath));
    } else if (!container) {
        // Whatever the record said: its monitor would start it again.
        BERTH_ASSIGN_OR_RETURN(const auto monitor, connect_control(context, id));
        if (monitor && !force)
            return fail(Error(ErrorCode::in_use, concat("cannot remove container ", short_id(id),
                                                        ": its record is damaged, but it is running"))
                            .hint("stop the container before removing or force remove"));
        if (const auto stopped = stop(context, id, {std::chrono::nanoseconds(0), SIGKILL}, aftermath);
            !stopped)
            log::warn("{}", stopped.error().to_string());
    }
    return {};
}

// false: it runs after all, started between our look and the lock, or on its way up when its starter was killed.
Result<bool> remove_stopped(const Context& context, const std::string& id) {
    auto lock = FileLock::acquire(join_path(context.paths.container(id), "lock"));
    if (!lock) {
        if (lock.error().sys_errno() == ENOENT) return true; // somebody else was faster (--rm)
        // On a full disk a missing lock file cannot be made: then there is nobody who holds it either.
        if (lock.error().sys_errno() != ENOSPC && lock.error().sys_errno() != EDQUOT)
            return fail(lock.error());
    }
    const auto container = read_container(context, id);
    if (container) {
        const auto settled = settle_locked(context, container->spec, container->state);
        if (settled && claims_to_run(*settled)) return false;
    }
    ErrorList failed;
    if (container) {
        const auto cgroup = cgroup_of(context, container->spec);
        failed.push(cgroup.kill_all()); // execs that outlived their container
        failed.push(cgroup.remove());
        failed.push(free_name(context, container->spec.name, id));
    } else {
        const ContainerCgroup cgroup(concat("/", context.paths.scope(), "/", id));
        failed.push(cgroup.kill_all());
        failed.push(cgroup.remove());
        free_names_of(context, id);
    }
    failed.push(remove_tree(context.paths.container_exec(id)));
    failed.push(remove_folder(context, id));
    sweep_unfinished(context);
    BERTH_TRY(std::move(failed).take());
    return true;
}

} // namespace

berth::Status remove(const Context& context, const std::string& id, bool force, Aftermath* aftermath) {
    constexpr int k_attempts = 8;
    for (int attempt = 0; attempt < (force ? k_attempts : 1); ++attempt) {
        BERTH_TRY(make_stopped(context, id, force, aftermath));
        BERTH_ASSIGN_OR_RETURN(const bool removed, remove_stopped(context, id));
        if (removed) return {};
    }
    return fail(ErrorCode::in_use,
                concat("cannot remove container ", short_id(id), ": it was started meanwhile"));
}

berth::Status rename(const Context& context, const std::string& id, const std::string& name) {
    BERTH_TRY(check_name(name, "container"));
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_container(context, id));
    BERTH_ASSIGN_OR_RETURN(auto container, read_or_salvage(context, id));
    const auto old = container.spec.name;
    if (old == name)
        return fail(ErrorCode::invalid_input, "renaming a container with the same name as its current name");
    BERTH_TRY(take_name(context, name, id));
    container.spec.name = name;
    // A damaged one goes out of the way of its successor; its name is in the links alone.
    if (container.damaged) return free_name(context, old, id);
    if (auto written = write_spec(context.paths.container(id), container.spec); !written) {
        (void)free_name(context, name, id);
        return written;
    }
    return free_name(context, old, id);
}

} // namespace berth::runtime
