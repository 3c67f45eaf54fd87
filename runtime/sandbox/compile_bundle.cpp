#include "runtime/sandbox/compile_bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/sandbox/capability_names.hpp"
#include "runtime/sandbox/compile_cgroup.hpp"
#include "runtime/sandbox/compile_mounts.hpp"
#include "runtime/sandbox/credentials.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <algorithm>
#include <array>
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace berth::sandbox {

namespace {

struct NamespaceWord {
    const char* word;
    std::uint64_t kind;
};
constexpr std::array<NamespaceWord, 7> k_namespaces{{{"pid", sys::k_clone_newpid},
                                                     {"network", sys::k_clone_newnet},
                                                     {"mount", sys::k_clone_newns},
                                                     {"ipc", sys::k_clone_newipc},
                                                     {"uts", sys::k_clone_newuts},
                                                     {"cgroup", sys::k_clone_newcgroup},
                                                     {"time", sys::k_clone_newtime}}};

Status compile_namespaces(const oci::Spec& spec, LaunchPlan& plan) {
    for (const auto& entry : spec.linux_.namespaces) {
        const auto found = std::find_if(k_namespaces.begin(), k_namespaces.end(),
                                        [&](const NamespaceWord& word) { return entry.type == word.word; });
        if (found == k_namespaces.end()) {
            if (entry.type == "user")
                return fail(ErrorCode::unsupported,
                            "start a container in a user namespace: this berth has none");
            return fail(ErrorCode::invalid_input, concat("'", entry.type, "' is not a kind of namespace"));
        }
        const bool joined = std::any_of(plan.join.begin(), plan.join.end(), [&](const JoinNamespace& join) {
            return static_cast<std::uint64_t>(join.kind) == found->kind;
        });
        if ((plan.new_namespaces & found->kind) != 0 || joined)
            return fail(ErrorCode::invalid_input, concat("the ", entry.type, " namespace is given twice"));
        if (entry.path.empty()) {
            plan.new_namespaces |= found->kind;
            continue;
        }
        if (entry.path.front() != '/')
            return fail(ErrorCode::invalid_input,
                        concat("namespace path '", entry.path, "' is not absolute"));
        if (found->kind == sys::k_clone_newns)
            return fail(ErrorCode::unsupported, "start a container in the mount namespace of another");
        plan.join.push_back({static_cast<std::int64_t>(found->kind), entry.path});
    }
    if ((plan.new_namespaces & sys::k_clone_newns) == 0)
        return fail(ErrorCode::unsupported, "start a container without a mount namespace of its own");
    return {};
}

std::string annotation(const oci::Spec& spec, const std::string& key) {
    const auto found = spec.annotations.find(key);
    return found == spec.annotations.end() ? std::string() : found->second;
}

Status compile_root(const oci::Spec& spec, const std::string& bundle_dir, LaunchPlan& plan) {
    RootPlan& root = plan.root;
    const std::string lowers = annotation(spec, "berth.overlay.lowers");
    if (!lowers.empty()) {
        for (const auto& lower : split(lowers, ':')) {
            if (lower.empty() || lower.front() != '/')
                return fail(ErrorCode::invalid_input,
                            concat("image layer '", lower, "' of the bundle is not an absolute path"));
            root.lowers.push_back(lower);
        }
        root.upper = annotation(spec, "berth.overlay.upper");
        root.work = annotation(spec, "berth.overlay.work");
        root.volatile_upper = annotation(spec, "berth.overlay.volatile") == "true";
        if (root.upper.empty() != root.work.empty())
            return fail(ErrorCode::invalid_input,
                        "the bundle names one of berth.overlay.upper and .work without the other");
    } else {
        if (spec.root.path.empty()) return fail(ErrorCode::invalid_input, "the bundle has no root.path");
        root.directory = absolute_path(spec.root.path, bundle_dir);
    }
    root.read_only = spec.root.readonly;
    root.attach_point = bundle_dir;
    BERTH_ASSIGN_OR_RETURN(const auto propagation, parse_propagation(spec.linux_.rootfs_propagation));
    root.propagation = propagation;
    return {};
}

Result<DeviceNode> compile_device(const oci::Device& spec) {
    DeviceNode node;
    node.path = clean_path(spec.path);
    if (!node.path.starts_with("/dev/"))
        return fail(ErrorCode::invalid_input, concat("device '", spec.path, "' is not below /dev"));
    if (spec.type == "c" || spec.type == "u")
        node.type = 'c';
    else if (spec.type == "b" || spec.type == "p")
        node.type = spec.type[0];
    else
        return fail(ErrorCode::invalid_input,
                    concat("device '", spec.path, "' has the type '", spec.type, "': c, b or p is wanted"));
    constexpr std::int64_t k_most_major = 4095, k_most_minor = (1 << 20) - 1; // dev_t of the kernel
    if (spec.major < 0 || spec.major > k_most_major || spec.minor < 0 || spec.minor > k_most_minor)
        return fail(ErrorCode::invalid_input,
                    concat("device '", spec.path, "' has the number ", spec.major, ":", spec.minor));
    node.major = spec.major;
    node.minor = spec.minor;
    node.mode = spec.file_mode.value_or(0666) & 07777;
    node.uid = spec.uid.value_or(0);
    node.gid = spec.gid.value_or(0);
    return node;
}

// What every container gets, whether the bundle lists it or not (runtime-spec, "default devices").
void add_default_devices(LaunchPlan& plan) {
    struct Default {
        const char* path;
        int minor;
        int major;
    };
    static constexpr std::array<Default, 6> defaults{{{"/dev/null", 3, 1},
                                                      {"/dev/zero", 5, 1},
                                                      {"/dev/full", 7, 1},
                                                      {"/dev/random", 8, 1},
                                                      {"/dev/urandom", 9, 1},
                                                      {"/dev/tty", 0, 5}}};
    for (const auto& entry : defaults) {
        const auto there = std::any_of(plan.devices.begin(), plan.devices.end(),
                                       [&](const DeviceNode& node) { return node.path == entry.path; });
        if (there) continue;
        DeviceNode node;
        node.path = entry.path;
        node.major = entry.major;
        node.minor = entry.minor;
        plan.devices.push_back(std::move(node));
    }
}

Result<Rlimit> compile_rlimit(const oci::Rlimit& spec) {
    std::string name = to_lower(spec.type);
    if (name.starts_with("rlimit_")) name = name.substr(7);
    for (int resource = 0; resource < static_cast<int>(RLIM_NLIMITS); ++resource) {
        if (name != rlimit_name(resource)) continue;
        if (spec.soft > spec.hard)
            return fail(ErrorCode::invalid_input, concat("resource limit ", name, ": the soft limit ",
                                                         spec.soft, " is above the hard limit ", spec.hard));
        return Rlimit{resource, spec.soft, spec.hard};
    }
    return fail(ErrorCode::invalid_input, concat("'", spec.type, "' is not a resource limit"));
}

Status compile_capabilities(const oci::Process& spec, ProcessPlan& plan) {
    BERTH_ASSIGN_OR_RETURN(plan.caps.bounding, capability_mask(spec.capabilities.bounding));
    BERTH_ASSIGN_OR_RETURN(plan.caps.permitted, capability_mask(spec.capabilities.permitted));
    BERTH_ASSIGN_OR_RETURN(plan.caps.effective, capability_mask(spec.capabilities.effective));
    BERTH_ASSIGN_OR_RETURN(plan.caps.inheritable, capability_mask(spec.capabilities.inheritable));
    BERTH_ASSIGN_OR_RETURN(plan.caps.ambient, capability_mask(spec.capabilities.ambient));
    if ((plan.caps.effective & ~plan.caps.permitted) != 0)
        return fail(ErrorCode::invalid_input, "an effective capability of the bundle is not a permitted one");
    if ((plan.caps.ambient & ~(plan.caps.permitted & plan.caps.inheritable)) != 0)
        return fail(ErrorCode::invalid_input,
                    "an ambient capability of the bundle is not permitted and inheritable");
    return {};
}

Status compile_process(const oci::Process& spec, const HostFacts& host, std::vector<std::uint8_t> seccomp,
                       ProcessPlan& plan) {
    if (spec.args.empty() || spec.args.front().empty())
        return fail(ErrorCode::invalid_input, "the container has no command to run");
    plan.argv = spec.args;
    plan.env = spec.env;
    for (const auto* list : {&plan.argv, &plan.env})
        for (const auto& text : *list)
            if (text.find('\0') != std::string::npos)
                return fail(ErrorCode::invalid_input, "an argument or environment entry holds a NUL byte");
    if (spec.cwd.empty() || spec.cwd.front() != '/')
        return fail(ErrorCode::invalid_input,
                    concat("the working directory '", spec.cwd, "' is not absolute"));
    plan.cwd = clean_path(spec.cwd);
    constexpr std::uint32_t k_no_id = ~std::uint32_t{0}; // "leave it as it is" for setresuid: never a user
    if (spec.user.uid == k_no_id || spec.user.gid == k_no_id)
        return fail(ErrorCode::invalid_input, "4294967295 is not a user or group id");
    plan.uid = spec.user.uid;
    plan.gid = spec.user.gid;
    plan.groups = spec.user.additional_gids;
    plan.umask = spec.user.umask.value_or(022);
    plan.terminal = spec.terminal;
    plan.no_new_privileges = spec.no_new_privileges;
    BERTH_TRY(compile_capabilities(spec, plan));
    for (const auto& limit : spec.rlimits) {
        BERTH_ASSIGN_OR_RETURN(const auto compiled, compile_rlimit(limit));
        plan.rlimits.push_back(compiled);
    }
    if (spec.oom_score_adj) {
        if (*spec.oom_score_adj < -1000 || *spec.oom_score_adj > 1000)
            return fail(ErrorCode::invalid_input, concat("the OOM score adjustment ", *spec.oom_score_adj,
                                                         " is not from -1000 to 1000"));
        plan.oom_score_adj = *spec.oom_score_adj;
        plan.set_oom_score_adj = true;
    }
    if (seccomp.size() % sizeof(sock_filter) != 0 || seccomp.size() / sizeof(sock_filter) > BPF_MAXINSNS)
        return fail(ErrorCode::internal, concat("a seccomp program of ", seccomp.size(), " bytes"));
    plan.seccomp = std::move(seccomp);
    if (!spec.apparmor_profile.empty() && spec.apparmor_profile != "unconfined") {
        if (!host.apparmor)
            return fail(ErrorCode::unsupported, concat("use the AppArmor profile '", spec.apparmor_profile,
                                                       "': this host has no AppArmor"));
        plan.apparmor = spec.apparmor_profile;
    }
    return {};
}

// Only parameters that belong to a namespace of the container: any other would change the host (S29).
Status check_sysctl(const std::string& key, const LaunchPlan& plan, bool own_network) {
    static constexpr std::array<std::string_view, 9> ipc{
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",          "kernel.sem",        "kernel.shmall",
        "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.auto_msgmni"};
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::invalid_input, concat("kernel parameter ", key, ": ", why));
    };
    if (key.empty() || key.find("..") != std::string::npos || key.front() == '/' ||
        key.find('\0') != std::string::npos)
        return refuse("it is not a name");
    if (key.starts_with("net.") || key.starts_with("net/"))
        return own_network ? Status() : Status(refuse("the container shares the host's network"));
    if (key.starts_with("fs.mqueue.") || std::find(ipc.begin(), ipc.end(), key) != ipc.end())
        return (plan.new_namespaces & sys::k_clone_newipc) != 0
                   ? Status()
                   : Status(refuse("the container has no ipc namespace of its own"));
    if (key == "kernel.domainname")
        return (plan.new_namespaces & sys::k_clone_newuts) != 0
                   ? Status()
                   : Status(refuse("the container shares the host's name"));
    return refuse("it would change the whole host");
}

