// The start of a container: everything is prepared here, the monitor makes it run.
#include "runtime/container/exec.hpp"
#include "runtime/container/lifecycle.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/control.hpp"
#include "runtime/container/etc_files.hpp"
#include "runtime/container/netns.hpp"
#include "runtime/container/seccomp.hpp"
#include "runtime/container/start_plan.hpp"
#include "runtime/sandbox/steps.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

constexpr std::string_view k_go = "go";

// In place, not renamed: containers that share this one's network have the same file mounted.
// Not emptied first: a file that was cut to nothing ext4 writes back when it is closed, and the start waits.
berth::Status rewrite(const std::string& path, std::string_view text) {
    BERTH_ASSIGN_OR_RETURN(const auto file, open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
    BERTH_TRY(write_all(file.get(), text, path));
    if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0)
        return fail_errno(concat("write '", path, "'"));
    return {};
}

bool asks_for_gateway(const ContainerSpec& spec) {
    for (const auto& host : spec.network.extra_hosts)
        if (host.ends_with("host-gateway")) return true;
    return false;
}

berth::Status refresh_etc_files(const Context& context, const ContainerSpec& spec,
                                const StartNetwork& network) {
    if (spec.network.mode.starts_with("container:")) return {}; // it has that container's
    EtcInput input;
    input.serve_names = network.names.serve;
    input.own_network = spec.network.mode != "host";
    for (const auto& [address, names] : network.hosts)
        input.own_lines.emplace_back(address, names);
    if (asks_for_gateway(spec)) {
        if (!input.own_network)
            input.host_gateway = "127.0.0.1";
        else if (!network.host_gateway.empty())
            input.host_gateway = network.host_gateway;
        else if (network.netns.valid()) {
            BERTH_ASSIGN_OR_RETURN(input.host_gateway, default_gateway(network.netns.get()));
        }
    }
    std::string host_file;
    if (!input.own_network)
        if (auto text = read_file_if_exists("/etc/hosts", 1u << 20); text && *text)
            host_file = std::move(**text);
    BERTH_ASSIGN_OR_RETURN(const auto hosts, make_hosts(spec, input, host_file));
    const auto directory = context.paths.container(spec.id);
    BERTH_TRY(rewrite(join_path(directory, "hosts"), hosts));
    return rewrite(join_path(directory, "resolv.conf"),
                   make_resolv_conf(spec.network, input, host_resolv_conf()));
}

Result<oci::Spec> read_bundle(const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file(path, 8u << 20));
    return parse_record<oci::Spec>(text, path);
}

// The kernel's mark that a layer was mounted without syncs, so that nobody mounts it again after the host went down. In
// the same boot nothing is lost, and the container may be started again.
void take_back_volatile(const Context& context, const std::string& id) {
    (void)remove_tree(join_path(context.paths.container(id), "work/work/incompat"));
}

berth::Status make_exec_dir(const Context& context, const ContainerSpec& spec) {
    const auto directory = context.paths.container_exec(spec.id);
    BERTH_TRY(make_dirs(directory));
    if (spec.ipc_mode != "shareable") return {};
    const auto shared = join_path(directory, "shm");
    BERTH_TRY(make_dir(shared));
    if (::chmod(shared.c_str(), 01777) != 0) return fail_errno(concat("set the mode of '", shared, "'"));
    return {};
}

struct Monitor {
    ProcessId process;
    Fd socket;
};

