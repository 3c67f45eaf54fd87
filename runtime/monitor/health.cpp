#include "runtime/monitor/health.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <algorithm>
#include <csignal>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t k_most_output = 4096; // as docker
constexpr std::int64_t k_default_retries = 3;

std::chrono::nanoseconds or_default(std::int64_t value) {
    return value > 0 ? std::chrono::nanoseconds(value) : std::chrono::nanoseconds(30s);
}

} // namespace

HealthSchedule::HealthSchedule(const HealthPlan& plan)
    : interval_(or_default(plan.interval_ns)), start_period_(std::max<std::int64_t>(plan.start_period_ns, 0)),
      start_interval_(std::max<std::int64_t>(plan.start_interval_ns, 0)),
      retries_(plan.retries > 0 ? plan.retries : k_default_retries) {}

std::chrono::nanoseconds HealthSchedule::next_delay(std::chrono::nanoseconds since_start) {
    if (succeeded_) return interval_;
    if (start_interval_ > 0ns && since_start < start_period_) return start_interval_;
    const auto delay = std::min(warm_up_, interval_);
    warm_up_ = delay * 2;
    return delay;
}

bool HealthSchedule::judge(bool success, std::chrono::nanoseconds since_start) {
    const auto before_status = status_;
    const auto before_streak = streak_;
    if (success) {
        succeeded_ = true;
        streak_ = 0;
        status_ = runtime::Health::healthy;
    } else if (succeeded_ || (since_start >= start_period_ && since_start - last_counted_ >= interval_)) {
        last_counted_ = since_start;
        if (++streak_ >= retries_) status_ = runtime::Health::unhealthy;
    }
    return status_ != before_status || streak_ != before_streak;
}

HealthMonitor::HealthMonitor(EventLoop& loop, const HealthPlan& plan, const sandbox::Cgroup& container,
                             int container_pidfd, Report report)
    : loop_(loop), plan_(plan), container_(container_pidfd), report_(std::move(report)), schedule_(plan),
      start_(boottime_now()) {
    auto child = container.make_child("health");
    if (child) cgroup_ = std::move(*child);
    schedule();
}

HealthMonitor::~HealthMonitor() {
    if (timer_ != 0) loop_.cancel(timer_);
    stop_probe();
}

void HealthMonitor::schedule() {
    timer_ = loop_.after(schedule_.next_delay(boottime_now() - start_), [this] {
        timer_ = 0;
        probe();
    });
}

void HealthMonitor::probe() {
    started_at_ = to_rfc3339(wall_now());
    text_.clear();
    failure_.reset();
    timed_out_ = false;
    auto pipe = make_pipe();
    if (!cgroup_ || !pipe || !set_nonblocking(pipe->read.get(), true)) return finish(-1);
    sandbox::JoinInput input;
    input.process = &plan_.process;
    input.cgroup = &*cgroup_;
    input.target = container_;
    input.streams[1] = input.streams[2] = pipe->write.get();
    auto launched = sandbox::launch_inside(input);
    if (!launched) {
        text_ = launched.error().to_string();
        return finish(-1);
    }
    running_ = std::move(*launched);
    output_ = std::move(pipe->read);
    (void)loop_.watch(output_.get(), EPOLLIN, [this](EventLoop::Events) { read_output(); });
    (void)loop_.watch(running_->sync.get(), EPOLLIN, [this](EventLoop::Events) { on_sync(); });
    (void)loop_.watch(running_->pidfd.get(), EPOLLIN, [this](EventLoop::Events) { on_exit(); });
    timer_ = loop_.after(or_default(plan_.timeout_ns), [this] {
        timer_ = 0;
        timed_out_ = true;
        stop_probe();
        finish(-1);
    });
}

void HealthMonitor::read_output() {
    char bytes[4096];
    for (;;) {
        const auto got = ::read(output_.get(), bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return;
        if (got == 0) {
            loop_.unwatch(output_.get());
            output_.reset();
            return;
        }
        // All of it is read, or a talkative probe would hang; what is too much is let go.
        if (text_.size() < k_most_output)
            text_.append(bytes, std::min(static_cast<std::size_t>(got), k_most_output - text_.size()));
    }
}

void HealthMonitor::on_sync() {
    auto event = sandbox::receive_sync(running_->sync.get());
    if (event && !*event) return;
    if (event && (*event)->kind == sandbox::SyncKind::failure && !(*event)->closed)
        failure_ = (*event)->failure;
    loop_.unwatch(running_->sync.get());
    running_->sync.reset();
}

void HealthMonitor::on_exit() {
    if (running_->sync) on_sync();
    if (output_) read_output();
    loop_.unwatch(running_->pidfd.get());
    const auto status = sandbox::reap(*running_);
    running_->process.pid = 0;
    std::int64_t code = status ? shell_exit_code(*status) : 255;
    if (failure_) {
        text_ = concat(sandbox::step_words(failure_->step), " ", failure_->detail, ": ",
                       errno_text(failure_->error));
        code = failure_->exit_code;
    }
    stop_probe();
    finish(code);
}

// Ends whatever is left of the probe, daemonised children included: its cgroup is killed as one.
void HealthMonitor::stop_probe() {
    if (!running_) return;
    if (cgroup_ && cgroup_->populated()) (void)cgroup_->clear();
    if (running_->process.pid != 0) {
        (void)sandbox::sys::pidfd_send_signal(running_->pidfd.get(), SIGKILL);
        loop_.unwatch(running_->pidfd.get());
        (void)sandbox::reap(*running_);
    }
    if (running_->sync) loop_.unwatch(running_->sync.get());
    if (output_) {
        read_output();
        if (output_) loop_.unwatch(output_.get());
        output_.reset();
    }
    running_.reset();
}

void HealthMonitor::finish(std::int64_t exit_code) {
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    if (timed_out_)
        text_ = concat("Health check exceeded timeout (", or_default(plan_.timeout_ns).count() / 1'000'000,
                       "ms): ", text_);
    runtime::ProbeResult result{started_at_, to_rfc3339(wall_now()), exit_code,
                                text_.substr(0, k_most_output)};
    (void)schedule_.judge(exit_code == 0, boottime_now() - start_);
    schedule();
    // Last: the report may end the whole container.
    report_(schedule_.status(), schedule_.streak(), result);
}

} // namespace berth::monitor
