#include "runtime/monitor/supervisor.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/state_file.hpp"

#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

using namespace std::chrono_literals;
using runtime::Status;

constexpr auto k_first_back_off = 100ms;
constexpr auto k_most_back_off = 60s;
constexpr auto k_cleaner_patience = 2s;
constexpr auto k_proven_after = 10s; // as docker: a run of this length forgives the earlier failures

StartReply failure_reply(const sandbox::ChildFailure& failure) {
    StartReply reply;
    reply.phase = StartPhase::failed;
    reply.step = sandbox::step_words(failure.step);
    reply.error_number = failure.error;
    reply.detail = failure.detail;
    reply.exit_code = failure.exit_code;
    return reply;
}

StartReply error_reply(const Error& error) {
    StartReply reply;
    reply.phase = StartPhase::failed;
    reply.step = error.message();
    reply.error_number = error.sys_errno();
    reply.exit_code = sandbox::k_exit_engine;
    return reply;
}

std::string reply_text(const StartReply& reply) {
    std::string text = reply.detail.empty() ? reply.step : concat(reply.step, " ", reply.detail);
    if (reply.error_number != 0) text += concat(": ", errno_text(static_cast<int>(reply.error_number)));
    return text;
}

} // namespace

Supervisor::Supervisor(EventLoop loop, MonitorPlan plan, Fd start_socket, Fd netns, std::vector<Fd> ports,
                       std::vector<Fd> start_locks)
    : loop_(std::move(loop)), plan_(std::move(plan)), start_socket_(std::move(start_socket)),
      netns_(std::move(netns)), ports_(std::move(ports)), start_locks_(std::move(start_locks)) {
    state_.status = Status::starting;
    state_.boot_id = plan_.boot_id;
    state_.monitor = own_process_id();
    state_.restart_count = plan_.restart_count;
}

int Supervisor::run() {
    if (auto status = set_up(); !status) {
        (void)send_packet(start_socket_.get(), to_wire(error_reply(status.error())));
        return sandbox::k_exit_engine;
    }
    begin();
    while (!ended_)
        if (!loop_.one()) return sandbox::k_exit_engine;
    return exit_status_;
}

berth::Status Supervisor::set_up() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGCHLD})
        sigaddset(&wanted, signal);
    if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0) return fail_errno("block signals");
    signals_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return fail_errno("make a signal descriptor");
    BERTH_TRY(loop_.watch(signals_.get(), EPOLLIN, [this](EventLoop::Events) { on_signal(); }));

    BERTH_ASSIGN_OR_RETURN(const auto layout, sandbox::CgroupLayout::probe());
    BERTH_ASSIGN_OR_RETURN(cgroup_, sandbox::Cgroup::create(layout, plan_.launch.cgroup));

    ControlServer::Handlers handlers;
    handlers.attach = [this](int client, const Request& request, std::vector<Fd> fds) {
        return attach(client, request, std::move(fds));
    };
    handlers.client_closed = [this](int client) {
        streams_->detach(client);
        client_gone(client);
    };
    handlers.act = [this](const Request& request) { return act(request); };
    handlers.stop = [this](int client, const Request& request) { return stop(client, request); };
    handlers.state = [this] { return state_; };
    handlers.thaw = [this] {
        if (cgroup_) (void)cgroup_->freeze(false);
    };
    control_ = std::make_unique<ControlServer>(loop_, std::move(handlers));
    BERTH_TRY(control_->listen(plan_.exec_dir));

    Streams::Options options{plan_.launch.process.terminal, plan_.open_stdin, plan_.stdin_once,
                             plan_.container_dir};
    streams_ = std::make_unique<Streams>(
        loop_, std::move(options), plan_.log, [this](int client, DetachReason reason) {
            if (reason == DetachReason::too_slow)
                control_->send_event(client, {AttachEventKind::too_slow, ""});
            if (reason == DetachReason::client_gone) client_gone(client);
            control_->close_client(client);
        });
    if (start_socket_)
        BERTH_TRY(
            loop_.watch(start_socket_.get(), EPOLLIN, [this](EventLoop::Events) { on_start_socket(); }));
    if (plan_.names.serve && netns_) {
        BERTH_ASSIGN_OR_RETURN(names_, names::NameServer::start(loop_, plan_.names, netns_.get()));
    }
    if (!plan_.relays.empty()) {
        BERTH_ASSIGN_OR_RETURN(relay_, Relay::start(loop_, plan_.relays, ports_));
    }
    return {};
}

void Supervisor::begin() {
    ready_ = went_ = false;
    state_.status = Status::starting;
    state_.error.clear();
    state_.oom_killed = false;
    if (auto status = launch_process(); !status) start_failed(error_reply(status.error()));
}