Result<Monitor> spawn_monitor(const monitor::MonitorPlan& plan, const StartNetwork& network,
                              const std::vector<int>& locks) {
    BERTH_ASSIGN_OR_RETURN(const auto program, find_helper("berth-monitor"));
    const auto wire = to_wire(plan);
    // Kept for exec, which must run under the very policy of the start, not under today's defaults
    // (CVE-2022-27650).
    BERTH_TRY(write_atomic(join_path(plan.container_dir, "launch.bin"), wire));
    BERTH_ASSIGN_OR_RETURN(const auto memory, make_memfd("berth-plan", wire));
    BERTH_ASSIGN_OR_RETURN(auto pair, make_socket_pair());
    BERTH_ASSIGN_OR_RETURN(const auto null, open_file("/dev/null", O_RDWR));

    SpawnOptions options;
    options.program = program;
    options.argv = {"berth-monitor", "run", plan.launch.id};
    for (int target = 0; target < 3; ++target)
        options.fds.push_back({null.get(), target});
    options.fds.push_back({memory.get(), monitor::k_plan_fd});
    options.fds.push_back({pair.b.get(), monitor::k_start_fd});
    if (plan.has_netns) options.fds.push_back({network.netns.get(), monitor::k_netns_fd});
    int target = monitor::k_first_port_fd;
    for (const auto& port : network.port_reservations)
        options.fds.push_back({port.get(), target++});
    for (const int lock : locks)
        options.fds.push_back({lock, target++});
    BERTH_ASSIGN_OR_RETURN(const auto process, spawn(options));
    return Monitor{process, std::move(pair.a)};
}

// Docker's words where the command itself is at fault; otherwise which step failed on what.
Error start_error(const monitor::StartReply& reply, const std::vector<std::string>& argv) {
    const auto number = static_cast<int>(reply.error_number);
    const auto command = argv.empty() ? std::string() : argv.front();
    const bool searched = command.find('/') == std::string::npos;
    if (reply.exit_code == 127 && searched && number == ENOENT)
        return Error(ErrorCode::command_not_found,
                     concat("exec: \"", command, "\": executable file not found in $PATH"));
    if (reply.exit_code == 127)
        return Error(ErrorCode::command_not_found, concat("exec: \"", command, "\"")).sys_errno(number);
    if (reply.exit_code == 126)
        return Error(ErrorCode::command_not_executable, concat("exec: \"", command, "\"")).sys_errno(number);
    auto message = reply.detail.empty() ? reply.step : concat(reply.step, ": ", reply.detail);
    auto error = Error(ErrorCode::failed, std::move(message)).sys_errno(number);
    if (reply.step == sandbox::step_words(sandbox::Step::mount) && (number == ENOTDIR || number == EISDIR))
        error.hint(
            "put there on the host what is meant: where a bind mount's source was missing, an empty folder "
            "has been made in its place, which can be removed");
    return error;
}

Result<monitor::StartReply> next_reply(const Context& context, int socket) {
    BERTH_TRY(await_readable(context, socket));
    BERTH_ASSIGN_OR_RETURN(auto reply, receive_message<monitor::StartReply>(socket));
    if (!reply) return fail(ErrorCode::failed, "the container's monitor ended before the container ran");
    return std::move(*reply);
}

// created -> attach -> go -> started.
Result<ProcessId> hand_shake(const Context& context, const std::string& id, int socket,
                             const std::vector<std::string>& argv, const std::optional<AttachStreams>& attach,
                             Attachment* attachment, std::optional<StateWatch>* watch) {
    BERTH_ASSIGN_OR_RETURN(auto reply, next_reply(context, socket));
    if (reply.phase == monitor::StartPhase::failed) return fail(start_error(reply, argv));
    if (attach) {
        BERTH_ASSIGN_OR_RETURN(auto opened, Attachment::open(context, id, *attach));
        if (attachment != nullptr)
            *attachment = std::move(opened);
        else
            opened.leave_open();
    }
    if (watch != nullptr) {
        BERTH_ASSIGN_OR_RETURN(auto opened, StateWatch::open(context, id, true));
        watch->emplace(std::move(opened));
    }
    BERTH_TRY(send_packet(socket, k_go));
    // Past this point the container runs or fails within moments. Giving up in between would leave a monitor
    // that goes on for ever while clean_up() waits for its end: whoever cancelled stops the started container
    // instead.
    Context patient = context;
    patient.cancelled = nullptr;
    BERTH_ASSIGN_OR_RETURN(reply, next_reply(patient, socket));
    if (reply.phase != monitor::StartPhase::started) return fail(start_error(reply, argv));
    return reply.process;
}

