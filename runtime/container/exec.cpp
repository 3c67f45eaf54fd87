// Another process in a running container.
#include "runtime/container/exec.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/control.hpp"
#include "runtime/container/exec_streams.hpp"
#include "runtime/container/users.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/wait.h>

namespace berth::runtime {

namespace {

Result<monitor::MonitorPlan> stored_plan(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto bytes,
                           read_file(join_path(context.paths.container(id), "launch.bin"), 8u << 20));
    return from_wire<monitor::MonitorPlan>(bytes);
}

// The running container's own files, through pid 1's root: what it has changed in /etc/passwd since its start
// counts.
Result<ResolvedUser> resolve_inside(const ProcessId& process, const ContainerSpec& spec,
                                    const std::string& user) {
    BERTH_ASSIGN_OR_RETURN(const auto first, PidFd::open(process));
    if (!first) return fail(ErrorCode::failed, concat("container ", spec.name, " is not running"));
    BERTH_ASSIGN_OR_RETURN(const auto root, open_directory(concat("/proc/", process.pid, "/root")));
    // The number may have been another process's by the time of the open.
    if (!is_alive(process))
        return fail(ErrorCode::failed, concat("container ", spec.name, " is not running"));
    BERTH_ASSIGN_OR_RETURN(const auto files, read_user_files(root.get()));
    return resolve_user(files, user, spec.group_add);
}

void set_variable(std::vector<std::string>& env, const std::string& entry) {
    const auto key = entry.substr(0, entry.find('='));
    const auto same = [&](const std::string& e) { return e.substr(0, e.find('=')) == key; };
    std::erase_if(env, same);
    if (entry.find('=') != std::string::npos) env.push_back(entry);
}

berth::Status switch_user(const ProcessId& process, const ContainerSpec& spec, const ExecRequest& request,
                          sandbox::ProcessPlan& plan) {
    if (request.user.empty()) return {};
    const auto user = resolve_inside(process, spec, request.user);
    if (!user) return fail(user.error());
    plan.uid = user->uid;
    plan.gid = user->gid;
    plan.groups = user->groups;
    const bool said =
        std::ranges::any_of(spec.env, [](const std::string& e) { return e.starts_with("HOME="); });
    if (!said) set_variable(plan.env, concat("HOME=", user->home));
    // As execve would have it: root holds the bounding set, anybody else nothing.
    plan.caps.effective = plan.caps.permitted = user->uid == 0 ? plan.caps.bounding : 0;
    plan.caps.inheritable = plan.caps.ambient = 0;
    return {};
}

Result<monitor::ExecPlan> make_exec_plan(const Context& context, const Container& container,
                                         const ExecRequest& request, const AttachStreams& streams) {
    if (request.argv.empty()) return fail(ErrorCode::invalid_input, "no command specified");
    BERTH_ASSIGN_OR_RETURN(auto stored, stored_plan(context, container.spec.id));
    monitor::ExecPlan plan;
    plan.target = container.state.process;
    plan.cgroup_path = stored.launch.cgroup.path;
    plan.controllers = stored.launch.cgroup.controllers;
    plan.process = std::move(stored.launch.process);
    auto& process = plan.process;
    process.argv = request.argv;
    process.create_cwd = false;
    process.terminal = request.tty;
    process.rows = streams.rows;
    process.columns = streams.columns;
    if (request.tty &&
        std::ranges::none_of(process.env, [](const std::string& e) { return e.starts_with("TERM="); }))
        process.env.emplace_back("TERM=xterm");
    if (!request.working_dir.empty())
        process.cwd = clean_path(absolute_path(request.working_dir, process.cwd));
    if (request.privileged) {
        process.caps.bounding = own_bounding_set();
        process.caps.effective = process.caps.permitted = process.uid == 0 ? process.caps.bounding : 0;
        process.seccomp.clear();
        process.apparmor.clear();
    }
    BERTH_TRY(switch_user(container.state.process, container.spec, request, process));
    for (const auto& entry : request.env)
        set_variable(process.env, entry);
    return plan;
}

struct Helper {
    ProcessId process;
    Fd socket;
};

Result<Helper> spawn_helper(const monitor::ExecPlan& plan, const ExecStreams& streams) {
    BERTH_ASSIGN_OR_RETURN(const auto program, find_helper("berth-monitor"));
    BERTH_ASSIGN_OR_RETURN(const auto memory, make_memfd("berth-exec", to_wire(plan)));
    BERTH_ASSIGN_OR_RETURN(auto pair, make_socket_pair());
    SpawnOptions options;
    options.program = program;
    options.argv = {"berth-monitor", "exec"};
    for (int target = 0; target < 3; ++target)
        options.fds.push_back({streams.inside(target), target});
    options.fds.push_back({memory.get(), monitor::k_plan_fd});
    options.fds.push_back({pair.b.get(), monitor::k_start_fd});
    BERTH_ASSIGN_OR_RETURN(const auto process, spawn(options));
    return Helper{process, std::move(pair.a)};
}

Failure refusal(const monitor::StartReply& reply, const std::string& command) {
    const auto number = static_cast<int>(reply.error_number);
    if (reply.exit_code == 127 && number == ENOENT && command.find('/') == std::string::npos)
        return fail(ErrorCode::command_not_found,
                    concat("exec: \"", command, "\": executable file not found in $PATH"));
    if (reply.exit_code == 127)
        return fail(Error(ErrorCode::command_not_found, concat("exec: \"", command, "\"")).sys_errno(number));
    if (reply.exit_code == 126)
        return fail(
            Error(ErrorCode::command_not_executable, concat("exec: \"", command, "\"")).sys_errno(number));
    // Whatever else keeps the process from running: docker answers 126, and 127 when something is not there.
    return fail(Error(number == ENOENT ? ErrorCode::command_not_found : ErrorCode::command_not_executable,
                      reply.detail.empty() ? reply.step : concat(reply.step, ": ", reply.detail))
                    .sys_errno(number));
}

} // namespace

