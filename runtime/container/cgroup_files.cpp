#include "runtime/container/cgroup_files.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

// How long the kernel may take to end or freeze processes: those in an uninterruptible system call (a hung
// network file system) take longer, and then the caller is told.
constexpr int k_patience_ms = 10'000;

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue"
void read_mount_line(std::string_view line, CgroupMounts& out) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) return;
    const auto fields = split(line.substr(0, dash), ' ');
    const auto tail = split(line.substr(dash + 3), ' ');
    if (fields.size() < 6 || tail.size() < 3 || fields[3] != "/") return;
    if (tail[0] == "cgroup2") {
        if (out.unified.empty()) out.unified = fields[4];
    } else if (tail[0] == "cgroup") {
        for (auto& option : split(tail[2], ','))
            if (option != "rw" && option != "ro" && !option.starts_with("name="))
                out.v1.emplace_back(option, fields[4]);
    }
}

berth::Status write_control(const std::string& path, std::string_view value) {
    BERTH_ASSIGN_OR_RETURN(const auto file, open_file(path, O_WRONLY));
    return write_all(file.get(), value, path);
}

// Waits until `key` of cgroup.events has this value: the kernel signals changes of the file as POLLPRI.
berth::Status await_event(const std::string& folder, std::string_view key, std::uint64_t wanted,
                          std::string_view doing) {
    const auto path = join_path(folder, "cgroup.events");
    auto file = open_file(path, O_RDONLY);
    if (!file) {
        if (file.error().sys_errno() == ENOENT) return {}; // removed by its monitor meanwhile
        return fail(std::move(file).error());
    }
    for (;;) {
        char text[256];
        const auto got = ::pread(file->get(), text, sizeof text, 0);
        if (got < 0)
            return errno == ENODEV ? berth::Status{} : berth::Status(fail_errno(concat("read '", path, "'")));
        if (keyed_value({text, static_cast<std::size_t>(got)}, key) == wanted) return {};
        pollfd waiter{file->get(), POLLPRI, 0};
        const int ready = ::poll(&waiter, 1, k_patience_ms);
        if (ready < 0 && errno != EINTR) return fail_errno(concat("wait for '", path, "'"));
        if (ready == 0)
            return fail(ErrorCode::timed_out, concat(doing, " took longer than ", k_patience_ms / 1000,
                                                     " s: a process hangs in the kernel"));
    }
}

Result<std::vector<std::int64_t>> read_processes(const std::string& folder) {
    std::vector<std::int64_t> out;
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(join_path(folder, "cgroup.procs")));
    if (!text) return out;
    for (const auto& line : split(*text, '\n'))
        if (const auto pid = parse_integer(line, 1)) out.push_back(*pid);
    return out;
}

// A container may have made cgroups of its own below its one (writable-cgroups): leaves first.
berth::Status remove_cgroup_tree(const std::string& folder, int depth) {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return {};
    const int first = errno;
    if (depth > 0) {
        const auto names = list_dir(folder);
        if (names)
            for (const auto& name : *names)
                if (is_directory(join_path(folder, name)))
                    BERTH_TRY(remove_cgroup_tree(join_path(folder, name), depth - 1));
    }
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return {};
    return fail_errno(concat("remove the cgroup '", folder, "'"), first);
}

} // namespace

const CgroupMounts& cgroup_mounts() {
    static const CgroupMounts mounts = [] {
        CgroupMounts out;
        if (const auto text = read_file("/proc/self/mountinfo"))
            for (const auto& line : split(*text, '\n'))
                read_mount_line(line, out);
        return out;
    }();
    return mounts;
}

std::uint64_t keyed_value(std::string_view text, std::string_view key) {
    for (const auto& line : split(text, '\n')) {
        if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ' ') continue;
        const auto value = parse_integer(trim(std::string_view(line).substr(key.size() + 1)), 0);
        return value ? static_cast<std::uint64_t>(*value) : 0;
    }
    return 0;
}

std::string container_cgroup_path(const std::string& scope, const ContainerSpec& spec) {
    if (spec.cgroup_parent.empty()) return concat("/", scope, "/", spec.id);
    return join_path(clean_path(concat("/", spec.cgroup_parent)), spec.id);
}

ContainerCgroup cgroup_of(const Context& context, const ContainerSpec& spec) {
    return ContainerCgroup(container_cgroup_path(context.paths.scope(), spec));
}

std::string ContainerCgroup::folder(std::string_view controller) const {
    const auto& mounts = cgroup_mounts();
    if (!controller.empty())
        for (const auto& [name, mount] : mounts.v1)
            if (name == controller) return join_path(mount, path_);
    return mounts.unified.empty() ? std::string() : join_path(mounts.unified, path_);
}

bool ContainerCgroup::exists() const {
    const auto unified = folder("");
    return !unified.empty() && path_exists(unified);
}

Result<std::vector<std::int64_t>> ContainerCgroup::processes() const {
    const auto unified = folder("");
    if (!unified.empty()) return read_processes(unified);
    const auto& v1 = cgroup_mounts().v1;
    return v1.empty() ? Result<std::vector<std::int64_t>>(std::vector<std::int64_t>{})
                      : read_processes(join_path(v1.front().second, path_));
}

berth::Status ContainerCgroup::kill_all() const {
    const auto unified = folder("");
    if (unified.empty() || !path_exists(unified)) return {};
    const auto killed = write_control(join_path(unified, "cgroup.kill"), "1"); // Linux 5.14
    if (!killed) {
        if (!path_exists(unified)) return {};
        // An older kernel: one by one, as long as new ones come.
        for (int round = 0; round < 100; ++round) {
            BERTH_ASSIGN_OR_RETURN(const auto pids, processes());
            if (pids.empty()) break;
            for (const auto pid : pids) {
                const auto start = process_start_time(static_cast<pid_t>(pid));
                if (!start || !*start) continue;
                const auto process = PidFd::open({pid, **start});
                if (process && *process) (void)(*process)->send_signal(SIGKILL);
            }
        }
    }
    return await_event(unified, "populated", 0, "ending the container's processes");
}

berth::Status ContainerCgroup::freeze(bool on) const {
    const auto unified = folder("");
    if (unified.empty())
        return fail(ErrorCode::unsupported,
                    "freeze the container: this host has no cgroup v2 hierarchy (Linux 5.2)");
    BERTH_TRY(write_control(join_path(unified, "cgroup.freeze"), on ? "1" : "0"));
    return await_event(unified, "frozen", on ? 1 : 0,
                       on ? "pausing the container" : "resuming the container");
}

bool ContainerCgroup::is_frozen() const {
    const auto unified = folder("");
    if (unified.empty()) return false;
    const auto text = read_file_if_exists(join_path(unified, "cgroup.events"), 4096);
    return text && *text && keyed_value(**text, "frozen") == 1;
}

berth::Status ContainerCgroup::remove() const {
    ErrorList failed;
    std::vector<std::string> seen;
    const auto& mounts = cgroup_mounts();
    for (const auto& [name, mount] : mounts.v1) {
        if (std::ranges::find(seen, mount) != seen.end()) continue;
        seen.push_back(mount);
        failed.push(remove_cgroup_tree(join_path(mount, path_), 8));
    }
    if (!mounts.unified.empty()) failed.push(remove_cgroup_tree(join_path(mounts.unified, path_), 8));
    return std::move(failed).take();
}

} // namespace berth::runtime
