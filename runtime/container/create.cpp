#include "runtime/container/lifecycle.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/base/spread.hpp"
#include "runtime/container/bundle.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/damaged.hpp"
#include "runtime/container/etc_files.hpp"
#include "runtime/container/start_plan.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

std::string own_host_name() {
    utsname name{};
    return ::uname(&name) == 0 ? std::string(name.nodename) : std::string("localhost");
}

// "container:web" -> "container:<id>", so that the mode means the same after a rename.
berth::Status settle_mode(const Context& context, std::string& mode) {
    const auto other = joined_container(mode);
    if (other.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const auto container, get_container(context, other));
    mode = concat("container:", container.spec.id);
    return {};
}

berth::Status check_host_name(const std::string& name) {
    if (name.size() > 64 || name.find_first_of(std::string_view(" \t\r\n/\0", 6)) != std::string::npos)
        return fail(ErrorCode::invalid_input, concat("invalid hostname \"", name, "\""));
    return {};
}

berth::Status check_cpus(const Limits& limits) {
    const std::int64_t there = ::sysconf(_SC_NPROCESSORS_ONLN);
    if (there <= 0 || limits.nano_cpus <= there * 1'000'000'000) return {};
    return fail(ErrorCode::invalid_input, concat("range of CPUs is from 0.01 to ", there,
                                                 ".00, as there are only ", there, " CPUs available"));
}

berth::Status settle_spec(const Context& context, ContainerSpec& spec) {
    if (spec.id.empty()) spec.id = make_id();
    if (spec.id.size() != 64 || !is_hex(spec.id))
        return fail(ErrorCode::internal, concat("\"", spec.id, "\" is not a container id"));
    if (!spec.name.empty()) BERTH_TRY(check_name(spec.name, "container"));
    spec.created_at = to_rfc3339(wall_now());
    BERTH_TRY(settle_mode(context, spec.network.mode));
    BERTH_TRY(settle_mode(context, spec.pid_mode));
    BERTH_TRY(settle_mode(context, spec.ipc_mode));
    BERTH_TRY(settle_mode(context, spec.uts_mode));
    if (spec.hostname.empty()) {
        if (const auto owner = joined_container(spec.network.mode); !owner.empty()) {
            BERTH_ASSIGN_OR_RETURN(const auto container, read_container(context, owner));
            spec.hostname = container.spec.hostname;
        } else {
            const bool hosts = spec.network.mode == "host" || spec.uts_mode == "host";
            spec.hostname = hosts ? own_host_name() : short_id(spec.id);
        }
    }
    if (const auto owner = joined_container(spec.ipc_mode); !owner.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto container, read_container(context, owner));
        if (container.spec.ipc_mode != "shareable")
            return fail(Error(ErrorCode::invalid_input,
                              concat("container ", container.spec.name, " does not share its IPC namespace"))
                            .hint("create it with --ipc=shareable"));
    }
    BERTH_TRY(check_host_name(spec.hostname));
    BERTH_TRY(check_resolver(spec.network));
    BERTH_TRY(check_cpus(spec.limits));
    if (spec.limits.shm_size < 0)
        return fail(ErrorCode::invalid_input, "the size of /dev/shm cannot be less than 0");
    for (const auto& mount : spec.mounts) {
        if (mount.kind != MountKind::bind) continue;
        const auto source = clean_path(mount.source);
        if (source == context.paths.data_root() || source == context.paths.exec_root())
            return fail(
                Error(ErrorCode::invalid_input, concat("'", source,
                                                       "' is where berth keeps its state: a container that "
                                                       "has it is root on this host"))
                    .hint("mount a folder of your own, or a volume"));
        if (spec.throwaway) continue; // a step of a build: its mounts are copies that were made for it
        for (const auto& root : {context.paths.data_root(), context.paths.exec_root()})
            if (source.starts_with(root + "/") && !source.starts_with(context.paths.volumes() + "/") &&
                !source.starts_with(context.paths.content() + "/"))
                context.progress->warn(concat(
                    spec.name.empty() ? "the container" : concat("container ", spec.name), " mounts '",
                    source, "', where berth keeps its state: whoever controls it may control the host"));
        if (source == "/")
            context.progress->warn(
                concat(spec.name.empty() ? "the container" : concat("container ", spec.name),
                       " mounts the host's \"/\": whoever controls it controls the host"));
    }
    return {};
}

