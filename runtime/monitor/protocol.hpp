// protocol.hpp - what passes between the berth command and berth-monitor. Core.
//
// Start:   berth                          berth-monitor run           child
//            | spawn, fd 3 = MonitorPlan (memfd), fd 4 = start socket (SEQPACKET), fd 5 = netns (when has_netns),
//            | fd 6.. = port reservations, held open as long as the container's slot exists
//            |------------------------------->| clone3 ------------------>| set-up steps
//            |<-- StartReply{created, pid} ---|<-- ready -----------------| blocks
//            | (attach to control.sock here, so that no output is missed)
//            |--- StartGo ------------------->|--- go ------------------->| execve
//            |<-- StartReply{started} --------|<-- EOF (close-on-exec) ---|
//         or |<-- StartReply{failed, error} --|<-- ChildFailure ----------|   the monitor exits, nothing is left
//            The start socket closes without a reply: the monitor died.
//
// Control socket <exec dir>/control.sock (SEQPACKET): client sends one Request; replies depend on its kind.
#pragma once

#include "runtime/base/describe.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/state.hpp"
#include "runtime/sandbox/launch_plan.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::monitor {

struct LogPlan {
    std::string directory;            // <container>/log; empty: driver none
    std::int64_t max_size = 10 << 20; // bytes a file; 0: no limit
    std::int64_t max_files = 3;
    std::string attributes = {}; // JSON object that each record carries as "attrs"; empty: none
};
template <class V> void describe(V& v, LogPlan& p) {
    v.field("directory", p.directory);
    v.field("maxSize", p.max_size);
    v.field("maxFiles", p.max_files);
    v.field("attributes", p.attributes);
}

enum class RestartKind : std::uint8_t { no, on_failure, always, unless_stopped };
struct RestartPlan {
    RestartKind kind = RestartKind::no;
    std::int64_t max_retries = 0; // on_failure; 0: no limit
};
template <class V> void describe(V& v, RestartPlan& p) {
    v.field("kind", p.kind);
    v.field("maxRetries", p.max_retries);
}

struct HealthPlan {
    sandbox::ProcessPlan process;
    std::int64_t interval_ns = 30'000'000'000;
    std::int64_t timeout_ns = 30'000'000'000;
    std::int64_t start_period_ns = 0;
    std::int64_t start_interval_ns =
        0; // 0: probes start within 50 ms and double up to the interval until a success
    std::int64_t retries = 3;
};
template <class V> void describe(V& v, HealthPlan& p) {
    v.field("process", p.process);
    v.field("intervalNs", p.interval_ns);
    v.field("timeoutNs", p.timeout_ns);
    v.field("startPeriodNs", p.start_period_ns);
    v.field("startIntervalNs", p.start_interval_ns);
    v.field("retries", p.retries);
}

// Names at 127.0.0.11 inside the container's network namespace.
struct NamesPlan {
    bool serve = false;
    std::vector<std::string>
        folders; // NameRecord folders, one a network (name_record.hpp), in the order of search
    std::vector<std::string> networks; // the networks' names, same order: "web.shop_front" answers too
    std::vector<std::string>
        upstream; // "1.1.1.1", "9.9.9.9:5353", "[::1]:53"; asked from the monitor's (host) namespace
    std::map<std::string, std::string>
        links;           // name -> what it stands for, to this container alone; lower-case
    bool forward = true; // false on internal networks only: outside names get NXDOMAIN (CVE-2024-29018)
};
template <class V> void describe(V& v, NamesPlan& p) {
    v.field("serve", p.serve);
    v.field("folders", p.folders);
    v.field("networks", p.networks);
    v.field("upstream", p.upstream);
    v.field("links", p.links);
    v.field("forward", p.forward);
}

