#include "runtime/sandbox/compile_mounts.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/mount.h>

namespace berth::sandbox {

namespace {

struct Flag {
    std::string_view name;
    std::uint64_t set;
    std::uint64_t clear;
    bool recursive;
};

// As mount(8) and the runtime-spec name them; "r..." ones reach the mounts below (Linux 5.12).
constexpr std::array k_flags{
    Flag{"ro", MOUNT_ATTR_RDONLY, 0, false},
    Flag{"rw", 0, MOUNT_ATTR_RDONLY, false},
    Flag{"nosuid", MOUNT_ATTR_NOSUID, 0, false},
    Flag{"suid", 0, MOUNT_ATTR_NOSUID, false},
    Flag{"nodev", MOUNT_ATTR_NODEV, 0, false},
    Flag{"dev", 0, MOUNT_ATTR_NODEV, false},
    Flag{"noexec", MOUNT_ATTR_NOEXEC, 0, false},
    Flag{"exec", 0, MOUNT_ATTR_NOEXEC, false},
    Flag{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, false},
    Flag{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, false},
    Flag{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, false},
    Flag{"nodiratime", MOUNT_ATTR_NODIRATIME, 0, false},
    Flag{"diratime", 0, MOUNT_ATTR_NODIRATIME, false},
    Flag{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, false},
    Flag{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, false},
    Flag{"rro", MOUNT_ATTR_RDONLY, 0, true},
    Flag{"rrw", 0, MOUNT_ATTR_RDONLY, true},
    Flag{"rnosuid", MOUNT_ATTR_NOSUID, 0, true},
    Flag{"rsuid", 0, MOUNT_ATTR_NOSUID, true},
    Flag{"rnodev", MOUNT_ATTR_NODEV, 0, true},
    Flag{"rdev", 0, MOUNT_ATTR_NODEV, true},
    Flag{"rnoexec", MOUNT_ATTR_NOEXEC, 0, true},
    Flag{"rexec", 0, MOUNT_ATTR_NOEXEC, true},
};

struct Propagation {
    std::string_view name;
    std::uint64_t flags;
};
constexpr std::array k_propagations{
    Propagation{"private", MS_PRIVATE},       Propagation{"rprivate", MS_PRIVATE | MS_REC},
    Propagation{"slave", MS_SLAVE},           Propagation{"rslave", MS_SLAVE | MS_REC},
    Propagation{"shared", MS_SHARED},         Propagation{"rshared", MS_SHARED | MS_REC},
    Propagation{"unbindable", MS_UNBINDABLE}, Propagation{"runbindable", MS_UNBINDABLE | MS_REC},
};

// Words that mean nothing to the kernel or are the default.
bool is_neutral(std::string_view option) {
    static constexpr std::array<std::string_view, 8> words{
        "defaults", "async", "norelatime", "nostrictatime", "loud", "silent", "nomand", "atime"};
    return std::find(words.begin(), words.end(), option) != words.end();
}

// Only what lxcfs replaces by files of its own may lie below /proc (CVE-2019-16884, CVE-2019-19921,
// CVE-2025-52881).
Status check_target(const std::string& target, const oci::Mount& mount) {
    static constexpr std::array<std::string_view, 8> lxcfs{
        "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",      "/proc/swaps",
        "/proc/uptime",  "/proc/loadavg", "/proc/diskstats", "/proc/slabinfo"};
    const auto refuse = [&](std::string_view why) {
        return fail(ErrorCode::invalid_input, concat("mount on '", mount.destination, "': ", why));
    };
    if (target == "/") return refuse("the root of the container cannot be covered");
    if (target == "/proc")
        return mount.type == "proc" ? Status() : Status(refuse("only the process file system may be there"));
    if (target.starts_with("/proc/") && std::find(lxcfs.begin(), lxcfs.end(), target) == lxcfs.end())
        return refuse("nothing may cover the container's /proc");
    if ((target == "/sys" || target == "/sys/fs/cgroup") && (mount.type == "bind" || mount.type == "tmpfs"))
        return refuse("the kernel's own file system belongs there");
    return {};
}

// true: understood.
bool apply_flag(std::string_view option, MountStep& step) {
    for (const auto& flag : k_flags) {
        if (flag.name != option) continue;
        step.attributes = (step.attributes & ~flag.clear) | flag.set;
        step.clear_attributes = (step.clear_attributes & ~flag.set) | flag.clear;
        step.recursive_attributes = step.recursive_attributes || flag.recursive;
        return true;
    }
    return false;
}

} // namespace

Result<std::uint64_t> parse_propagation(const std::string& word) {
    if (word.empty()) return std::uint64_t{0};
    for (const auto& entry : k_propagations)
        if (entry.name == word) return entry.flags;
    return fail(ErrorCode::invalid_input, concat("'", word, "' is not a mount propagation"));
}

Result<MountStep> compile_mount(const oci::Mount& mount, const std::string& bundle_dir,
                                bool (*source_is_file)(const std::string& path)) {
    MountStep step;
    if (mount.destination.empty())
        return fail(ErrorCode::invalid_input, "a mount of the bundle has no destination");
    // A relative destination is relative to the root, as the runtime-spec has it since 1.0.
    step.target = absolute_path(mount.destination, "/");
    step.fstype = mount.type;
    bool bind = mount.type == "bind";
    step.recursive = false;
    for (const auto& option : mount.options) {
        if (option == "bind" || option == "rbind") {
            bind = true;
            step.recursive = option == "rbind";
        } else if (option == "tmpcopyup") {
            step.copy_up = true;
        } else if (apply_flag(option, step) || is_neutral(option)) {
            continue;
        } else if (const auto propagation = parse_propagation(option); propagation && *propagation != 0) {
            step.propagation = *propagation;
        } else {
            step.options.push_back(option);
        }
    }
    if (bind) {
        step.fstype = "bind";
        if (mount.source.empty())
            return fail(ErrorCode::invalid_input,
                        concat("the bind mount on '", step.target, "' has no source"));
        if (!step.options.empty())
            return fail(ErrorCode::invalid_input,
                        concat("'", step.options.front(), "' is not an option of the bind mount on '",
                               step.target, "'"));
        step.source = absolute_path(mount.source, bundle_dir);
        step.target_is_file = source_is_file(step.source);
    } else {
        if (mount.type.empty())
            return fail(ErrorCode::invalid_input, concat("the mount on '", step.target, "' has no type"));
        step.source = mount.source;
    }
    if (step.copy_up && step.fstype != "tmpfs")
        return fail(ErrorCode::invalid_input,
                    concat("tmpcopyup on '", step.target, "': only a tmpfs can start with a copy"));
    oci::Mount checked = mount;
    checked.type = step.fstype;
    BERTH_TRY(check_target(step.target, checked));
    return step;
}

} // namespace berth::sandbox
