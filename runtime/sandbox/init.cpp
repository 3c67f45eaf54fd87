#include "runtime/sandbox/init.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

// Ends as the program did: its exit code, or 128 + signal as a shell (a pid 1 cannot die of a signal of its
// own).
void reap(pid_t program) {
    for (;;) {
        int status = 0;
        const pid_t gone = ::waitpid(-1, &status, WNOHANG);
        if (gone <= 0) return;
        if (gone != program) continue;
        ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
}

} // namespace

void name_init(const Fd& proc) {
    constexpr std::string_view name = "berth-init";
    (void)::prctl(PR_SET_NAME, name.data(), 0, 0, 0);
    // The words lie one behind the other where the kernel put them; how many bytes they are, it tells.
    const Fd file(::openat(proc.get(), "self/cmdline", O_RDONLY | O_CLOEXEC));
    std::array<char, 4096> words{};
    const ssize_t size = ::read(file.get(), words.data(), words.size());
    if (size <= static_cast<ssize_t>(name.size())) return;
    std::memset(program_invocation_name, 0, static_cast<std::size_t>(size));
    std::memcpy(program_invocation_name, name.data(), name.size());
}

void run_init(const Reporter& reporter) {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    const pid_t program = ::fork();
    if (program < 0) reporter.fail(Step::init, "");
    if (program == 0) {
        // A process group of its own in front of the terminal, so that ^C reaches the program and not init.
        (void)::setpgid(0, 0);
        (void)::tcsetpgrp(0, ::getpid());
        return;
    }
    ::close(reporter.socket());
    for (;;) {
        siginfo_t info{};
        const int signal = ::sigwaitinfo(&all, &info);
        if (signal == SIGCHLD)
            reap(program);
        else if (signal > 0)
            (void)::kill(program, signal);
    }
}

} // namespace berth::sandbox
