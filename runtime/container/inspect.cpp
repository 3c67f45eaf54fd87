// docker inspect's JSON of a container.
#include "runtime/container/inspect.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/inspect_parts.hpp"

namespace berth::runtime {

namespace {

// What docker shows for a time that never was.
constexpr const char* k_never = "0001-01-01T00:00:00Z";

Json time_or_never(const std::string& time) {
    return Json(time.empty() ? std::string(k_never) : time);
}

Json health(const ContainerState& state) {
    Json log = Json::array();
    for (const auto& probe : state.probes) {
        Json entry = Json::object();
        entry.set("Start", probe.start);
        entry.set("End", probe.end);
        entry.set("ExitCode", probe.exit_code);
        entry.set("Output", probe.output);
        log.push(std::move(entry));
    }
    Json out = Json::object();
    out.set("Status", enum_to_name(state.health));
    out.set("FailingStreak", state.failing_streak);
    out.set("Log", std::move(log));
    return out;
}

// Docker knows no "starting": a container is created until it runs.
std::string_view docker_status(const ContainerState& state) {
    return state.status == Status::starting ? "created" : enum_to_name(state.status);
}

Json state_part(const ContainerSpec& spec, const ContainerState& state) {
    const bool up = state.status == Status::running || state.status == Status::paused ||
                    state.status == Status::restarting;
    Json out = Json::object();
    out.set("Status", docker_status(state));
    out.set("Running", up);
    out.set("Paused", state.status == Status::paused);
    out.set("Restarting", state.status == Status::restarting);
    out.set("OOMKilled", state.oom_killed);
    out.set("Dead", state.status == Status::dead);
    out.set("Pid", state.process.pid);
    out.set("ExitCode", up && state.status != Status::restarting ? 0 : state.exit_code);
    out.set("Error", state.error);
    out.set("StartedAt", time_or_never(state.started_at));
    out.set("FinishedAt", time_or_never(state.finished_at));
    if (spec.healthcheck && !spec.healthcheck->test.empty() && spec.healthcheck->test.front() != "NONE")
        out.set("Health", health(state));
    return out;
}

Json mounts_part(const ContainerSpec& spec) {
    Json out = Json::array();
    for (const auto& mount : spec.mounts) {
        if (mount.kind == MountKind::tmpfs && mount.mode)
            continue; // docker shows those under HostConfig.Tmpfs
        Json entry = Json::object();
        entry.set("Type", enum_to_name(mount.kind));
        if (!mount.name.empty()) entry.set("Name", mount.name);
        entry.set("Source", mount.source);
        entry.set("Destination", mount.target);
        if (mount.kind == MountKind::volume) entry.set("Driver", "local");
        entry.set("Mode", mount.mode                        ? *mount.mode
                          : mount.kind == MountKind::volume ? std::string("z")
                                                            : std::string());
        entry.set("RW", !mount.read_only && mount.kind != MountKind::image);
        entry.set("Propagation", mount.kind != MountKind::bind ? std::string()
                                 : mount.propagation.empty()   ? "rprivate"
                                                               : mount.propagation);
        out.push(std::move(entry));
    }
    return out;
}

// The addresses on the default network stand once more at the top, where scripts of the days before there
// were others look for them.
Json network_settings(const ContainerState& state, const Json& networks, const Json& ports) {
    Json out = Json::object();
    out.set("Bridge", "");
    out.set("SandboxID", "");
    // Where tools that enter the network look: there is no other name of it on the host.
    out.set("SandboxKey",
            state.process.pid > 0 ? concat("/proc/", state.process.pid, "/ns/net") : std::string());
    out.set("HairpinMode", false);
    out.set("LinkLocalIPv6Address", "");
    out.set("LinkLocalIPv6PrefixLen", 0);
    out.set("SecondaryIPAddresses", Json());
    out.set("SecondaryIPv6Addresses", Json());
    out.set("Ports", ports.is_null() ? Json::object() : ports);
    const Json* bridge = networks.find("bridge");
    for (const char* name :
         {"EndpointID", "Gateway", "GlobalIPv6Address", "IPAddress", "IPv6Gateway", "MacAddress"})
        out.set(name, bridge != nullptr && bridge->find(name) != nullptr ? *bridge->find(name) : Json(""));
    for (const char* name : {"GlobalIPv6PrefixLen", "IPPrefixLen"})
        out.set(name, bridge != nullptr && bridge->find(name) != nullptr ? *bridge->find(name) : Json(0));
    out.set("Networks", networks.is_null() ? Json::object() : networks);
    return out;
}

Json graph_driver(const ContainerSpec& spec, const ContainerState& state, const std::string& directory) {
    Json data = Json::object();
    data.set("ID", spec.id);
    if (spec.rootfs.empty()) {
        data.set("LowerDir", join(spec.layers, ":"));
        data.set("UpperDir", join_path(directory, "upper"));
        data.set("WorkDir", join_path(directory, "work"));
        // Mounted in the container's own namespace alone.
        if (state.process.pid > 0) data.set("MergedDir", concat("/proc/", state.process.pid, "/root"));
    } else {
        data.set("RootDir", spec.rootfs);
    }
    Json out = Json::object();
    out.set("Name", spec.rootfs.empty() ? "overlay2" : "rootfs");
    out.set("Data", std::move(data));
    return out;
}

} // namespace

Result<Json> inspect(const Context& context, const Container& container, const Json& networks,
                     const Json& ports) {
    const auto& spec = container.spec;
    const auto directory = context.paths.container(spec.id);
    std::vector<std::string> argv = spec.entrypoint;
    argv.insert(argv.end(), spec.command.begin(), spec.command.end());
    Json out = Json::object();
    out.set("Id", spec.id);
    out.set("Created", spec.created_at);
    out.set("Path", argv.empty() ? std::string() : argv.front());
    out.set("Args",
            argv.empty() ? Json::array() : to_json(std::vector<std::string>(argv.begin() + 1, argv.end())));
    out.set("State", state_part(spec, container.state));
    out.set("Image", spec.image_id);
    out.set("ResolvConfPath", join_path(directory, "resolv.conf"));
    out.set("HostnamePath", join_path(directory, "hostname"));
    out.set("HostsPath", join_path(directory, "hosts"));
    out.set("LogPath", spec.log_driver == "none" ? std::string() : join_path(directory, "log/container.log"));
    out.set("Name", concat("/", spec.name));
    out.set("RestartCount", container.state.restart_count);
    out.set("Driver", "overlay2");
    out.set("Platform", "linux");
    out.set("MountLabel", "");
    out.set("ProcessLabel", "");
    out.set("AppArmorProfile", "");
    out.set("ExecIDs", Json());
    out.set("HostConfig", host_config_part(spec));
    out.set("GraphDriver", graph_driver(spec, container.state, directory));
    out.set("Mounts", mounts_part(spec));
    out.set("Config", config_part(spec));
    out.set("NetworkSettings", network_settings(container.state, networks, ports));
    return out;
}

} // namespace berth::runtime
