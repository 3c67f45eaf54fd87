#include "runtime/base/process.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace berth {

namespace {

struct StatFields {
    char state = '?';
    std::uint64_t start_time = 0;
};

// /proc/PID/stat: the name in parentheses may itself hold ") (", so fields count from the last ")".
Lookup<StatFields> read_stat(pid_t pid) {
    auto text = read_file_if_exists(concat("/proc/", pid, "/stat"), 4096);
    if (!text) {
        if (text.error().sys_errno() == ESRCH) return std::optional<StatFields>();
        return fail(std::move(text).error());
    }
    if (!*text) return std::optional<StatFields>();
    const auto close = (*text)->rfind(')');
    if (close == std::string::npos || close + 2 >= (*text)->size())
        return fail(ErrorCode::failed, concat("read the state of process ", pid));
    const auto fields = split(std::string_view(**text).substr(close + 2), ' ');
    if (fields.size() < 20) return fail(ErrorCode::failed, concat("read the state of process ", pid));
    BERTH_ASSIGN_OR_RETURN(const auto start, parse_integer(fields[19], 0));
    return std::optional<StatFields>(
        StatFields{fields[0].empty() ? '?' : fields[0][0], static_cast<std::uint64_t>(start)});
}

} // namespace

Lookup<std::uint64_t> process_start_time(pid_t pid) {
    BERTH_ASSIGN_OR_RETURN(const auto stat, read_stat(pid));
    if (!stat) return std::optional<std::uint64_t>();
    return std::optional<std::uint64_t>(stat->start_time);
}

ProcessId own_process_id() {
    ProcessId self{::getpid(), 0};
    if (const auto start = process_start_time(::getpid()); start && *start) self.start_time = **start;
    return self;
}

bool is_alive(const ProcessId& process) {
    if (process.pid <= 0) return false;
    const auto stat = read_stat(static_cast<pid_t>(process.pid));
    return stat && *stat && (*stat)->start_time == process.start_time && (*stat)->state != 'Z' &&
           (*stat)->state != 'X';
}

const std::string& boot_id() {
    static const std::string id = [] {
        auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
        return text ? std::string(trim(*text)) : std::string();
    }();
    return id;
}

Lookup<PidFd> PidFd::open(const ProcessId& process) {
    if (process.pid <= 0) return std::optional<PidFd>();
    Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(process.pid), 0)));
    if (!fd) {
        if (errno == ESRCH || errno == EINVAL) return std::optional<PidFd>();
        return fail_errno(concat("open process ", process.pid));
    }
    // The start time is read after opening: what it says is about the process that the descriptor holds.
    BERTH_ASSIGN_OR_RETURN(const auto start, process_start_time(static_cast<pid_t>(process.pid)));
    if (!start || *start != process.start_time) return std::optional<PidFd>();
    return std::optional<PidFd>(PidFd(std::move(fd), process));
}

Result<bool> PidFd::send_signal(int signal) const {
    if (::syscall(SYS_pidfd_send_signal, fd_.get(), signal, nullptr, 0) == 0) return true;
    if (errno == ESRCH) return false;
    return fail_errno(concat("send signal ", signal, " to process ", process_.pid));
}

Result<bool> PidFd::wait_exit(std::chrono::milliseconds timeout) const {
    pollfd entry{fd_.get(), POLLIN, 0};
    const auto end = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
        const int got = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 86'400'000)));
        if (got > 0) return true;
        if (got < 0 && errno != EINTR) return fail_errno(concat("wait for process ", process_.pid));
        if (got == 0 && left <= 0) return false;
    }
}

