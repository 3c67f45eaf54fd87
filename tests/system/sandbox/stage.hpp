// stage.hpp - one container started through the real berth-monitor without the berth command: a hand-made
// bundle on a busybox root. Runs under `isolate`.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/base/process.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/container/state.hpp"
#include "runtime/monitor/protocol.hpp"
#include "runtime/sandbox/oci_spec.hpp"
#include "runtime/sandbox/root_tree.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace berth::test {

// What a run gave.
struct Outcome {
    monitor::StartReply start; // the last reply: started or failed
    runtime::ContainerState state;
    std::string out, err;
};

class Stage {
  public:
    Stage();
    ~Stage();
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    // The defaults of a container; tests change what they are about.
    oci::Spec spec;
    monitor::MonitorPlan plan; // all but `launch`, which prepare() compiles from the spec
    std::vector<std::uint8_t> seccomp;

    void shell(const std::string& script) { spec.process.args = {"/bin/sh", "-c", script}; }
    void in_layer(const std::string& path, const std::string& content,
                  unsigned mode = 0644); // a file of the image
    void link_in_layer(const std::string& path, const std::string& target);
    // An error of compile_bundle, as text; empty: fine.
    [[nodiscard]] std::string prepare();

    // Start to end, with all that was printed.
    Outcome run();
    // Started and left running.
    void start();
    [[nodiscard]] monitor::StartReply start_reply() const { return reply_; }
    [[nodiscard]] runtime::ContainerState
    wait_for(const std::function<bool(const runtime::ContainerState&)>& done);
    runtime::ContainerState wait_end();
    [[nodiscard]] Fd connect();
    monitor::Ack ask(const monitor::Request& request);
    runtime::ContainerState stop(std::int64_t timeout_ns = -1, int signal = 0);
    // exec: exit code and both outputs together; start failures give their reply's step as output.
    struct Exec {
        std::int64_t exit_code = 0;
        std::string output;
        monitor::StartReply reply;
    };
    Exec exec(std::vector<std::string> argv, const std::function<void(sandbox::ProcessPlan&)>& change = {},
              Fd* terminal = nullptr);
    [[nodiscard]] std::string log() const; // the text of container.log's records, decoded
    [[nodiscard]] std::string victim() const { return victim_; } // a host folder that must never change
    [[nodiscard]] bool victim_untouched() const;
    [[nodiscard]] const std::string& folder() const { return folder_; }
    [[nodiscard]] const std::string& layer() const { return layer_; }
    [[nodiscard]] std::string cgroup() const { return cgroup_; } // relative
    [[nodiscard]] pid_t monitor_pid() const { return static_cast<pid_t>(monitor_.pid); }
    Fd netns; // given to the container when valid

  private:
    void spawn_monitor();
    void attach_output(Fd out, Fd err, Fd in = Fd());
    void hand_shake(bool attach);
    std::string folder_, layer_, victim_, id_, cgroup_;
    ProcessId monitor_;
    Fd start_socket_, out_read_, err_read_, attach_socket_;
    monitor::StartReply reply_;
};

[[nodiscard]] std::string drain(int fd); // until end of file
// Until `text` has come. A terminal's last bytes are lost when its session leader ends before the kernel has passed
// them on (pty_flush_buffer), so a test lets the program wait for a word after what it wants to see.
[[nodiscard]] std::string read_until(int fd, std::string_view text);

} // namespace berth::test
