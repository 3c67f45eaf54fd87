// supervisor.hpp - the life of one container as its parent sees it: start, run, stop, restart by policy, the
// record of its end. One object a monitor; everything happens in its event loop, nothing in it ever polls or
// sleeps. Core.
//
//      starting --ready/go--> running --exit--> (restarting --back-off--> starting) | exited, the monitor
//      ends
//
// Invariant: the record on disk is written before anybody is told of a change.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/control_server.hpp"
#include "runtime/monitor/health.hpp"
#include "runtime/monitor/names/server.hpp"
#include "runtime/monitor/protocol.hpp"
#include "runtime/monitor/relay.hpp"
#include "runtime/monitor/streams.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/launch.hpp"

#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace berth::monitor {

class Supervisor {
  public:
    Supervisor(EventLoop loop, MonitorPlan plan, Fd start_socket, Fd netns, std::vector<Fd> ports,
               std::vector<Fd> start_locks);
    // Runs the container to its final end. The exit status is the monitor's own.
    [[nodiscard]] int run();

  private:
    Status set_up();
    // One run of the container.
    void begin();
    Status launch_process();
    void on_sync();
    void on_sync_event(sandbox::SyncEvent event);
    void on_start_socket();
    void go();
    void started();
    void start_failed(StartReply reply);
    void on_exit();
    void finish_run();
    void end();
    [[nodiscard]] bool is_cleaned_up();

    // Requests.
    [[nodiscard]] Ack attach(int client, const Request& request, std::vector<Fd> fds);
    [[nodiscard]] Ack act(const Request& request);
    [[nodiscard]] Ack stop(int client, const Request& request);
    [[nodiscard]] Ack send_signal(int signal);
    [[nodiscard]] Ack update_names(const Request& request);
    // Its connection, or what it had for the output, has ended on its side.
    void client_gone(int client);
    void on_signal();
    void reap_orphans();
    void begin_stop(int signal, std::int64_t timeout_ns);
    void kill_all();

    void publish(bool durable = false);
    void on_health(runtime::Health health, std::int64_t streak, const runtime::ProbeResult& probe);
    [[nodiscard]] bool may_restart() const;

    EventLoop loop_;
    MonitorPlan plan_;
    Fd start_socket_;
    Fd netns_;
    std::vector<Fd> ports_;
    std::unique_ptr<Relay> relay_; // watches some of them
    std::vector<Fd> start_locks_;  // until the start is over
    Fd signals_;
    runtime::ContainerState state_;
    std::optional<sandbox::Cgroup> cgroup_;
    std::optional<sandbox::Launched> process_;
    std::unique_ptr<Streams> streams_;
    std::unique_ptr<ControlServer> control_;
    std::unique_ptr<HealthMonitor> health_;
    std::unique_ptr<names::NameServer> names_;
    std::vector<int> stop_clients_;
    std::map<int, int> leashes_; // attached client -> signal for the container when it is gone
    EventLoop::TimerId stop_timer_ = 0;
    EventLoop::TimerId restart_timer_ = 0;
    std::chrono::nanoseconds back_off_{0};
    std::chrono::nanoseconds running_since_{0};
    std::uint64_t oom_kills_before_ = 0;
    bool ready_ = false; // the child waits for "go"
    bool went_ = false;  // "go" has been sent
    bool ended_ = false;
    int exit_status_ = 0;
};

} // namespace berth::monitor
