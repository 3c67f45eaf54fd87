#include "runtime/sandbox/launch.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/sandbox/child.hpp"
#include "runtime/sandbox/process_setup.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

struct Cloned {
    pid_t pid = -1; // 0 in the child
    Fd pidfd;
    bool in_unified = false;
};

Cloned clone_process(std::uint64_t namespaces, int unified_fd) {
    Cloned cloned;
    int pidfd = -1;
    sys::CloneArgs args;
    args.flags = namespaces | sys::k_clone_pidfd | sys::k_clone_clear_sighand;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (unified_fd >= 0) {
        args.flags |= sys::k_clone_into_cgroup;
        args.cgroup = static_cast<std::uint64_t>(unified_fd);
        cloned.in_unified = true;
    }
    cloned.pid = sys::clone3(args);
    if (cloned.pid < 0 && cloned.in_unified &&
        (errno == EINVAL || errno == EBADF || errno == E2BIG || errno == EOPNOTSUPP)) {
        // Linux before 5.7: the process is moved after the clone.
        args.flags &= ~sys::k_clone_into_cgroup;
        args.cgroup = 0;
        cloned.in_unified = false;
        cloned.pid = sys::clone3(args);
    }
    if (cloned.pid > 0) cloned.pidfd = Fd(pidfd);
    return cloned;
}

// A joined pid namespace only counts for children: entered here for the time of the clone.
class PidNamespaceVisit {
  public:
    [[nodiscard]] Status enter(const LaunchPlan& plan) {
        for (const auto& join : plan.join) {
            if (static_cast<std::uint64_t>(join.kind) != sys::k_clone_newpid) continue;
            own_ = Fd(::open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC));
            const Fd other(::open(join.path.c_str(), O_RDONLY | O_CLOEXEC));
            if (!own_ || !other || ::setns(other.get(), CLONE_NEWPID) != 0)
                return fail_errno(concat("join the pid namespace of ", join.path));
        }
        return {};
    }
    ~PidNamespaceVisit() {
        if (own_) (void)::setns(own_.get(), CLONE_NEWPID);
    }

  private:
    Fd own_;
};

Launched finish(Cloned cloned, SocketPair sockets) {
    Launched launched;
    launched.process.pid = cloned.pid;
    const auto start = process_start_time(cloned.pid);
    if (start && *start) launched.process.start_time = **start;
    launched.pidfd = std::move(cloned.pidfd);
    launched.sync = std::move(sockets.a);
    return launched;
}

[[noreturn]] void run_inside(const JoinInput& input, bool in_unified, const Reporter& reporter) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int signal = 1; signal < NSIG; ++signal)
        (void)::signal(signal, SIG_DFL);
    ::umask(022);
    // Before the container's mount namespace, where the host's cgroup folders cannot be seen.
    enter_cgroup(*input.cgroup, in_unified, reporter);
    if (!input.process->terminal) place_streams(input.streams, reporter);
    // All of the container's namespaces at once, by its pidfd (Linux 5.8); the pid namespace came with the
    // clone.
    constexpr int k_kinds = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (::setns(input.target, k_kinds) != 0) reporter.fail(Step::join_namespace, "of the container");
    const Fd proc = private_proc(reporter);
    if (input.process->terminal) {
        const Fd master = open_terminal(*input.process, false, reporter);
        reporter.send(SyncKind::terminal, master.get());
    }
    become_program(*input.process, proc, false, false, reporter);
}

} // namespace

Result<Launched> launch(const LaunchInput& input) {
    const LaunchPlan& plan = *input.plan;
    BERTH_ASSIGN_OR_RETURN(SocketPair sockets, make_socket_pair());
    // The cgroup namespace follows when the process is in its cgroups, and a mount namespace is what all the rest stands on.
    auto namespaces = (plan.new_namespaces & ~sys::k_clone_newcgroup) | sys::k_clone_newns;
    if (input.netns >= 0) namespaces &= ~sys::k_clone_newnet;
    PidNamespaceVisit visit;
    BERTH_TRY(visit.enter(plan));
    Cloned cloned = clone_process(namespaces, input.cgroup->unified_fd());
    if (cloned.pid < 0) return fail_errno("create the container's process");
    if (cloned.pid == 0) {
        sockets.a.reset(); // or the end of file would never come
        ChildInput child;
        child.plan = &plan;
        child.cgroup = input.cgroup;
        child.in_unified = cloned.in_unified;
        child.netns = input.netns;
        std::memcpy(child.streams, input.streams, sizeof child.streams);
        child.features = input.features;
        run_child(child, Reporter(sockets.b.get()));
    }
    sockets.b.reset();
    return finish(std::move(cloned), std::move(sockets));
}

Result<Launched> launch_inside(const JoinInput& input) {
    BERTH_ASSIGN_OR_RETURN(SocketPair sockets, make_socket_pair());
    const Fd own_pid_namespace(::open("/proc/self/ns/pid_for_children", O_RDONLY | O_CLOEXEC));
    if (!own_pid_namespace) return fail_errno("open '/proc/self/ns/pid_for_children'");
    if (::setns(input.target, CLONE_NEWPID) != 0)
        return fail_errno("join the pid namespace of the container");
    Cloned cloned = clone_process(0, input.cgroup->unified_fd());
    const int error = errno;
    if (cloned.pid == 0) {
        sockets.a.reset();
        run_inside(input, cloned.in_unified, Reporter(sockets.b.get()));
    }
    (void)::setns(own_pid_namespace.get(), CLONE_NEWPID);
    if (cloned.pid < 0) return fail_errno("create a process in the container", error);
    sockets.b.reset();
    return finish(std::move(cloned), std::move(sockets));
}

Lookup<SyncEvent> receive_sync(int sync) {
    SyncMessage message;
    iovec part{&message, sizeof message};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    auto got = ::recvmsg(sync, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    // A process that ends with a message of ours unread gives this error once, in front of what it said
    // itself.
    if (got < 0 && errno == ECONNRESET) got = ::recvmsg(sync, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    SyncEvent event;
    if (got < 0) {
        if (errno == EAGAIN || errno == EINTR) return std::optional<SyncEvent>();
        return fail_errno("read from the process that starts");
    }
    if (got == 0) {
        event.closed = true;
        return std::optional<SyncEvent>(std::move(event));
    }
    if (const cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr && item->cmsg_type == SCM_RIGHTS) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(item), sizeof fd);
        event.terminal = Fd(fd);
    }
    if (got != sizeof message)
        return fail(ErrorCode::internal, "read a damaged message of the process that starts");
    event.kind = message.kind;
    event.failure = message.failure;
    event.failure.detail[sizeof event.failure.detail - 1] = '\0';
    return std::optional<SyncEvent>(std::move(event));
}

Status send_sync(int sync, SyncKind kind) {
    SyncMessage message;
    message.kind = kind;
    if (::send(sync, &message, sizeof message, MSG_NOSIGNAL) != sizeof message) {
        // The child has ended: what it said is still to be read.
        if (errno == EPIPE || errno == ECONNRESET) return {};
        return fail_errno("write to the process that starts");
    }
    return {};
}

Result<int> reap(const Launched& launched) {
    int status = 0;
    for (;;) {
        const pid_t gone = ::waitpid(static_cast<pid_t>(launched.process.pid), &status, 0);
        if (gone > 0) return status;
        if (errno != EINTR) return fail_errno(concat("wait for process ", launched.process.pid));
    }
}

} // namespace berth::sandbox
