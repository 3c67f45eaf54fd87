#include "runtime/monitor/exec_mode.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/protocol.hpp"
#include "runtime/sandbox/launch.hpp"

#include <csignal>
#include <optional>
#include <poll.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

StartReply failure(std::string step, int error, std::string detail = {},
                   std::int64_t exit_code = sandbox::k_exit_engine) {
    StartReply reply;
    reply.step = std::move(step);
    reply.error_number = error;
    reply.detail = std::move(detail);
    reply.exit_code = exit_code;
    return reply;
}

int refuse(int socket, const StartReply& reply) {
    (void)send_packet(socket, to_wire(reply));
    return static_cast<int>(reply.exit_code);
}

// The messages of the new process until its program runs. Empty: it does; otherwise why not.
std::optional<StartReply> await_start(const sandbox::Launched& launched, Fd& terminal) {
    for (;;) {
        pollfd wait{launched.sync.get(), POLLIN, 0};
        if (::poll(&wait, 1, -1) < 0 && errno != EINTR)
            return failure("wait for the process that starts", errno);
        auto event = sandbox::receive_sync(launched.sync.get());
        if (!event) return failure(event.error().message(), event.error().sys_errno());
        if (!*event) continue;
        if ((*event)->closed) return std::nullopt;
        if ((*event)->kind == sandbox::SyncKind::terminal) terminal = std::move((*event)->terminal);
        if ((*event)->kind == sandbox::SyncKind::failure) {
            const auto& record = (*event)->failure;
            return failure(std::string(sandbox::step_words(record.step)), record.error, record.detail,
                           record.exit_code);
        }
    }
}

// Reads away what a terminal shows that nobody looks at, or its process would stand still. false: it has no
// user any more.
bool drain(int terminal) {
    char bytes[4096];
    const auto got = ::read(terminal, bytes, sizeof bytes);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

// Until the process has ended. A caller that detaches leaves its terminal to us; one that is gone without a
// word takes it along, and the process is told by the hang-up.
void follow_caller(int socket, int pidfd, Fd terminal) {
    bool attached = true;
    for (;;) {
        pollfd waiters[3]{{pidfd, POLLIN, 0},
                          {attached ? socket : -1, POLLIN, 0},
                          {attached ? -1 : terminal.get(), POLLIN, 0}};
        if (::poll(waiters, 3, -1) < 0 && errno != EINTR) return;
        if (waiters[0].revents != 0) return;
        if (waiters[1].revents != 0) {
            attached = false;
            const auto packet = receive_packet(socket);
            if (!packet || !*packet) terminal.reset();
        }
        if (waiters[2].revents != 0 && !drain(terminal.get())) terminal.reset();
    }
}

} // namespace

int run_exec() {
    // The caller's terminal sends its signals to the caller's group; the process is not of it.
    (void)::setsid();
    const Fd plan_fd(k_plan_fd);
    const Fd socket(k_start_fd);
    ::signal(SIGPIPE, SIG_IGN);
    const auto refuse_error = [&](const Error& error) {
        return refuse(socket.get(), failure(error.message(), error.sys_errno()));
    };

    const auto bytes = read_fd(plan_fd.get(), "exec plan");
    if (!bytes) return refuse_error(bytes.error());
    auto plan = from_wire<ExecPlan>(*bytes);
    if (!plan) return refuse_error(plan.error());
    auto target = PidFd::open(plan->target);
    if (!target) return refuse_error(target.error());
    if (!*target) return refuse(socket.get(), failure("enter the container: it is not running", ESRCH));
    const auto layout = sandbox::CgroupLayout::probe();
    if (!layout) return refuse_error(layout.error());
    const auto cgroup = sandbox::Cgroup::open(*layout, plan->cgroup_path, plan->controllers);
    if (!cgroup) return refuse_error(cgroup.error());

    sandbox::JoinInput input;
    input.process = &plan->process;
    input.cgroup = &*cgroup;
    input.target = (*target)->fd().get();
    for (int fd = 0; fd < 3; ++fd)
        input.streams[fd] = fd;
    auto launched = sandbox::launch_inside(input);
    if (!launched) return refuse_error(launched.error());
    // The process has its own copies; ours would keep the caller's pipes open after it.
    for (int fd = 0; fd < 3; ++fd)
        ::close(fd);

    Fd terminal;
    if (const auto failed = await_start(*launched, terminal)) {
        (void)sandbox::reap(*launched);
        return refuse(socket.get(), *failed);
    }
    StartReply started;
    started.phase = StartPhase::started;
    started.process = launched->process;
    std::vector<int> fds;
    if (terminal) fds.push_back(terminal.get());
    // A caller that is gone (a detached exec) does not end the process.
    (void)send_packet(socket.get(), to_wire(started), fds);
    follow_caller(socket.get(), launched->pidfd.get(), std::move(terminal));
    const auto status = sandbox::reap(*launched);
    ExitReply reply;
    reply.exit_code = status ? shell_exit_code(*status) : 255;
    (void)send_packet(socket.get(), to_wire(reply));
    return static_cast<int>(reply.exit_code);
}

} // namespace berth::monitor