Status compile_sysctls(const oci::Spec& spec, LaunchPlan& plan) {
    const bool joins_network = std::any_of(plan.join.begin(), plan.join.end(), [](const JoinNamespace& join) {
        return static_cast<std::uint64_t>(join.kind) == sys::k_clone_newnet;
    });
    const bool own_network = (plan.new_namespaces & sys::k_clone_newnet) != 0 || joins_network;
    for (const auto& [key, value] : spec.linux_.sysctl) {
        BERTH_TRY(check_sysctl(key, plan, own_network));
        plan.sysctls.push_back({key, value});
    }
    return {};
}

bool is_file_on_host(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

Status check_path(const std::string& path, std::string_view what) {
    if (!path.empty() && path.front() == '/') return {};
    return fail(ErrorCode::invalid_input, concat(what, " '", path, "' is not absolute"));
}

} // namespace

Result<LaunchPlan> compile_bundle(const oci::Spec& spec, const std::string& bundle_dir, const std::string& id,
                                  const HostFacts& host, std::vector<std::uint8_t> seccomp_bpf) {
    LaunchPlan plan;
    plan.id = id;
    BERTH_TRY(compile_namespaces(spec, plan));
    BERTH_TRY(compile_root(spec, bundle_dir, plan));
    for (const auto& mount : spec.mounts) {
        BERTH_ASSIGN_OR_RETURN(auto step, compile_mount(mount, bundle_dir, is_file_on_host));
        plan.mounts.push_back(std::move(step));
    }
    for (const auto& device : spec.linux_.devices) {
        BERTH_ASSIGN_OR_RETURN(auto node, compile_device(device));
        plan.devices.push_back(std::move(node));
    }
    add_default_devices(plan);
    for (const auto& path : spec.linux_.masked_paths) {
        BERTH_TRY(check_path(path, "masked path"));
        plan.masked.push_back(clean_path(path));
    }
    for (const auto& path : spec.linux_.readonly_paths) {
        BERTH_TRY(check_path(path, "read-only path"));
        plan.read_only.push_back(clean_path(path));
    }
    if ((!spec.hostname.empty() || !spec.domainname.empty()) &&
        (plan.new_namespaces & sys::k_clone_newuts) == 0)
        return fail(ErrorCode::invalid_input, "a host name needs a uts namespace of the container's own");
    constexpr std::size_t k_most = 64; // __NEW_UTS_LEN
    if (spec.hostname.size() > k_most || spec.domainname.size() > k_most)
        return fail(ErrorCode::invalid_input,
                    concat("host name '", spec.hostname, "' is longer than 64 bytes"));
    plan.hostname = spec.hostname;
    plan.domainname = spec.domainname;
    BERTH_TRY(compile_sysctls(spec, plan));
    BERTH_ASSIGN_OR_RETURN(plan.cgroup, compile_cgroup(spec.linux_, id, host));
    BERTH_TRY(compile_process(spec.process, host, std::move(seccomp_bpf), plan.process));
    plan.init = annotation(spec, "berth.init") == "true";
    return plan;
}

} // namespace berth::sandbox
