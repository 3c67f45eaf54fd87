// berth-monitor: the process that supervises one container (`run`) or one exec in it (`exec`). Started by
// berth only; what it is to do comes in descriptors (protocol.hpp), so that nothing of it shows in ps.
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/exec_mode.hpp"
#include "runtime/monitor/self_seal.hpp"
#include "runtime/monitor/supervisor.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

constexpr int k_exit_usage = 125;

void say(std::string_view text) {
    [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
}

// Nothing of the caller survives but what it handed over: signals, groups, folder, mask, rights to look at
// us.
void shed_caller() {
    for (int signal = 1; signal < NSIG; ++signal)
        (void)::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)::setgroups(0, nullptr);
    (void)::clearenv();
    (void)::chdir("/");
    ::umask(077);
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    // 0, 1 and 2 must be taken, or the next descriptor of ours would be somebody's output.
    for (int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC); fd >= 0;
         fd = ::open("/dev/null", O_RDWR | O_CLOEXEC)) {
        if (fd <= 2) continue;
        ::close(fd);
        break;
    }
}

int run_container() {
    Fd plan_fd(k_plan_fd);
    Fd start(k_start_fd);
    (void)::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    ::signal(SIGPIPE, SIG_IGN);
    const auto report = [&](const Error& error) {
        StartReply reply;
        reply.step = error.message();
        reply.error_number = error.sys_errno();
        reply.exit_code = sandbox::k_exit_engine;
        (void)send_packet(start.get(), to_wire(reply));
        return sandbox::k_exit_engine;
    };
    Result<MonitorPlan> plan = fail(ErrorCode::internal, "");
    {
        const auto bytes = read_fd(plan_fd.get(), "launch plan");
        if (!bytes) return report(bytes.error());
        plan = from_wire<MonitorPlan>(*bytes);
        if (!plan) return report(plan.error());
    }
    plan_fd.reset();
    Fd netns(plan->has_netns ? k_netns_fd : -1);
    std::vector<Fd> ports;
    for (std::int64_t i = 0; i < plan->port_fds; ++i)
        ports.emplace_back(k_first_port_fd + static_cast<int>(i));
    const int first_lock = k_first_port_fd + static_cast<int>(plan->port_fds);
    std::vector<Fd> locks;
    for (std::int64_t i = 0; i < plan->lock_fds; ++i)
        locks.emplace_back(first_lock + static_cast<int>(i));
    const int end = first_lock + static_cast<int>(plan->lock_fds);
    for (int fd = k_start_fd; fd < end; ++fd)
        (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)::close_range(static_cast<unsigned>(end), ~0U, 0);
    auto loop = EventLoop::make();
    if (!loop) return report(loop.error());
    Supervisor supervisor(std::move(*loop), std::move(*plan), std::move(start), std::move(netns),
                          std::move(ports), std::move(locks));
    return supervisor.run();
}

int run(int argc, char** argv) {
    const std::string_view mode = argc > 1 ? argv[1] : "";
    if (mode != "run" && mode != "exec") {
        say("berth-monitor is started by berth; it is of no use by hand\n");
        return k_exit_usage;
    }
    const std::string_view last = argv[argc - 1];
    if (!last.starts_with(k_sealed_flag)) {
        const auto status = become_sealed(argc, argv);
        say(concat("berth-monitor: ", status.error().to_string(), "\n"));
        return k_exit_usage;
    }
    const auto mount = parse_integer(last.substr(std::string_view(k_sealed_flag).size()), -1);
    forbid_execution(mount ? static_cast<int>(*mount) : -1);
    shed_caller();
    // A small heap that goes back to the kernel: this process lives as long as its container.
    (void)::mallopt(M_TRIM_THRESHOLD, 64 << 10);
    (void)::mallopt(M_MMAP_THRESHOLD, 64 << 10);
    (void)::mallopt(M_TOP_PAD, 16 << 10);
    return mode == "run" ? run_container() : run_exec();
}

} // namespace

} // namespace berth::monitor

int main(int argc, char** argv) {
    return berth::monitor::run(argc, argv);
}