// What reaches a reserved port's own socket is passed on to this address of the container.
struct RelayPlan {
    std::int64_t reservation = 0; // which of the port descriptors
    bool udp = false;             // otherwise TCP
    std::string address;          // the container's, "172.18.0.2" or "fd00::2"
    std::int64_t port = 0;
};
template <class V> void describe(V& v, RelayPlan& p) {
    v.field("reservation", p.reservation);
    v.field("udp", p.udp);
    v.field("address", p.address);
    v.field("port", p.port);
}

struct MonitorPlan {
    sandbox::LaunchPlan launch;
    std::string container_dir; // <data root>/containers/<id>: state.json is written here
    std::string exec_dir;      // <exec root>/containers/<id>: control.sock
    LogPlan log;
    RestartPlan restart;
    bool has_health = false;
    HealthPlan health;
    NamesPlan names;
    std::vector<std::string> name_files; // own NameRecord files, unlinked when the container ends for good
    bool open_stdin = false; // -i: keep stdin open while somebody is attached (or always, without stdin_once)
    bool stdin_once = false; // close it when the first attached client leaves
    std::int64_t stop_signal = 15;
    std::int64_t stop_timeout_ns = 10'000'000'000;
    bool has_netns = false;    // fd 5
    std::int64_t port_fds = 0; // fds 6 .. 6 + n - 1
    std::vector<RelayPlan> relays;
    // Behind them: locks of the command that starts the container, held until the start is over. If that command is
    // killed, the next one waits for what becomes of the start instead of making another beside it.
    std::int64_t lock_fds = 0;
    // Run when the container has ended for good (auto-remove, published ports to take down): argv of a berth command.
    std::vector<std::string> exit_command;
    bool auto_remove =
        false; // the record goes with the container: its last state is not worth a write to the disk
    std::string boot_id;
    std::int64_t restart_count = 0;
};
template <class V> void describe(V& v, MonitorPlan& p) {
    v.field("launch", p.launch);
    v.field("containerDir", p.container_dir);
    v.field("execDir", p.exec_dir);
    v.field("log", p.log);
    v.field("restart", p.restart);
    v.field("hasHealth", p.has_health);
    v.field("health", p.health);
    v.field("names", p.names);
    v.field("nameFiles", p.name_files);
    v.field("openStdin", p.open_stdin);
    v.field("stdinOnce", p.stdin_once);
    v.field("stopSignal", p.stop_signal);
    v.field("stopTimeoutNs", p.stop_timeout_ns);
    v.field("hasNetns", p.has_netns);
    v.field("portFds", p.port_fds);
    v.field("relays", p.relays);
    v.field("lockFds", p.lock_fds);
    v.field("exitCommand", p.exit_command);
    v.field("autoRemove", p.auto_remove);
    v.field("bootId", p.boot_id);
    v.field("restartCount", p.restart_count);
}

inline constexpr int k_plan_fd = 3;
inline constexpr int k_start_fd = 4;
inline constexpr int k_netns_fd = 5;
inline constexpr int k_first_port_fd = 6;

enum class StartPhase : std::uint8_t { created, started, failed };
struct StartReply {
    StartPhase phase = StartPhase::failed;
    ProcessId process; // created, started
    std::string step;  // failed: what was being done, in words ("mount the volume on /data")
    std::int64_t error_number = 0;
    std::string detail;         // object of the step
    std::int64_t exit_code = 0; // 126 / 127 when the command could not be executed / found, otherwise 125
};
template <class V> void describe(V& v, StartReply& p) {
    v.field("phase", p.phase);
    v.field("process", p.process);
    v.field("step", p.step);
    v.field("errorNumber", p.error_number);
    v.field("detail", p.detail);
    v.field("exitCode", p.exit_code);
}