berth::Status Supervisor::launch_process() {
    oom_kills_before_ = cgroup_->oom_kills();
    BERTH_ASSIGN_OR_RETURN(const auto ends, streams_->open());
    sandbox::LaunchInput input;
    input.plan = &plan_.launch;
    input.cgroup = &*cgroup_;
    input.netns = netns_ ? netns_.get() : -1;
    for (std::size_t i = 0; i < 3; ++i)
        input.streams[i] = ends[i].get();
    BERTH_ASSIGN_OR_RETURN(process_, sandbox::launch(input));
    state_.process = process_->process;
    BERTH_TRY(loop_.watch(process_->sync.get(), EPOLLIN, [this](EventLoop::Events) { on_sync(); }));
    BERTH_TRY(loop_.watch(process_->pidfd.get(), EPOLLIN, [this](EventLoop::Events) { on_exit(); }));
    return streams_->start_reading();
}

void Supervisor::on_sync() {
    while (process_ && process_->sync) {
        auto event = sandbox::receive_sync(process_->sync.get());
        if (!event) {
            loop_.unwatch(process_->sync.get());
            process_->sync.reset();
            return kill_all();
        }
        if (!*event) return;
        on_sync_event(std::move(**event));
    }
}

void Supervisor::on_sync_event(sandbox::SyncEvent event) {
    if (event.closed) {
        loop_.unwatch(process_->sync.get());
        process_->sync.reset();
        if (went_) return started();
        return; // it died without a word; its exit tells the rest
    }
    switch (event.kind) {
    case sandbox::SyncKind::terminal:
        streams_->set_terminal(std::move(event.terminal));
        (void)streams_->start_reading();
        return;
    case sandbox::SyncKind::ready: {
        // Said before the kill of a start that was given up reached it: "go" would show it as running, and tell the next
        // command that it is up.
        if (state_.stopped_by_user) return;
        ready_ = true;
        if (!start_socket_) return go();
        StartReply reply;
        reply.phase = StartPhase::created;
        reply.process = state_.process;
        (void)send_packet(start_socket_.get(), to_wire(reply));
        return;
    }
    case sandbox::SyncKind::failure: {
        loop_.unwatch(process_->sync.get());
        process_->sync.reset();
        return start_failed(failure_reply(event.failure));
    }
    case sandbox::SyncKind::go:
        return;
    }
}

// "go" from the command that starts the container; its end of the socket closed means that it gave up.
void Supervisor::on_start_socket() {
    const auto packet = receive_packet(start_socket_.get());
    if (packet && *packet && ready_ && !went_) {
        control_->drain(); // those who attached before the "go" miss nothing
        return go();
    }
    if (packet && *packet) return;
    loop_.unwatch(start_socket_.get());
    start_socket_.reset();
    if (went_) return; // it runs: nobody has to wait for the news
    state_.stopped_by_user = true;
    state_.error = "the command that started the container was interrupted";
    exit_status_ = sandbox::k_exit_engine;
    kill_all();
}

void Supervisor::go() {
    went_ = true;
    (void)sandbox::send_sync(process_->sync.get(), sandbox::SyncKind::go);
}

void Supervisor::started() {
    running_since_ = boottime_now();
    state_.status = Status::running;
    state_.started_at = to_rfc3339(wall_now());
    state_.exit_code = 0;
    state_.failing_streak = 0;
    state_.probes.clear();
    state_.health = plan_.has_health ? runtime::Health::starting : runtime::Health::none;
    publish();
    start_locks_.clear();
    if (start_socket_) {
        StartReply reply;
        reply.phase = StartPhase::started;
        reply.process = state_.process;
        (void)send_packet(start_socket_.get(), to_wire(reply));
        loop_.unwatch(start_socket_.get());
        start_socket_.reset();
    }
    if (plan_.has_health)
        health_ = std::make_unique<HealthMonitor>(
            loop_, plan_.health, *cgroup_, process_->pidfd.get(),
            [this](runtime::Health health, std::int64_t streak, const runtime::ProbeResult& probe) {
                on_health(health, streak, probe);
            });
}

// The process did not get as far as its program. The first time the command is told and everything goes; on a
// restart the policy decides.
void Supervisor::start_failed(StartReply reply) {
    state_.error = reply_text(reply);
    state_.exit_code = reply.exit_code;
    if (start_socket_) {
        (void)send_packet(start_socket_.get(), to_wire(reply));
        loop_.unwatch(start_socket_.get());
        start_socket_.reset();
        state_.stopped_by_user = true; // no restart of what has never run
        exit_status_ = static_cast<int>(reply.exit_code);
    }
    if (process_) return; // its exit follows
    finish_run();
}

