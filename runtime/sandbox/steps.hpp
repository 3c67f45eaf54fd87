// steps.hpp - the steps of a start in words, and the fixed record in which a process between clone and exec
// reports the one that did not work. Core; plain data, so that it passes through a socket in one write.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::sandbox {

enum class Step : std::uint32_t {
    clone,
    join_namespace,
    place_in_cgroup,
    cgroup_namespace,
    network_namespace,
    loopback,
    private_mounts,
    open_source,
    root_overlay,
    root_directory,
    mount,
    mount_target,
    copy_up,
    attach_root,
    device,
    dev_links,
    pivot_root,
    mask,
    read_only_path,
    read_only_root,
    hostname,
    domainname,
    sysctl,
    private_proc,
    terminal,
    console,
    keyring,
    oom_score,
    rlimit,
    working_directory,
    apparmor,
    no_new_privileges,
    seccomp,
    bounding_set,
    groups,
    user,
    capabilities,
    close_descriptors,
    init,
    execute,
    synchronise,
    count_,
};
[[nodiscard]] std::string_view step_words(Step step);

inline constexpr int k_exit_engine = 125;      // as docker run: the engine could not start it
inline constexpr int k_exit_cannot_exec = 126; // found but not executable
inline constexpr int k_exit_not_found = 127;

struct ChildFailure {
    Step step = Step::clone;
    std::int32_t error = 0;
    std::int32_t exit_code = k_exit_engine;
    char detail[512] = {}; // the object, NUL-terminated, cut when longer
};

// What passes on the socket between a launched process and its parent, both ways.
enum class SyncKind : std::uint32_t { terminal = 0x6272, ready, go, failure };
struct SyncMessage {
    SyncKind kind = SyncKind::failure;
    ChildFailure failure;
};

// Held by a process between clone and exec. fail() sends the record and ends the process; it never returns,
// allocates or runs destructors.
class Reporter {
  public:
    explicit Reporter(int socket) noexcept : socket_(socket) {}
    [[noreturn]] void fail(Step step, std::string_view detail, int error = errno,
                           int exit_code = k_exit_engine) const noexcept;
    // True when the parent sent this kind. EOF: the parent is gone, so is this process.
    void expect(SyncKind kind) const noexcept;
    void send(SyncKind kind, int descriptor = -1) const noexcept;
    [[nodiscard]] int socket() const noexcept { return socket_; }

  private:
    int socket_;
};

} // namespace berth::sandbox
