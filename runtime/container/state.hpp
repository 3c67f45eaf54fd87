// state.hpp - ContainerState: state.json of a container. Owned by the monitor while it lives, by the holder
// of the container's lock otherwise. Core (the monitor writes it).
#pragma once

#include "runtime/base/describe.hpp"
#include "runtime/base/process.hpp"

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::runtime {

enum class Status : std::uint8_t { created, starting, running, paused, restarting, exited, removing, dead };
inline std::span<const EnumName<Status>> enum_names(Status) {
    static constexpr std::array<EnumName<Status>, 8> names{{{Status::created, "created"},
                                                            {Status::starting, "starting"},
                                                            {Status::running, "running"},
                                                            {Status::paused, "paused"},
                                                            {Status::restarting, "restarting"},
                                                            {Status::exited, "exited"},
                                                            {Status::removing, "removing"},
                                                            {Status::dead, "dead"}}};
    return names;
}
enum class Health : std::uint8_t { none, starting, healthy, unhealthy };
inline std::span<const EnumName<Health>> enum_names(Health) {
    static constexpr std::array<EnumName<Health>, 4> names{{{Health::none, "none"},
                                                            {Health::starting, "starting"},
                                                            {Health::healthy, "healthy"},
                                                            {Health::unhealthy, "unhealthy"}}};
    return names;
}
struct ProbeResult {
    std::string start; // RFC 3339
    std::string end;
    std::int64_t exit_code = 0;
    std::string output; // at most 4 KiB
};
template <class V> void describe(V& v, ProbeResult& p) {
    v.field("start", p.start);
    v.field("end", p.end);
    v.field("exitCode", p.exit_code);
    v.field("output", p.output);
}
struct ContainerState {
    std::int64_t version = 1;
    Status status = Status::created;
    std::string boot_id; // a record of another boot is "stopped by reboot"
    ProcessId monitor;
    ProcessId process;      // pid 1 of the container; pid 0 when not running
    std::string started_at; // RFC 3339; empty: never
    std::string finished_at;
    std::int64_t exit_code = 0;
    bool oom_killed = false;
    std::string error; // why the last start failed
    std::int64_t restart_count = 0;
    bool stopped_by_user = false; // no restart by policy
    Health health = Health::none;
    std::int64_t failing_streak = 0;
    std::vector<ProbeResult> probes; // the last five
};
template <class V> void describe(V& v, ContainerState& s) {
    v.field("version", s.version);
    v.field("status", s.status);
    v.field("bootId", s.boot_id);
    v.field("monitor", s.monitor);
    v.field("process", s.process);
    v.field("startedAt", s.started_at);
    v.field("finishedAt", s.finished_at);
    v.field("exitCode", s.exit_code);
    v.field("oomKilled", s.oom_killed);
    v.field("error", s.error);
    v.field("restartCount", s.restart_count);
    v.field("stoppedByUser", s.stopped_by_user);
    v.field("health", s.health);
    v.field("failingStreak", s.failing_streak);
    v.field("probes", s.probes);
}

} // namespace berth::runtime
