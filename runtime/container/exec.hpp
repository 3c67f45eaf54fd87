// exec.hpp - another process in a running container, and attaching to the first one. Both keep the
// container's policy (capabilities, seccomp, cgroup): stored plan, not defaults (CVE-2022-27650).
#pragma once

#include "runtime/container/lifecycle.hpp"

namespace berth::runtime {

struct ExecRequest {
    std::vector<std::string> argv;
    std::vector<std::string> env; // added to the container's
    std::string working_dir;      // empty: the container's
    std::string user;             // empty: the container's
    bool tty = false;
    bool privileged = false;
    bool detach = false;
    std::string detach_keys; // with a tty: these bytes on the input end the attachment; empty: none do
};
// Runs to its end and returns the exit code (126/127 as docker when it cannot run); streams as in `start`.
// Empty: the user detached, and the process goes on. With a tty the caller's terminal has been put into raw
// mode by the caller (compose/ui/terminal); size changes come through `resize`, a descriptor that becomes
// readable with a packed {uint32 rows, columns} (-1: none).
[[nodiscard]] Lookup<int> exec(const Context& context, const std::string& id, const ExecRequest& request,
                               const AttachStreams& streams, int resize_fd = -1);

// An open connection to the monitor whose streams are attached; closing it detaches.
class Attachment {
  public:
    Attachment() = default; // not attached
    [[nodiscard]] static Result<Attachment> open(const Context& context, const std::string& id,
                                                 const AttachStreams& streams);
    [[nodiscard]] berth::Status resize(std::uint32_t rows, std::uint32_t columns);
    [[nodiscard]] int fd() const {
        return socket_.get();
    } // hangs up when the container ends or the monitor dies
    // Until then: all output has been handed over. interrupted when the context is cancelled.
    [[nodiscard]] berth::Status wait();
    void leave_open() { (void)socket_.release(); } // for the rest of this process's life

  private:
    Attachment(Fd socket, std::string id, const Context& context)
        : socket_(std::move(socket)), id_(std::move(id)), context_(&context) {}
    Fd socket_;
    std::string id_;
    const Context* context_ = nullptr;
};

} // namespace berth::runtime
