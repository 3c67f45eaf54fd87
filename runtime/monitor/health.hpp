// health.hpp - the health probes of one container: when the next one is due, running it inside the container
// with the container's own policy, judging its result. Core.
//
// Until the first success probes begin 20 ms after the start and double up to the interval, so that a service
// which is ready early is known to be so; a failure counts towards `retries` only once an interval and after
// the start period, so that a slow one is judged as Docker would. From the first success on, one probe an
// interval.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/protocol.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/launch.hpp"

#include <chrono>
#include <functional>
#include <optional>

namespace berth::monitor {

// The arithmetic of the probes, apart from running them. Pure.
class HealthSchedule {
  public:
    explicit HealthSchedule(const HealthPlan& plan);
    // Delay from now (time since the container's start) to the next probe.
    [[nodiscard]] std::chrono::nanoseconds next_delay(std::chrono::nanoseconds since_start);
    // true: the status or the streak has changed.
    bool judge(bool success, std::chrono::nanoseconds since_start);
    [[nodiscard]] runtime::Health status() const { return status_; }
    [[nodiscard]] std::int64_t streak() const { return streak_; }

  private:
    std::chrono::nanoseconds interval_, start_period_, start_interval_;
    std::int64_t retries_;
    std::chrono::nanoseconds warm_up_{20'000'000};
    std::chrono::nanoseconds last_counted_{0};
    runtime::Health status_ = runtime::Health::starting;
    std::int64_t streak_ = 0;
    bool succeeded_ = false;
};

class HealthMonitor {
  public:
    using Report = std::function<void(runtime::Health, std::int64_t streak, const runtime::ProbeResult&)>;
    HealthMonitor(EventLoop& loop, const HealthPlan& plan, const sandbox::Cgroup& container,
                  int container_pidfd, Report report);
    ~HealthMonitor(); // ends a running probe
    [[nodiscard]] bool owns(pid_t pid) const { return running_ && running_->process.pid == pid; }
    HealthMonitor(const HealthMonitor&) = delete;
    HealthMonitor& operator=(const HealthMonitor&) = delete;

  private:
    void schedule();
    void probe();
    void read_output();
    void on_sync();
    void on_exit();
    void finish(std::int64_t exit_code);
    void stop_probe();

    EventLoop& loop_;
    const HealthPlan& plan_;
    int container_;
    Report report_;
    HealthSchedule schedule_;
    std::chrono::nanoseconds start_;
    std::optional<sandbox::Cgroup>
        cgroup_; // a folder of its own below the container's: a timeout kills all of it
    std::optional<sandbox::Launched> running_;
    Fd output_;
    std::string text_;
    std::string started_at_;
    std::optional<sandbox::ChildFailure> failure_;
    bool timed_out_ = false;
    EventLoop::TimerId timer_ = 0;
};

} // namespace berth::monitor