enum class RequestKind : std::uint8_t {
    // Streams: with the request come descriptors by SCM_RIGHTS: stdin, stdout, stderr (those asked for, in this order).
    // The monitor copies output to them and reads stdin from them itself; nothing else travels on this connection except
    // AttachEvent packets (below). Output from the moment of attaching on. A slow or dead client never blocks the container.
    attach,
    resize,       // rows, columns; reply: Ack
    signal,       // signal; reply: Ack
    stop,         // signal (0: the stop signal), timeout_ns (-1: the container's own); no restart afterwards.
                  // Ack at once, then the final ContainerState when it has ended
    watch,        // ContainerState now and after each change, until the monitor ends (connection closes)
    update_names, // names, name_files of a running container that joined or left a network; Ack
    cleaned, // from a client that cleans up, after the end: it has done so; removed when the container went too. No reply
    thaw_after, // when this connection ends, the container is thawed: whoever freezes it for a moment asks for this
                // first, so that a command that is killed meanwhile leaves nobody frozen; Ack
};
struct Request {
    RequestKind kind = RequestKind::watch;
    bool want_stdin = false, want_stdout = false, want_stderr = false; // attach
    std::int64_t rows = 0, columns = 0;
    std::int64_t signal = 0; // attach: for the container when this connection ends while it runs; 0: none
    std::int64_t timeout_ns = -1;
    NamesPlan names;
    std::vector<std::string> name_files;
    // watch, stop: after the end the sender does what the exit command would, in its own process and at once, and says
    // "cleaned". The monitor waits for that; a connection that closes without it makes it run the command after all.
    bool cleans_up = false;
    bool removed = false; // cleaned
};
template <class V> void describe(V& v, Request& p) {
    v.field("kind", p.kind);
    v.field("wantStdin", p.want_stdin);
    v.field("wantStdout", p.want_stdout);
    v.field("wantStderr", p.want_stderr);
    v.field("rows", p.rows);
    v.field("columns", p.columns);
    v.field("signal", p.signal);
    v.field("timeoutNs", p.timeout_ns);
    v.field("names", p.names);
    v.field("nameFiles", p.name_files);
    v.field("cleansUp", p.cleans_up);
    v.field("removed", p.removed);
}
struct Ack {
    bool ok = true;
    std::int64_t error_number = 0;
    std::string message;
};
template <class V> void describe(V& v, Ack& p) {
    v.field("ok", p.ok);
    v.field("errorNumber", p.error_number);
    v.field("message", p.message);
}

// On an attached connection, rarely. The normal end is the connection's: all output has been passed on by then.
enum class AttachEventKind : std::uint8_t {
    refused,  // nothing was attached; message says why
    too_slow, // the client read so much too slowly that output was lost: its streams end here
};
struct AttachEvent {
    AttachEventKind kind = AttachEventKind::refused;
    std::string message;
};
template <class V> void describe(V& v, AttachEvent& p) {
    v.field("kind", p.kind);
    v.field("message", p.message);
}

// `berth-monitor exec`: fd 3 = ExecPlan (memfd), fd 4 = result socket: StartReply, later ExitReply. stdio 0,1,2 are the
// process's own (pipes or the caller's); with a terminal the monitor allocates the pty inside the container and hands
// the master back with the `started` StartReply by SCM_RIGHTS. The socket's end without an ExecDetach hangs that
// terminal up.
struct ExecPlan {
    ProcessId target;        // pid 1 of the container
    std::string cgroup_path; // as in CgroupPlan
    std::vector<std::string> controllers;
    sandbox::ProcessPlan process;
};
template <class V> void describe(V& v, ExecPlan& p) {
    v.field("target", p.target);
    v.field("cgroupPath", p.cgroup_path);
    v.field("controllers", p.controllers);
    v.field("process", p.process);
}
// From the caller: it leaves, and the process goes on. What a terminal shows from here on, nobody sees.
struct ExecDetach {
    bool keep = true;
};
template <class V> void describe(V& v, ExecDetach& p) {
    v.field("keep", p.keep);
}
struct ExitReply {
    std::int64_t exit_code = 0;
};
template <class V> void describe(V& v, ExitReply& p) {
    v.field("exitCode", p.exit_code);
}

} // namespace berth::monitor
