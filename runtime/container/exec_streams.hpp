// exec_streams.hpp - copying between the caller's streams and those of a process in a container. The process
// never gets the caller's own descriptors: through /proc/self/fd it could open the caller's file or terminal
// anew, with other rights.
#pragma once

#include "runtime/container/detach_keys.hpp"
#include "runtime/container/exec.hpp"

#include <array>

namespace berth::runtime {

class ExecStreams {
  public:
    // Pipes for the streams that are wanted, /dev/null for the others; with a terminal /dev/null until
    // set_terminal().
    [[nodiscard]] static Result<ExecStreams> make(const ExecRequest& request, const AttachStreams& streams,
                                                  int resize_fd);
    [[nodiscard]] int inside(int stream) const; // the process's descriptor of 0, 1, 2
    void close_inside();
    void set_terminal(Fd master);
    // Until the process has ended and all its output was copied; its exit code. Empty: the user detached.
    [[nodiscard]] Lookup<int> run(const Context& context, int result_socket);

  private:
    // One direction: what was read and not yet written waits here.
    struct Flow {
        int from = -1, to = -1; // -1: ended
        std::string waiting;
    };
    [[nodiscard]] berth::Status read_flow(Flow& flow);
    void take_input(Flow& flow, std::string_view bytes);
    [[nodiscard]] berth::Status write_flow(Flow& flow);
    void end_input();
    void take_resize();
    [[nodiscard]] bool output_ended() const;

    AttachStreams caller_;
    int resize_fd_ = -1;
    bool terminal_ = false, detached_ = false;
    DetachKeys keys_;
    Fd null_;
    std::array<Fd, 3> inside_; // invalid: /dev/null
    std::array<Fd, 3> ours_;
    Fd master_;
    std::array<Flow, 3> flows_;
};

} // namespace berth::runtime
