// What is left of a container whose monitor was killed, or that a reboot ended.
#include "runtime/container/container_dir.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/cgroup_files.hpp"

#include <chrono>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

constexpr std::chrono::milliseconds k_patience{10'000};

// Network and auto-removal are above this room: the same command that the monitor would have run does them.
void run_exit_command(const Context& context, const ContainerSpec& spec) {
    auto command = exit_command(context, spec);
    if (command.empty()) return;
    auto null = open_file("/dev/null", O_RDWR);
    if (!null) return;
    SpawnOptions options;
    options.program = command.front();
    options.argv = std::move(command);
    options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    for (int target = 0; target < 3; ++target)
        options.fds.push_back({null->get(), target});
    if (const auto spawned = spawn(options); !spawned) log::warn("{}", spawned.error().to_string());
}

} // namespace

Result<ContainerState> settle_locked(const Context& context, const ContainerSpec& spec,
                                     const ContainerState& stored) {
    auto now = reconcile_state(stored);
    if (!claims_to_run(stored) || claims_to_run(now)) return now;
    const auto cgroup = cgroup_of(context, spec);
    if (stored.boot_id == boot_id()) {
        // Without its monitor nobody would take the log, the exit code or a stop: it is ended, all of it at
        // once, and not adopted. Pid 1 goes by its pidfd too, in case the host has no cgroup.kill.
        const auto first = PidFd::open(stored.process);
        if (first && *first) (void)(*first)->send_signal(SIGKILL);
        BERTH_TRY(cgroup.kill_all());
        // A process leaves its cgroup a moment before it counts as ended.
        if (first && *first) BERTH_TRY((*first)->wait_exit(k_patience));
    }
    if (const auto removed = cgroup.remove(); !removed) log::warn("{}", removed.error().to_string());
    (void)remove_file(join_path(context.paths.container_exec(spec.id), "control.sock"));
    if (now.finished_at.empty() || now.finished_at < now.started_at) now.finished_at = to_rfc3339(wall_now());
    // On a full disk the answer is right all the same; the next command settles it again.
    if (const auto written = write_state(context, spec.id, now); !written)
        log::warn("{}", written.error().to_string());
    // A reboot took network, ports and names with it; only the folder is left.
    if (spec.auto_remove || (stored.boot_id == boot_id() && spec.network.mode == "bridge"))
        run_exit_command(context, spec);
    return now;
}

ContainerState settle_dead_monitor(const Context& context, const ContainerSpec& spec,
                                   const ContainerState& stored) {
    auto answer = reconcile_state(stored);
    auto lock = FileLock::try_acquire(join_path(context.paths.container(spec.id), "lock"));
    if (!lock || !*lock) return answer;
    // Between our reading and the lock, another command may have started it again.
    const auto again = read_state(context, spec);
    if (!again) return answer;
    auto settled = settle_locked(context, spec, *again);
    if (settled) return *settled;
    log::warn("{}", settled.error().to_string());
    return answer;
}

std::vector<std::string> exit_command(const Context& context, const ContainerSpec& spec) {
    auto program = read_link("/proc/self/exe");
    // A test program or another tool that links this library is not the command.
    if (!program || base_name(*program) != "berth") program = find_helper("berth");
    if (!program) return {};
    return {*program,
            "--data-root",
            context.paths.data_root(),
            "--exec-root",
            context.paths.exec_root(),
            "container",
            "exited",
            spec.id};
}

} // namespace berth::runtime