void Supervisor::on_exit() {
    loop_.unwatch(process_->pidfd.get());
    // What it said last comes before its end: a failure, or the end of file of a program that ran very
    // shortly.
    on_sync();
    health_.reset();
    const auto status = sandbox::reap(*process_);
    if (process_->sync) loop_.unwatch(process_->sync.get());
    const bool ran = state_.status == Status::running;
    process_.reset();
    reap_orphans();
    if (ran || state_.error.empty()) state_.exit_code = status ? shell_exit_code(*status) : 255;
    state_.oom_killed = ran && cgroup_->oom_kills() > oom_kills_before_;
    // Processes that pid 1 leaves behind: in a pid namespace of its own there are none, with the host's there
    // may be.
    if (cgroup_->populated()) {
        (void)cgroup_->clear();
        (void)cgroup_->wait_empty(5s);
    }
    finish_run();
}

void Supervisor::finish_run() {
    if (stop_timer_ != 0) loop_.cancel(std::exchange(stop_timer_, 0));
    const bool ran = state_.status == Status::running;
    state_.process = {};
    state_.finished_at = to_rfc3339(wall_now());
    streams_->close_run();
    if (ran && boottime_now() - running_since_ >= k_proven_after) back_off_ = 0ns;
    if (may_restart()) {
        back_off_ = back_off_ == 0ns ? std::chrono::nanoseconds(k_first_back_off)
                                     : std::min<std::chrono::nanoseconds>(back_off_ * 2, k_most_back_off);
        state_.status = Status::restarting;
        ++state_.restart_count;
        state_.health = runtime::Health::none;
        publish();
        restart_timer_ = loop_.after(back_off_, [this] {
            restart_timer_ = 0;
            begin();
        });
        return;
    }
    end();
}

bool Supervisor::may_restart() const {
    if (state_.stopped_by_user) return false;
    switch (plan_.restart.kind) {
    case RestartKind::no:
        return false;
    case RestartKind::on_failure:
        return state_.exit_code != 0 &&
               (plan_.restart.max_retries == 0 ||
                state_.restart_count - plan_.restart_count < plan_.restart.max_retries);
    case RestartKind::always:
    case RestartKind::unless_stopped:
        return true;
    }
    return false;
}

// The final end: nothing of the container is left but its record when anybody hears of it.
void Supervisor::end() {
    state_.status = Status::exited;
    if (state_.health != runtime::Health::none) state_.health = runtime::Health::unhealthy;
    names_.reset();
    for (const auto& file : plan_.name_files)
        (void)remove_file(file);
    control_->stop_listening();
    (void)cgroup_->remove();
    netns_.reset();
    relay_.reset();
    ports_.clear();
    publish(!plan_.auto_remove);
    start_locks_.clear();
    for (const int client : stop_clients_)
        control_->send_final(client, state_);
    if (!plan_.exit_command.empty() && !is_cleaned_up()) {
        SpawnOptions options;
        options.program = plan_.exit_command.front();
        options.argv = plan_.exit_command;
        options.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
        (void)spawn(options);
    }
    ended_ = true;
    // Clients that read slowly still get all of the output that there was.
    while (streams_->has_clients())
        if (!loop_.one()) break;
}

// The client that waits for the end takes down what is left sooner than a command that has yet to be started. One that is
// killed closes its connection, and one that stands still is not waited for.
bool Supervisor::is_cleaned_up() {
    bool late = false;
    const auto patience = loop_.after(k_cleaner_patience, [&late] { late = true; });
    while (!control_->cleaned() && control_->has_cleaners() && !late)
        if (!loop_.one()) break;
    if (!late) loop_.cancel(patience);
    return control_->cleaned() && (control_->removed() || !plan_.auto_remove);
}

void Supervisor::publish(bool durable) {
    (void)write_state(plan_.container_dir, state_);
    control_->push_state(state_);
    if (durable) sync_state(plan_.container_dir);
}

void Supervisor::on_health(runtime::Health health, std::int64_t streak, const runtime::ProbeResult& probe) {
    constexpr std::size_t k_probes_kept = 5;
    const bool changed = health != state_.health;
    state_.health = health;
    state_.failing_streak = streak;
    state_.probes.push_back(probe);
    if (state_.probes.size() > k_probes_kept) state_.probes.erase(state_.probes.begin());
    (void)write_state(plan_.container_dir, state_);
    if (changed) control_->push_state(state_);
}

} // namespace berth::monitor