int exit_code_of(const Error& error) {
    if (error.code() == ErrorCode::command_not_found) return 127;
    if (error.code() == ErrorCode::command_not_executable) return 126;
    return 125;
}

// After a start that did not come about: the monitor has cleaned up and ended; what a killed one left goes
// here.
void clean_up(const Context& context, const ContainerSpec& spec, Monitor& monitor, const Error& error) {
    monitor.socket.reset(); // to a monitor that still waits this means: give up
    while (::waitpid(static_cast<pid_t>(monitor.process.pid), nullptr, 0) < 0 && errno == EINTR) {
    }
    const auto cgroup = cgroup_of(context, spec);
    if (cgroup.exists()) {
        if (const auto killed = cgroup.kill_all(); !killed) log::warn("{}", killed.error().to_string());
        if (const auto removed = cgroup.remove(); !removed) log::warn("{}", removed.error().to_string());
    }
    (void)remove_tree(context.paths.container_exec(spec.id));
    ContainerState state;
    state.exit_code = exit_code_of(error);
    state.error = error.to_string();
    if (const auto written = write_state(context, spec.id, state); !written)
        log::warn("{}", written.error().to_string());
}

// The record as the monitor wrote it; when it has not come that far, what we know.
ContainerState state_after_start(const Context& context, const std::string& id, const Monitor& monitor,
                                 const ProcessId& process) {
    if (const auto container = read_container(context, id);
        container && container->state.status != Status::created)
        return container->state;
    ContainerState state;
    state.status = Status::running;
    state.boot_id = boot_id();
    state.monitor = monitor.process;
    state.process = process;
    state.started_at = to_rfc3339(wall_now());
    return state;
}

} // namespace

Result<ContainerState> start(const Context& context, const std::string& id, StartNetwork network,
                             const std::optional<AttachStreams>& attach, Attachment* attachment,
                             std::optional<StateWatch>* watch) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_container(context, id));
    BERTH_ASSIGN_OR_RETURN(auto container, read_container(context, id));
    const auto& spec = container.spec;
    const bool ran_in_this_boot = container.state.boot_id == boot_id();
    BERTH_ASSIGN_OR_RETURN(container.state, settle_locked(context, spec, container.state));
    if (claims_to_run(container.state)) return container.state;
    if (container.state.status == Status::removing || container.state.status == Status::dead)
        return fail(ErrorCode::failed,
                    concat("container ", spec.name, " is being removed: it cannot be started"));

    if (ran_in_this_boot) take_back_volatile(context, id);

    PlanInput input;
    input.spec = &spec;
    BERTH_ASSIGN_OR_RETURN(input.bundle,
                           read_bundle(join_path(context.paths.container(id), "bundle/config.json")));
    BERTH_TRY(join_namespaces(context, spec, input.bundle));
    BERTH_TRY(refresh_etc_files(context, spec, network));
    BERTH_TRY(make_exec_dir(context, spec));
    BERTH_ASSIGN_OR_RETURN(input.seccomp, seccomp::compile_cached(context, input.bundle.linux_.seccomp));
    input.has_netns = network.netns.valid();
    input.port_fds = network.port_reservations.size();
    input.relays = std::move(network.relays);
    std::vector<int> locks{lock.fd()};
    if (network.lock >= 0) locks.push_back(network.lock);
    input.lock_fds = locks.size();
    input.names = std::move(network.names);
    input.name_files = std::move(network.name_files);
    if (attach) {
        input.rows = attach->rows;
        input.columns = attach->columns;
    }
    BERTH_ASSIGN_OR_RETURN(const auto plan, make_monitor_plan(context, std::move(input)));
    BERTH_ASSIGN_OR_RETURN(auto monitor, spawn_monitor(plan, network, locks));
    const auto process =
        hand_shake(context, id, monitor.socket.get(), plan.launch.process.argv, attach, attachment, watch);
    if (!process) {
        clean_up(context, spec, monitor, process.error());
        return fail(process.error());
    }
    return state_after_start(context, id, monitor, *process);
}

} // namespace berth::runtime
