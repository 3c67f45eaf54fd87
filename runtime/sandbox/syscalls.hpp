// syscalls.hpp - the system calls that glibc 2.36 has no wrapper for, and their structures as the kernel
// defines them. Core. Every function returns what the kernel returns, with errno set.
#pragma once

#include <cstdint>
#include <sys/types.h>

namespace berth::sandbox::sys {

// From linux/sched.h and linux/nsfs.h, given here because those headers clash with the libc's.
inline constexpr std::uint64_t k_clone_newtime = 0x80;
inline constexpr std::uint64_t k_clone_pidfd = 0x1000;
inline constexpr std::uint64_t k_clone_newns = 0x20000;
inline constexpr std::uint64_t k_clone_newcgroup = 0x2000000;
inline constexpr std::uint64_t k_clone_newuts = 0x4000000;
inline constexpr std::uint64_t k_clone_newipc = 0x8000000;
inline constexpr std::uint64_t k_clone_newuser = 0x10000000;
inline constexpr std::uint64_t k_clone_newpid = 0x20000000;
inline constexpr std::uint64_t k_clone_newnet = 0x40000000;
inline constexpr std::uint64_t k_clone_clear_sighand = 0x100000000;
inline constexpr std::uint64_t k_clone_into_cgroup = 0x200000000;

struct CloneArgs { // struct clone_args, version 2 (Linux 5.7)
    std::uint64_t flags = 0;
    std::uint64_t pidfd = 0;
    std::uint64_t child_tid = 0;
    std::uint64_t parent_tid = 0;
    std::uint64_t exit_signal = 0;
    std::uint64_t stack = 0;
    std::uint64_t stack_size = 0;
    std::uint64_t tls = 0;
    std::uint64_t set_tid = 0;
    std::uint64_t set_tid_size = 0;
    std::uint64_t cgroup = 0;
};
[[nodiscard]] pid_t clone3(const CloneArgs& args) noexcept; // like fork: 0 in the child

inline constexpr std::uint64_t k_resolve_no_xdev = 0x01;
inline constexpr std::uint64_t k_resolve_no_magiclinks = 0x02;
inline constexpr std::uint64_t k_resolve_no_symlinks = 0x04;
inline constexpr std::uint64_t k_resolve_beneath = 0x08;
inline constexpr std::uint64_t k_resolve_in_root = 0x10;
// Linux 5.6. Tries again on EAGAIN, which the kernel answers when a rename raced with the walk.
[[nodiscard]] int openat2(int directory, const char* path, int flags, mode_t mode,
                          std::uint64_t resolve) noexcept;

[[nodiscard]] int pidfd_open(pid_t pid) noexcept;
[[nodiscard]] int pidfd_send_signal(int pidfd, int signal) noexcept;
[[nodiscard]] int pivot_root(const char* new_root, const char* put_old) noexcept;
int join_session_keyring() noexcept;                                // a new anonymous one
[[nodiscard]] int seccomp_set_filter(const void* program) noexcept; // struct sock_fprog*
[[nodiscard]] int bpf(int command, void* attributes, unsigned size) noexcept;

} // namespace berth::sandbox::sys
