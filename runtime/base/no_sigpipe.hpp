// no_sigpipe.hpp - while one of these lives, a write into a pipe that nobody reads any more is EPIPE and no
// signal. For the input of a process in a container: that it ends early must not end us. SIGPIPE keeps its
// default otherwise.
#pragma once

#include <csignal>
#include <ctime>

namespace berth {

// Blocked in this thread only, and one that came is taken away before the mask goes back.
class NoSigpipe {
  public:
    NoSigpipe() {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoSigpipe() {
        const timespec now{0, 0};
        if (::sigismember(&before_, SIGPIPE) == 0)
            while (::sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
            }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

  private:
    sigset_t pipe_{}, before_{};
};

} // namespace berth
