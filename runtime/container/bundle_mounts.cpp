// The mounts of a container: docker's defaults, the three files of /etc, and the user's own, in that order.
#include "runtime/container/bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::runtime {

namespace {

constexpr std::int64_t k_default_shm_size = 64 << 20;

std::vector<oci::Mount> default_mounts(const ContainerSpec& spec, const SecurityOptions& security,
                                       const BundleFacts& facts) {
    const std::string access = spec.privileged ? "rw" : "ro";
    const std::string cgroup_access = spec.privileged || security.writable_cgroups ? "rw" : "ro";
    // mqueue shows the queues of the IPC namespace that mounts it, be it the container's, the host's or
    // another's.
    std::vector<oci::Mount> out{
        {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
        {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
        {"/dev/pts",
         "devpts",
         "devpts",
         {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
        {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
        {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}},
        {"/sys/fs/cgroup", "cgroup", "cgroup", {cgroup_access, "nosuid", "noexec", "nodev"}}};
    // POSIX shared memory is a file system, so it is shared by a folder: of the host, or of the container
    // that offered it.
    const auto size = spec.limits.shm_size > 0 ? spec.limits.shm_size : k_default_shm_size;
    if (spec.ipc_mode == "host")
        out.push_back({"/dev/shm", "bind", "/dev/shm", {"bind", "nosuid", "noexec", "nodev"}});
    else if (spec.ipc_mode == "shareable")
        out.push_back(
            {"/dev/shm", "bind", join_path(facts.exec_dir, "shm"), {"bind", "nosuid", "noexec", "nodev"}});
    else if (const auto owner = joined_container(spec.ipc_mode); !owner.empty())
        out.push_back({"/dev/shm",
                       "bind",
                       join_path(join_path(dir_name(facts.exec_dir), owner), "shm"),
                       {"bind", "nosuid", "noexec", "nodev"}});
    else if (spec.ipc_mode != "none")
        out.push_back(
            {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", concat("size=", size)}});
    return out;
}

bool is_host_detail(const std::string& option) {
    // Words of docker's short syntax that say something to the engine, not to mount(2).
    static constexpr std::array<std::string_view, 8> k_words{"z",      "Z",         "nocopy",     "copy",
                                                             "cached", "delegated", "consistent", "rw"};
    return std::ranges::find(k_words, option) != k_words.end();
}

oci::Mount user_mount(const Mount& mount) {
    oci::Mount out;
    out.destination = clean_path(mount.target);
    if (mount.kind == MountKind::tmpfs) {
        out.type = "tmpfs";
        out.source = "tmpfs";
        const auto lifted = [&](std::string_view word) {
            return std::ranges::find(mount.options, word) != mount.options.end();
        };
        if (!lifted("suid")) out.options.emplace_back("nosuid");
        if (!lifted("dev")) out.options.emplace_back("nodev");
        if (!lifted("exec")) out.options.emplace_back("noexec");
        for (const auto& option : mount.options)
            if (!option.empty() && option != "rw" && option != "suid" && option != "dev" && option != "exec")
                out.options.push_back(option);
        if (mount.read_only && !lifted("ro")) out.options.emplace_back("ro");
        return out;
    }
    out.type = "bind";
    out.source = mount.source;
    out.options.emplace_back(mount.recursive ? "rbind" : "bind");
    bool read_only = mount.read_only || mount.kind == MountKind::image;
    for (const auto& option : mount.options) {
        if (option == "ro")
            read_only = true;
        else if (!option.empty() && !is_host_detail(option))
            out.options.push_back(option);
    }
    // Recursive, so that a mount below the source is not writable through a read-only bind.
    if (read_only) out.options.emplace_back(mount.recursive ? "rro" : "ro");
    out.options.push_back(mount.propagation.empty() ? "rprivate" : mount.propagation);
    return out;
}

void add_etc_file(const std::string& name, const std::string& directory, bool read_only,
                  std::vector<oci::Mount>& mounts) {
    const auto target = concat("/etc/", name);
    if (std::ranges::any_of(
            mounts, [&](const oci::Mount& m) { return m.destination == target || m.destination == "/etc"; }))
        return;
    mounts.push_back({target, "bind", join_path(directory, name), {"bind", "rprivate"}});
    if (read_only)
        mounts.back().options.emplace_back("ro"); // as Docker: they belong to the root that is read-only
}

std::int64_t depth(const oci::Mount& mount) {
    return std::ranges::count(mount.destination, '/');
}

berth::Status check_user_mount(const Mount& mount) {
    BERTH_TRY(check_mount_target(mount.target));
    if (mount.kind == MountKind::tmpfs) return {};
    if (mount.source.empty() || mount.source.front() != '/')
        return fail(ErrorCode::invalid_input, concat("the source \"", mount.source, "\" of the mount on ",
                                                     mount.target, " is not an absolute path"));
    return {};
}

} // namespace

berth::Status check_mount_target(const std::string& target) {
    if (target.empty() || target.front() != '/' || target.find('\0') != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    concat("mount target \"", target, "\" is not an absolute path"));
    const auto clean = clean_path(target);
    if (clean == "/") return fail(ErrorCode::invalid_input, "a mount cannot be made on \"/\"");
    if (clean != "/proc" && !clean.starts_with("/proc/")) return {};
    static constexpr std::array<std::string_view, 8> k_lxcfs{
        "/proc/cpuinfo", "/proc/meminfo", "/proc/stat",      "/proc/swaps",
        "/proc/uptime",  "/proc/loadavg", "/proc/diskstats", "/proc/slabinfo"};
    if (std::ranges::find(k_lxcfs, clean) != k_lxcfs.end()) return {};
    return fail(Error(ErrorCode::invalid_input,
                      concat("a mount cannot be made on \"", target, "\": it is inside /proc"))
                    .hint("only single files such as /proc/cpuinfo can be covered"));
}

Result<std::vector<oci::Mount>> bundle_mounts(const ContainerSpec& spec, const SecurityOptions& security,
                                              const BundleFacts& facts) {
    std::vector<oci::Mount> users;
    for (const auto& mount : spec.mounts) {
        BERTH_TRY(check_user_mount(mount));
        auto made = user_mount(mount);
        for (const auto& other : users)
            if (other.destination == made.destination)
                return fail(ErrorCode::invalid_input, concat("duplicate mount point: ", made.destination));
        users.push_back(std::move(made));
    }
    // What the container shares its network with has the files that say so.
    auto files = facts.container_dir;
    if (const auto owner = joined_container(spec.network.mode); !owner.empty())
        files = join_path(dir_name(facts.container_dir), owner);
    for (const char* name : {"hosts", "hostname", "resolv.conf"})
        add_etc_file(name, files, spec.read_only, users);
    // Parents before what lies in them.
    std::ranges::stable_sort(users, {}, depth);

    auto out = default_mounts(spec, security, facts);
    const auto covered = [&](const oci::Mount& mount) {
        return std::ranges::any_of(users, [&](const oci::Mount& user) {
            return user.destination == mount.destination ||
                   mount.destination.starts_with(user.destination + "/");
        });
    };
    std::erase_if(out, covered);
    out.insert(out.end(), users.begin(), users.end());
    return out;
}

} // namespace berth::runtime