berth::Status make_folder(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) return fail_errno(concat("make '", path, "'"));
    if (mode != 0700 && ::chmod(path.c_str(), mode) != 0)
        return fail_errno(concat("set the mode of '", path, "'"));
    return {};
}

// First version of the three files; start() writes hosts and resolv.conf again with what it knows by then.
berth::Status write_etc_files(const ContainerSpec& spec, const std::string& directory) {
    BERTH_TRY(write_new_file(join_path(directory, "hostname"), concat(spec.hostname, "\n"), 0644));
    EtcInput input;
    input.own_network = spec.network.mode != "host";
    input.host_gateway = "127.0.0.1";
    BERTH_ASSIGN_OR_RETURN(const auto hosts, make_hosts(spec, input, ""));
    BERTH_TRY(write_new_file(join_path(directory, "hosts"), hosts, 0644));
    return write_new_file(join_path(directory, "resolv.conf"), "", 0644);
}

berth::Status fill_folder(const ContainerSpec& spec, const oci::Spec& bundle, const std::string& directory) {
    BERTH_TRY(write_etc_files(spec, directory));
    for (const char* folder : {"log", "bundle"})
        BERTH_TRY(make_folder(join_path(directory, folder), 0700));
    if (spec.rootfs.empty()) {
        // The upper layer's folder is the container's "/": its mode is what a process inside sees.
        BERTH_TRY(make_folder(join_path(directory, "upper"), 0755));
        BERTH_TRY(make_folder(join_path(directory, "work"), 0700));
    }
    BERTH_TRY(write_new_file(join_path(directory, "bundle/config.json"), to_json(bundle).to_text()));
    BERTH_TRY(write_new_file(join_path(directory, "spec.json"), to_json(spec).to_text(1)));
    return write_new_file(join_path(directory, "state.json"), to_json(ContainerState{}).to_text(1));
}

// A removal that sweeps takes a folder whose lock nobody holds for a left-over, also between these two steps:
// then it is made once more.
Result<FileLock> make_locked_folder(const std::string& path) {
    for (;;) {
        BERTH_TRY(make_folder(path, 0700));
        auto lock = FileLock::acquire(join_path(path, "lock"));
        if (lock || lock.error().sys_errno() != ENOENT) return lock;
    }
}

// A name of the user's, or random ones until one is free.
berth::Status settle_name(const Context& context, ContainerSpec& spec) {
    if (!spec.name.empty()) return take_name(context, spec.name, spec.id);
    for (int attempt = 0;; ++attempt) {
        spec.name = attempt < 20 ? random_name() : concat(random_name(), "_", short_id(spec.id));
        const auto taken = take_name(context, spec.name, spec.id);
        if (taken || taken.error().code() != ErrorCode::already_exists || attempt > 30) return taken;
    }
}

} // namespace

Result<Container> create(const Context& context, ContainerSpec spec) {
    BERTH_TRY(settle_spec(context, spec));
    BERTH_TRY(check_start_options(spec));
    BERTH_ASSIGN_OR_RETURN(const auto facts, gather_bundle_facts(context, spec));
    BERTH_ASSIGN_OR_RETURN(auto bundle, make_bundle(spec, facts));

    BERTH_TRY(context.paths.ensure_roots());
    BERTH_TRY(make_spread_dirs(context.paths.containers()));
    BERTH_TRY(make_dir(context.paths.container_names()));
    if (path_exists(context.paths.container(spec.id)))
        return fail(ErrorCode::already_exists,
                    concat("a container with the id ", short_id(spec.id), " is there already"));

    // Everything is written under a name that no reader takes for a container, then renamed: a kill at any
    // point leaves a whole container or a folder that the next create sweeps away.
    const auto unfinished = unfinished_dir(context, spec.id);
    Rollback undo;
    undo.add([&] { (void)remove_tree(unfinished); });
    BERTH_ASSIGN_OR_RETURN(const auto lock, make_locked_folder(unfinished));
    BERTH_TRY(settle_name(context, spec));
    undo.add([&] { (void)free_name(context, spec.name, spec.id); });
    bundle.annotations[k_record_annotation] = to_json(spec).to_text();
    BERTH_TRY(fill_folder(spec, bundle, unfinished));
    const auto final_dir = context.paths.container(spec.id);
    if (::rename(unfinished.c_str(), final_dir.c_str()) != 0)
        return fail_errno(concat("rename '", unfinished, "' to '", final_dir, "'"));
    undo.commit();
    return Container{std::move(spec), ContainerState{}};
}

} // namespace berth::runtime