Lookup<int> exec(const Context& context, const std::string& id, const ExecRequest& request,
                 const AttachStreams& streams, int resize_fd) {
    BERTH_ASSIGN_OR_RETURN(const auto container, read_container(context, id));
    if (container.state.status == Status::paused)
        return fail(Error(ErrorCode::failed, concat("container ", container.spec.name, " is paused"))
                        .hint("unpause it before exec"));
    if (!claims_to_run(container.state) || container.state.process.pid <= 0)
        return fail(ErrorCode::failed, concat("container ", container.spec.name, " is not running"));
    BERTH_ASSIGN_OR_RETURN(const auto plan, make_exec_plan(context, container, request, streams));
    BERTH_ASSIGN_OR_RETURN(auto proxy, ExecStreams::make(request, streams, resize_fd));
    BERTH_ASSIGN_OR_RETURN(auto helper, spawn_helper(plan, proxy));
    proxy.close_inside();

    BERTH_TRY(await_readable(context, helper.socket.get()));
    BERTH_ASSIGN_OR_RETURN(auto packet, receive_packet(helper.socket.get()));
    if (!packet)
        return fail(ErrorCode::failed,
                    concat("exec in container ", container.spec.name, ": the helper ended early"));
    BERTH_ASSIGN_OR_RETURN(const auto reply, from_wire<monitor::StartReply>(packet->bytes));
    if (reply.phase != monitor::StartPhase::started) {
        (void)::waitpid(static_cast<pid_t>(helper.process.pid), nullptr, 0);
        return refusal(reply, request.argv.front());
    }
    if (request.detach) return std::optional(0);
    if (!packet->fds.empty()) proxy.set_terminal(std::move(packet->fds.front()));
    BERTH_ASSIGN_OR_RETURN(const auto code, proxy.run(context, helper.socket.get()));
    if (!code) { // the helper keeps the terminal, so that the process is not hung up
        BERTH_TRY(send_packet(helper.socket.get(), to_wire(monitor::ExecDetach{})));
        return code;
    }
    (void)::waitpid(static_cast<pid_t>(helper.process.pid), nullptr, 0);
    return code;
}

} // namespace berth::runtime
