// The part of Supervisor that answers requests and signals.
#include "runtime/monitor/supervisor.hpp"

#include "runtime/sandbox/syscalls.hpp"

#include <csignal>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

Ack refusal(std::string message, int error = 0) {
    Ack ack;
    ack.ok = false;
    ack.error_number = error;
    ack.message = std::move(message);
    return ack;
}

} // namespace

Ack Supervisor::attach(int client, const Request& request, std::vector<Fd> fds) {
    const std::size_t wanted = static_cast<std::size_t>(request.want_stdin) +
                               static_cast<std::size_t>(request.want_stdout) +
                               static_cast<std::size_t>(request.want_stderr);
    if (fds.size() != wanted)
        return refusal("attach: another number of descriptors came than was announced", EINVAL);
    std::size_t next = 0;
    Streams::ClientFds streams;
    if (request.want_stdin) streams.in = std::move(fds[next++]);
    if (request.want_stdout) streams.out = std::move(fds[next++]);
    if (request.want_stderr) streams.err = std::move(fds[next++]);
    if (request.rows != 0 || request.columns != 0) (void)streams_->resize(request.rows, request.columns);
    streams_->attach(client, std::move(streams));
    if (request.signal != 0) leashes_[client] = static_cast<int>(request.signal);
    return {};
}

void Supervisor::client_gone(int client) {
    if (const auto leash = leashes_.extract(client)) (void)send_signal(leash.mapped());
}

Ack Supervisor::act(const Request& request) {
    switch (request.kind) {
    case RequestKind::resize: {
        const auto done = streams_->resize(request.rows, request.columns);
        return done ? Ack{} : refusal(done.error().message(), done.error().sys_errno());
    }
    case RequestKind::signal:
        return send_signal(static_cast<int>(request.signal));
    case RequestKind::update_names:
        return update_names(request);
    case RequestKind::attach:
    case RequestKind::stop:
    case RequestKind::watch:
    case RequestKind::cleaned:
    case RequestKind::thaw_after:
        break;
    }
    return refusal("unknown request", EINVAL);
}

Ack Supervisor::send_signal(int signal) {
    if (!process_ || state_.status != runtime::Status::running)
        return refusal("the container is not running", ESRCH);
    // As docker kill: the policy does not bring back what was ended by hand. Other signals end nothing by
    // themselves.
    if (signal == SIGKILL || signal == plan_.stop_signal) state_.stopped_by_user = true;
    if (sandbox::sys::pidfd_send_signal(process_->pidfd.get(), signal) != 0)
        return refusal(concat("send signal ", signal), errno);
    return {};
}

Ack Supervisor::update_names(const Request& request) {
    plan_.names = request.names;
    plan_.name_files = request.name_files;
    if (!plan_.names.serve) {
        names_.reset();
        return {};
    }
    if (names_) {
        names_->update(plan_.names);
        return {};
    }
    if (!netns_) return refusal("serve names: the container has no network of its own");
    auto started = names::NameServer::start(loop_, plan_.names, netns_.get());
    if (!started) return refusal(started.error().message(), started.error().sys_errno());
    names_ = std::move(*started);
    return {};
}

Ack Supervisor::stop(int client, const Request& request) {
    stop_clients_.push_back(client);
    const int signal =
        request.signal != 0 ? static_cast<int>(request.signal) : static_cast<int>(plan_.stop_signal);
    const auto timeout = request.timeout_ns == -1 ? plan_.stop_timeout_ns : request.timeout_ns;
    // After the answer: the client hears "yes" before it hears of the end.
    loop_.after(std::chrono::nanoseconds(0), [this, signal, timeout] { begin_stop(signal, timeout); });
    return {};
}

void Supervisor::begin_stop(int signal, std::int64_t timeout_ns) {
    state_.stopped_by_user = true;
    if (restart_timer_ != 0) { // between two runs
        loop_.cancel(std::exchange(restart_timer_, 0));
        return end();
    }
    if (!process_) return;
    if (!went_ || timeout_ns == 0) return kill_all();
    (void)sandbox::sys::pidfd_send_signal(process_->pidfd.get(), signal);
    (void)cgroup_->freeze(false); // a paused container could never obey
    if (stop_timer_ != 0) loop_.cancel(std::exchange(stop_timer_, 0));
    if (timeout_ns < 0) return; // for as long as it takes
    stop_timer_ = loop_.after(std::chrono::nanoseconds(timeout_ns), [this] {
        stop_timer_ = 0;
        kill_all();
    });
}

void Supervisor::kill_all() {
    // The first process by its own name as well: it is the one whose end we wait for, also where no
    // cgroup.kill is.
    if (process_) (void)sandbox::sys::pidfd_send_signal(process_->pidfd.get(), SIGKILL);
    (void)cgroup_->kill();
}

void Supervisor::on_signal() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
        // The host shuts down, or somebody means the container: it is stopped as `berth stop` does.
        if (info.ssi_signo != SIGCHLD) begin_stop(static_cast<int>(plan_.stop_signal), plan_.stop_timeout_ns);
    }
    reap_orphans();
}

// What came to us as the subreaper (a container in the host's pid namespace). Our own children are reaped
// where their pidfds are read; while one of them is next in the queue, the others wait behind it.
void Supervisor::reap_orphans() {
    for (;;) {
        siginfo_t child{};
        if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0 || child.si_pid == 0) return;
        if ((process_ && child.si_pid == process_->process.pid) || (health_ && health_->owns(child.si_pid)))
            return;
        (void)::waitpid(child.si_pid, nullptr, WNOHANG);
    }
}

} // namespace berth::monitor
