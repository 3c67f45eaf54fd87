#include "runtime/sandbox/syscalls.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::sandbox::sys {

pid_t clone3(const CloneArgs& args) noexcept {
    return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

int openat2(int directory, const char* path, int flags, mode_t mode, std::uint64_t resolve) noexcept {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
    how.mode = mode;
    how.resolve = resolve;
    constexpr int k_attempts = 128; // as runc and crun: a busy host renames all the time
    for (int attempt = 0; attempt < k_attempts; ++attempt) {
        const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) return static_cast<int>(fd);
    }
    return -1;
}

int pidfd_open(pid_t pid) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

int pidfd_send_signal(int pidfd, int signal) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

int pivot_root(const char* new_root, const char* put_old) noexcept {
    return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}

int join_session_keyring() noexcept {
    constexpr int k_keyctl_join_session_keyring = 1;
    return static_cast<int>(::syscall(SYS_keyctl, k_keyctl_join_session_keyring, nullptr));
}

int seccomp_set_filter(const void* program) noexcept {
    return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, program));
}

int bpf(int command, void* attributes, unsigned size) noexcept {
    return static_cast<int>(::syscall(SYS_bpf, command, attributes, size));
}

} // namespace berth::sandbox::sys
