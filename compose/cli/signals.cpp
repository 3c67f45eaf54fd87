#include "compose/cli/signals.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/fd.hpp"

#include <cerrno>
#include <csignal>
#include <unistd.h>

namespace berth::cli {

namespace {

std::atomic<bool> g_cancelled{false};
std::atomic<int> g_cancelled_by{0};
std::atomic<bool> g_forward{false};
int g_pipe_read = -1, g_pipe_write = -1; // made once, kept to the end: the handler may run at any time

extern "C" void on_signal(int signal) {
    const int saved = errno;
    if (g_forward.load()) {
        const auto byte = static_cast<unsigned char>(signal);
        [[maybe_unused]] const auto n = ::write(g_pipe_write, &byte, 1);
    } else if (g_cancelled.exchange(true)) {
        ui::restore_terminal();
        ::_exit(128 + signal);
    } else {
        g_cancelled_by.store(signal);
    }
    errno = saved;
}

Status handle(int signal) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigfillset(&action.sa_mask);
    // No SA_RESTART: a blocked poll() of the main thread has to come back and see Context::cancelled.
    if (::sigaction(signal, &action, nullptr) != 0) return fail_errno(concat("handle signal ", signal));
    return {};
}

constexpr int k_ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

} // namespace

Status install_signals() {
    if (g_pipe_read < 0) {
        BERTH_ASSIGN_OR_RETURN(auto pipe, make_pipe());
        BERTH_TRY(set_nonblocking(pipe.read.get(), true));
        BERTH_TRY(set_nonblocking(pipe.write.get(), true));
        g_pipe_read = pipe.read.release();
        g_pipe_write = pipe.write.release();
    }
    for (const int signal : k_ending) {
        struct sigaction present {};
        // nohup and `&` of a plain shell have set them to be ignored: that stays.
        if (::sigaction(signal, nullptr, &present) == 0 && present.sa_handler == SIG_IGN) continue;
        BERTH_TRY(handle(signal));
    }
    return {};
}

const std::atomic<bool>& cancelled() {
    return g_cancelled;
}
int cancelled_by() {
    return g_cancelled_by.load();
}
void cancel(int signal) {
    g_cancelled_by.store(signal);
    g_cancelled.store(true);
}

Result<ForwardedSignals> ForwardedSignals::open(const std::vector<int>& signals) {
    g_forward.store(true);
    ForwardedSignals out(signals);
    for (const int signal : signals)
        BERTH_TRY(handle(signal));
    return out;
}

ForwardedSignals::ForwardedSignals(ForwardedSignals&& other) noexcept
    : signals_(std::move(other.signals_)), active_(std::exchange(other.active_, false)) {}

ForwardedSignals::~ForwardedSignals() {
    if (!active_) return;
    for (const int signal : signals_) {
        bool ending = false;
        for (const int known : k_ending)
            ending = ending || known == signal;
        if (!ending) (void)std::signal(signal, SIG_DFL);
    }
    g_forward.store(false);
}

int ForwardedSignals::fd() const {
    return g_pipe_read;
}

int ForwardedSignals::next() {
    unsigned char signal = 0;
    return ::read(g_pipe_read, &signal, 1) == 1 ? signal : 0;
}

std::vector<int> proxied_signals() {
    return {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2,   SIGALRM, SIGCONT,
            SIGTSTP, SIGTTIN, SIGTTOU, SIGIO,   SIGPWR,  SIGVTALRM, SIGPROF};
}

} // namespace berth::cli
