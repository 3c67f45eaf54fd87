#include "runtime/container/bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/cgroup_files.hpp"

#include <algorithm>

namespace berth::runtime {

namespace {

constexpr std::string_view k_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view env_key(std::string_view entry) {
    return entry.substr(0, entry.find('='));
}

// The defaults first; an entry of the spec replaces the one of the same name in place.
std::vector<std::string> environment(const ContainerSpec& spec, const BundleFacts& facts,
                                     const std::string& hostname) {
    std::vector<std::string> out{std::string(k_path)};
    if (!spec.throwaway) { // a step of a build sees what the Dockerfile says, and no more
        out.push_back(concat("HOSTNAME=", hostname));
        if (spec.tty) out.emplace_back("TERM=xterm");
        out.emplace_back("container=berth");
    }
    for (const auto& entry : spec.env) {
        if (entry.find('=') == std::string::npos) continue; // "not set", as docker writes it
        const auto same =
            std::ranges::find(out, env_key(entry), [](const std::string& e) { return env_key(e); });
        if (same == out.end())
            out.push_back(entry);
        else
            *same = entry;
    }
    const auto home = std::ranges::find(out, "HOME", [](const std::string& e) { return env_key(e); });
    if (home == out.end()) out.push_back(concat("HOME=", facts.user.home));
    return out;
}

Result<oci::Process> make_process(const ContainerSpec& spec, const SecurityOptions& security,
                                  const BundleFacts& facts, const std::string& hostname) {
    oci::Process process;
    process.terminal = spec.tty;
    process.args = spec.entrypoint;
    process.args.insert(process.args.end(), spec.command.begin(), spec.command.end());
    if (process.args.empty())
        return fail(Error(ErrorCode::invalid_input, "no command specified")
                        .hint("the image has neither ENTRYPOINT nor CMD: name the program to run"));
    for (const auto& entry : spec.env)
        if (entry.empty() || entry.front() == '=' || entry.find('\0') != std::string::npos)
            return fail(ErrorCode::invalid_input, concat("invalid environment variable: \"", entry, "\""));
    process.env = environment(spec, facts, hostname);
    process.cwd = spec.working_dir.empty() ? "/" : clean_path(concat("/", spec.working_dir));
    process.user.uid = facts.user.uid;
    process.user.gid = facts.user.gid;
    process.user.additional_gids = facts.user.groups;

    CapabilityRequest request{spec.privileged, spec.cap_add, spec.cap_drop};
    BERTH_ASSIGN_OR_RETURN(const auto set, settle_capabilities(request, facts.bounding));
    process.capabilities.bounding = capability_names(set);
    // Without root nothing is held, as execve would have it; inheritable and ambient stay empty
    // (CVE-2022-24769).
    if (facts.user.uid == 0) {
        process.capabilities.effective = process.capabilities.bounding;
        process.capabilities.permitted = process.capabilities.bounding;
    }
    BERTH_ASSIGN_OR_RETURN(process.rlimits, bundle_rlimits(spec, facts));
    process.no_new_privileges = security.no_new_privileges;
    if (spec.limits.oom_score_adj)
        process.oom_score_adj = *spec.limits.oom_score_adj;
    else if (facts.own_oom_score_adj < 0)
        process.oom_score_adj = 0; // never protected from the OOM killer by what the caller happens to be
    if (!security.apparmor.empty() && security.apparmor != "unconfined") {
        if (!facts.apparmor)
            return fail(ErrorCode::unsupported, concat("AppArmor profile \"", security.apparmor,
                                                       "\" is asked for, but this kernel enforces none"));
        process.apparmor_profile = security.apparmor;
    }
    return process;
}

berth::Status check_mode(std::string_view what, const std::string& mode,
                         std::initializer_list<std::string_view> known, bool container) {
    if (mode.empty() || std::ranges::find(known, mode) != known.end()) return {};
    if (container && mode.starts_with("container:") && mode.size() > 10) return {};
    return fail(ErrorCode::invalid_input, concat(what, " mode \"", mode, "\" is not known"));
}

Result<std::vector<oci::Namespace>> make_namespaces(const ContainerSpec& spec) {
    BERTH_TRY(check_mode("pid", spec.pid_mode, {"host", "private"}, true));
    BERTH_TRY(check_mode("ipc", spec.ipc_mode, {"host", "private", "shareable", "none"}, true));
    BERTH_TRY(check_mode("uts", spec.uts_mode, {"host", "private"}, true));
    BERTH_TRY(check_mode("cgroup namespace", spec.cgroupns_mode, {"host", "private"}, false));
    BERTH_TRY(check_mode("network", spec.network.mode, {"host", "none", "bridge"}, true));
    if (!spec.userns_mode.empty() && spec.userns_mode != "host")
        return fail(Error(ErrorCode::unsupported,
                          concat("user namespace mode \"", spec.userns_mode, "\" is not supported"))
                        .hint("leave it out, or set it to \"host\""));
    std::vector<oci::Namespace> out{{"mount", ""}};
    if (spec.pid_mode != "host") out.push_back({"pid", ""});
    if (spec.ipc_mode != "host") out.push_back({"ipc", ""});
    if (spec.uts_mode != "host") out.push_back({"uts", ""});
    if (spec.cgroupns_mode != "host") out.push_back({"cgroup", ""});
    if (spec.network.mode != "host") out.push_back({"network", ""});
    return out;
}

// Docker's list and those paths of /proc and /sys that tell the host's secrets or layout and that no common
// image reads (the ones that JVM, redis, postgres and erlang do read are not here).
std::vector<std::string> masked_paths() {
    return {"/proc/acpi",
            "/proc/asound",
            "/proc/buddyinfo",
            "/proc/config.gz",
            "/proc/consoles",
            "/proc/dma",
            "/proc/interrupts",
            "/proc/iomem",
            "/proc/ioports",
            "/proc/kallsyms",
            "/proc/kcore",
            "/proc/key-users",
            "/proc/keys",
            "/proc/kmsg",
            "/proc/kpagecgroup",
            "/proc/kpagecount",
            "/proc/kpageflags",
            "/proc/latency_stats",
            "/proc/misc",
            "/proc/modules",
            "/proc/mtrr",
            "/proc/pagetypeinfo",
            "/proc/sched_debug",
            "/proc/scsi",
            "/proc/slabinfo",
            "/proc/sysrq-trigger",
            "/proc/timer_list",
            "/proc/timer_stats",
            "/proc/tty",
            "/proc/vmallocinfo",
            "/proc/zoneinfo",
            "/sys/block",
            "/sys/bus",
            "/sys/class/dmi",
            "/sys/dev/block",
            "/sys/devices/virtual/powercap",
            "/sys/firmware",
            "/sys/fs/bpf",
            "/sys/fs/pstore",
            "/sys/fs/selinux",
            "/sys/kernel/debug",
            "/sys/kernel/notes",
            "/sys/kernel/security",
            "/sys/kernel/slab",
            "/sys/kernel/tracing",
            "/sys/kernel/vmcoreinfo",
            "/sys/module"};
}

std::vector<std::string> read_only_paths() {
    return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

Result<std::string> cgroup_path(const ContainerSpec& spec, const BundleFacts& facts) {
    if (spec.cgroup_parent.find("..") != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    concat("cgroup parent \"", spec.cgroup_parent, "\" must not contain \"..\""));
    return container_cgroup_path(facts.scope, spec);
}

void add_root(const ContainerSpec& spec, const BundleFacts& facts, oci::Spec& out) {
    out.root.readonly = spec.read_only;
    if (!spec.rootfs.empty()) {
        out.root.path = spec.rootfs;
        return;
    }
    out.root.path = "rootfs";
    // Layer folders of ours have no colon in their names.
    out.annotations["berth.overlay.lowers"] = join(spec.layers, ":");
    out.annotations["berth.overlay.upper"] = join_path(facts.container_dir, "upper");
    out.annotations["berth.overlay.work"] = join_path(facts.container_dir, "work");
    if (spec.auto_remove || spec.throwaway) out.annotations["berth.overlay.volatile"] = "true";
}

} // namespace

std::string joined_container(const std::string& mode) {
    return mode.starts_with("container:") ? mode.substr(10) : std::string();
}

Result<PathPolicy> path_policy(const ContainerSpec& spec) {
    BERTH_ASSIGN_OR_RETURN(const auto security, parse_security_options(spec.security_opt));
    if (spec.privileged || security.unconfined_paths) return PathPolicy{};
    return PathPolicy{masked_paths(), read_only_paths()};
}

Result<oci::Spec> make_bundle(const ContainerSpec& spec, const BundleFacts& facts) {
    BERTH_ASSIGN_OR_RETURN(const auto security, parse_security_options(spec.security_opt));
    oci::Spec out;
    const bool own_uts = spec.uts_mode.empty() || spec.uts_mode == "private";
    const auto hostname = !own_uts && spec.uts_mode == "host" ? facts.host_name : spec.hostname;
    BERTH_ASSIGN_OR_RETURN(out.process, make_process(spec, security, facts, hostname));
    if (own_uts) {
        out.hostname = spec.hostname;
        out.domainname = spec.domainname;
    }
    for (const auto& [key, value] : spec.annotations)
        if (key.empty() || key.starts_with("berth."))
            return fail(ErrorCode::invalid_input,
                        concat("the annotation '", key, "' of container '", spec.name, "': ",
                               key.empty() ? "it has no name" : "names that begin with 'berth.' are ours"));
    out.annotations = spec.annotations;
    add_root(spec, facts, out);
    BERTH_ASSIGN_OR_RETURN(out.mounts, bundle_mounts(spec, security, facts));
    BERTH_ASSIGN_OR_RETURN(out.linux_.namespaces, make_namespaces(spec));
    for (const auto& device : facts.devices)
        out.linux_.devices.push_back({device.path, std::string(1, device.type), device.major, device.minor,
                                      device.mode, device.uid, device.gid});
    BERTH_ASSIGN_OR_RETURN(out.linux_.cgroups_path, cgroup_path(spec, facts));
    BERTH_ASSIGN_OR_RETURN(out.linux_.resources, bundle_resources(spec, facts));
    BERTH_ASSIGN_OR_RETURN(out.linux_.sysctl, bundle_sysctls(spec));
    BERTH_ASSIGN_OR_RETURN(auto paths, path_policy(spec));
    out.linux_.masked_paths = std::move(paths.masked);
    out.linux_.readonly_paths = std::move(paths.read_only);
    out.linux_.seccomp = facts.seccomp;
    if (spec.init) out.annotations["berth.init"] = "true";
    return out;
}

} // namespace berth::runtime