namespace {

// Everything that the child needs, laid out before vfork: it may only make system calls.
struct ChildPlan {
    const char* program;
    int program_fd;
    char* const* argv;
    char* const* env;
    const InheritedFd* fds;
    std::size_t fd_count;
    const char* cwd;
    bool new_session;
    int error_fd;
};

[[noreturn]] void run_child(const ChildPlan& plan) noexcept {
    const auto die = [&]() {
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(plan.error_fd, &error, sizeof error);
        ::_exit(127);
    };
    sigset_t none;
    ::sigemptyset(&none);
    for (int signal = 1; signal < 65; ++signal) {
        struct sigaction action {};
        action.sa_handler = SIG_DFL;
        // Through the raw call: glibc refuses its own two signals, the kernel does not mind.
        ::syscall(SYS_rt_sigaction, signal, &action, nullptr, 8);
    }
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (plan.new_session) ::setsid();
    // Sources were moved above all targets by the parent, so that no target overwrites a source that is still needed.
    for (std::size_t i = 0; i < plan.fd_count; ++i)
        if (::dup2(plan.fds[i].source, plan.fds[i].target) < 0) die();
    if (::chdir(plan.cwd) != 0) die();
    if (plan.program_fd >= 0)
        ::syscall(SYS_execveat, plan.program_fd, "", plan.argv, plan.env, AT_EMPTY_PATH);
    else
        ::execve(plan.program, plan.argv, plan.env);
    die();
    __builtin_unreachable();
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (const auto& text : texts)
        out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

} // namespace

Result<ProcessId> spawn(const SpawnOptions& options) {
    // Every other descriptor is close-on-exec by our own rule; this also covers those that libraries opened without.
    int highest = 2;
    for (const auto& entry : options.fds)
        highest = std::max(highest, entry.target);
    std::vector<Fd> moved;
    std::vector<InheritedFd> fds;
    for (const auto& entry : options.fds) {
        Fd copy(::fcntl(entry.source, F_DUPFD_CLOEXEC, highest + 1));
        if (!copy) return fail_errno(concat("duplicate descriptor ", entry.source));
        fds.push_back({copy.get(), entry.target});
        moved.push_back(std::move(copy));
    }
    BERTH_ASSIGN_OR_RETURN(Pipe report, make_pipe());
    Fd error_fd(::fcntl(report.write.get(), F_DUPFD_CLOEXEC, highest + 1));
    if (!error_fd) return fail_errno("duplicate a descriptor");
    report.write.reset();
    const auto argv = pointers(options.argv);
    const auto env = pointers(options.env);
    const ChildPlan plan{
        options.program.c_str(), options.program_fd,  argv.data(),   env.data(), fds.data(), fds.size(),
        options.cwd.c_str(),     options.new_session, error_fd.get()};
    ::syscall(SYS_close_range, 3u, ~0u,
              4u /* CLOSE_RANGE_CLOEXEC, Linux 5.11; older kernels lack nothing but this */);
    // vfork: the child borrows our memory until exec, so nothing of it is copied. All signals are blocked meanwhile: a
    // handler must not run in the child.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::vfork();
    if (pid == 0) run_child(plan);
    const int fork_error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return fail_errno(concat("start '", options.program, "'"), fork_error);
    error_fd.reset();
    int child_error = 0;
    ssize_t got = 0;
    do {
        got = ::read(report.read.get(), &child_error, sizeof child_error);
    } while (got < 0 && errno == EINTR);
    if (got == static_cast<ssize_t>(sizeof child_error)) {
        ::waitpid(pid, nullptr, 0);
        return fail_errno(concat("run '", options.program, "'"), child_error);
    }
    ProcessId id{pid, 0};
    BERTH_ASSIGN_OR_RETURN(const auto start, process_start_time(pid));
    if (start) id.start_time = *start;
    return id;
}

int shell_exit_code(int wait_status) {
    if (WIFSIGNALED(wait_status)) return 128 + WTERMSIG(wait_status);
    return WEXITSTATUS(wait_status);
}

namespace {

struct SignalName {
    const char* name;
    int number;
};
constexpr std::array<SignalName, 34> k_signals{
    {{"HUP", SIGHUP},       {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"ILL", SIGILL},   {"TRAP", SIGTRAP},
     {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},     {"KILL", SIGKILL}, {"USR1", SIGUSR1},
     {"SEGV", SIGSEGV},     {"USR2", SIGUSR2}, {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
     {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD}, {"CONT", SIGCONT},   {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},     {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},
     {"SYS", SIGSYS},       {"POLL", SIGIO},   {"CLD", SIGCHLD},    {"IOT", SIGABRT}}};
// The kernel's range; glibc's SIGRTMIN leaves two for itself, containers count from 34 as everybody does.
constexpr int k_rtmin = 34;
constexpr int k_rtmax = 64;

} // namespace

Result<int> parse_signal(std::string_view text) {
    if (const auto number = parse_integer(text, 1, k_rtmax)) return static_cast<int>(*number);
    std::string name = to_lower(text);
    if (name.starts_with("sig")) name.erase(0, 3);
    for (const auto& signal : k_signals)
        if (name == to_lower(signal.name)) return signal.number;
    for (const auto& [prefix, base, sign] :
         {std::tuple{"rtmin", k_rtmin, 1}, std::tuple{"rtmax", k_rtmax, -1}}) {
        if (!name.starts_with(prefix)) continue;
        const std::string_view offset = std::string_view(name).substr(5);
        if (offset.empty()) return base;
        if (offset.front() != (sign > 0 ? '+' : '-')) break;
        const auto distance = parse_integer(offset.substr(1), 0, k_rtmax - k_rtmin);
        if (distance) return base + sign * static_cast<int>(*distance);
    }
    return fail(Error(ErrorCode::invalid_input, concat("'", text, "' is not a signal"))
                    .hint("write signals as SIGTERM, TERM or 15"));
}

std::string signal_name(int signal) {
    for (const auto& entry : k_signals)
        if (entry.number == signal) return concat("SIG", entry.name);
    if (signal >= k_rtmin && signal <= k_rtmax)
        return signal == k_rtmin ? "SIGRTMIN" : concat("SIGRTMIN+", signal - k_rtmin);
    return concat("signal ", signal);
}

} // namespace berth
