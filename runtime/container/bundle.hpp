// bundle.hpp - ContainerSpec to the OCI bundle's config.json, with Docker's defaults where the spec says
// nothing. Pure: what of the machine matters comes in BundleFacts. Everything the user may have got wrong is
// refused here, before anything is created.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/container/spec.hpp"
#include "runtime/container/users.hpp"
#include "runtime/sandbox/oci_spec.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

struct HostDevice {
    std::string path; // as it is to be called inside
    char type = 'c';
    std::int64_t major = 0, minor = 0;
    std::uint32_t mode = 0666, uid = 0, gid = 0; // permission bits only
};

struct BundleFacts {
    ResolvedUser user;
    std::uint64_t bounding = 0;    // the caller's own capabilities
    std::uint64_t nofile_hard = 0; // the caller's own hard limits
    std::uint64_t core_hard = 0;
    std::int64_t own_oom_score_adj = 0;
    std::string container_dir;                   // hosts, hostname, resolv.conf, upper, work
    std::string exec_dir;                        // shm of a shareable container
    std::string scope;                           // Paths::scope()
    std::string host_name;                       // uname's, for uts: host
    bool apparmor = false;                       // the kernel enforces profiles
    std::vector<HostDevice> devices;             // --device, resolved; all of the host's when privileged
    std::vector<oci::DeviceCgroup> device_rules; // of --device and --device-cgroup-rule
    oci::BlockIo block_io;                       // limits of single block devices, resolved
    Json seccomp;                                // settled profile; null: unconfined
};

[[nodiscard]] Result<oci::Spec> make_bundle(const ContainerSpec& spec, const BundleFacts& facts);

// What --security-opt asks for.
struct SecurityOptions {
    bool no_new_privileges = false;
    bool writable_cgroups = false;
    bool unconfined_paths = false; // systempaths=unconfined: no masked and read-only paths
    std::string seccomp;           // "": the default; "unconfined"; or the path of a profile
    std::string apparmor;          // "": the default; "unconfined"; or a profile's name
};
[[nodiscard]] Result<SecurityOptions> parse_security_options(const std::vector<std::string>& options);

// ---- the parts, each for itself so that tests can look at them ----

// Paths of /proc and /sys that the container does not see, or only reads. None of a privileged one.
struct PathPolicy {
    std::vector<std::string> masked, read_only;
};
[[nodiscard]] Result<PathPolicy> path_policy(const ContainerSpec& spec);

[[nodiscard]] Result<std::vector<oci::Mount>>
bundle_mounts(const ContainerSpec& spec, const SecurityOptions& security, const BundleFacts& facts);
// A mount's target is absolute, not "/" and not in /proc (S30: a mount over /proc/sys/... or /proc/self/attr
// takes the mask from under the sandbox; CVE-2019-16884, CVE-2019-19921), but for lxcfs's files.
[[nodiscard]] berth::Status check_mount_target(const std::string& target);
[[nodiscard]] Result<oci::Resources> bundle_resources(const ContainerSpec& spec, const BundleFacts& facts);
[[nodiscard]] Result<std::vector<oci::Rlimit>> bundle_rlimits(const ContainerSpec& spec,
                                                              const BundleFacts& facts);
[[nodiscard]] Result<std::map<std::string, std::string>> bundle_sysctls(const ContainerSpec& spec);
[[nodiscard]] std::vector<oci::DeviceCgroup> default_device_rules();
// "c 1:3 rwm", "b *:* m", "a *:* rwm".
[[nodiscard]] Result<oci::DeviceCgroup> parse_device_rule(const std::string& text);

// ---- effects: reads the machine ----

// --device: the node that `source` (a symlink is resolved once) is, or all nodes of a folder.
[[nodiscard]] Result<std::vector<HostDevice>> resolve_device(const DeviceMapping& mapping);
// All device nodes of the host, for privileged containers.
[[nodiscard]] Result<std::vector<HostDevice>> all_host_devices();
// Everything of BundleFacts for this spec: resolves the user in the image, devices, limits, the seccomp
// profile.
[[nodiscard]] Result<BundleFacts> gather_bundle_facts(const Context& context, const ContainerSpec& spec);

// "host", "container:<id>" -> the id; "" when the mode names no container.
[[nodiscard]] std::string joined_container(const std::string& mode);

} // namespace berth::runtime
