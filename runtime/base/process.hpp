// process.hpp - processes named so that a recycled pid is never mistaken for the one that was meant: a pid is stored
// only together with its start time and the boot id, and signals go through a pidfd.
#pragma once

#include "runtime/base/fd.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace berth {

struct ProcessId {
    std::int64_t pid = 0;         // 0: none
    std::uint64_t start_time = 0; // field 22 of /proc/PID/stat, clock ticks since boot
    friend bool operator==(const ProcessId&, const ProcessId&) = default;
};
template <class V> void describe(V& v, ProcessId& p) {
    v.field("pid", p.pid);
    v.field("startTime", p.start_time);
}

[[nodiscard]] ProcessId own_process_id();
[[nodiscard]] Lookup<std::uint64_t> process_start_time(pid_t pid); // empty: no such process
[[nodiscard]] bool is_alive(const ProcessId& process);             // same pid and start time, not a zombie
[[nodiscard]] const std::string& boot_id();                        // /proc/sys/kernel/random/boot_id

// An open pidfd of exactly that process. Linux 5.3 (pidfd_open), 5.1 (pidfd_send_signal).
class PidFd {
  public:
    // Empty when the process is gone or the pid belongs to another one by now.
    [[nodiscard]] static Lookup<PidFd> open(const ProcessId& process);
    PidFd(Fd fd, ProcessId process) : fd_(std::move(fd)), process_(process) {}
    // true: sent; false: already gone.
    [[nodiscard]] Result<bool> send_signal(int signal) const;
    // Waits for its end (any process, not only children). false: timed out.
    [[nodiscard]] Result<bool> wait_exit(std::chrono::milliseconds timeout) const;
    [[nodiscard]] const Fd& fd() const { return fd_; }
    [[nodiscard]] const ProcessId& process() const { return process_; }

  private:
    Fd fd_;
    ProcessId process_;
};

// Descriptor number that a new program is to find `source` at.
struct InheritedFd {
    int source = -1;
    int target = -1;
};
struct SpawnOptions {
    std::string program;           // path; not searched in PATH
    std::vector<std::string> argv; // argv[0] included
    std::vector<std::string> env;  // exactly this environment
    std::vector<InheritedFd> fds;  // all others are closed (close_range, Linux 5.9)
    std::string cwd = "/";
    bool new_session = true;
    int program_fd = -1; // >= 0: fexecve of this descriptor instead of `program`
};
// vfork + exec with default signal dispositions and an empty mask. The only place of the project that starts a host
// program of our own. The child is not reaped by this call.
[[nodiscard]] Result<ProcessId> spawn(const SpawnOptions& options);

// Exit status as a shell shows it: the code, or 128 + signal.
[[nodiscard]] int shell_exit_code(int wait_status);
// "TERM", "SIGTERM", "15" -> 15; and back "SIGTERM" ("SIGRTMIN+3" too).
[[nodiscard]] Result<int> parse_signal(std::string_view text);
[[nodiscard]] std::string signal_name(int signal);

} // namespace berth
