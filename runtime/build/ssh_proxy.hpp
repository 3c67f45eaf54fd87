// ssh_proxy.hpp - a socket for RUN --mount=type=ssh that passes everything on to the caller's ssh agent. A
// socket of our own, because the step's user must be able to open it, and the agent's belongs to the caller;
// it is gone when the step ends. Private to runtime/build.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/base/file.hpp"

#include <string>
#include <sys/types.h>
#include <thread>

namespace berth::build {

class SshProxy {
  public:
    // `folder`: of the exec root, for this one alone. `agent`: the agent's socket.
    [[nodiscard]] static Result<std::unique_ptr<SshProxy>> start(TempDir folder, std::string agent,
                                                                 mode_t mode, uid_t uid, gid_t gid);
    SshProxy(const SshProxy&) = delete;
    SshProxy& operator=(const SshProxy&) = delete;
    ~SshProxy(); // ends all connections

    [[nodiscard]] std::string path() const { return folder_.path() + "/agent"; }

  private:
    SshProxy(TempDir folder, Fd listener, Pipe stop, std::string agent);
    void serve(int listener, int stop) const;
    TempDir folder_;
    Fd listener_;
    Pipe stop_; // closed at the end
    std::string agent_;
    std::thread thread_;
};

} // namespace berth::build
