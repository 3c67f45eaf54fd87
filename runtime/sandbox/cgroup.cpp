#include "runtime/sandbox/cgroup.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/sandbox/cgroup_devices.hpp"

#include <algorithm>
#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

Status write_value(const std::string& folder, const std::string& file, std::string_view value) {
    const std::string path = join_path(folder, file);
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd || ::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        return fail_errno(concat("write ", value, " to '", path, "'"));
    return {};
}

std::string read_value(const std::string& folder, const std::string& file) {
    auto text = read_file(join_path(folder, file), 1 << 20);
    return text ? std::string(trim(*text)) : std::string();
}

// Value of "key N" in a flat-keyed file; 0 when it is not there.
std::uint64_t read_key(const std::string& folder, const std::string& file, std::string_view key) {
    const std::string text = read_value(folder, file);
    for (const auto& line : split(text, '\n'))
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            if (const auto value = parse_integer(std::string_view(line).substr(key.size() + 1), 0))
                return static_cast<std::uint64_t>(*value);
    return 0;
}

// A new cpuset has no CPUs and takes no process until it has: what the parent has.
Status inherit_cpuset(const std::string& parent, const std::string& folder) {
    for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
        if (!read_value(folder, file).empty()) continue;
        const std::string value = read_value(parent, file);
        if (!value.empty()) BERTH_TRY(write_value(folder, file, value));
    }
    return {};
}

// Every part of `path` below the mount; `made` gets the ones that were not there.
Status make_folders(const std::string& mount, const std::string& path, bool cpuset,
                    std::vector<std::string>& made) {
    // The last container that goes takes the common parent with it, perhaps between our two calls: then once
    // more.
    for (int attempt = 0;; ++attempt) {
        std::string folder = mount;
        bool lost = false;
        for (const auto& part : split(path, '/')) {
            if (part.empty() || part == "." || part == "..")
                return fail(ErrorCode::invalid_input,
                            concat("make the cgroup '", path, "': it is not a clean path"));
            const std::string parent = std::exchange(folder, join_path(folder, part));
            if (::mkdir(folder.c_str(), 0755) == 0)
                made.push_back(folder);
            else if (errno == ENOENT && attempt < 8)
                lost = true;
            else if (errno != EEXIST)
                return fail_errno(concat("make the cgroup '", folder, "'"));
            if (lost) break;
            if (cpuset) BERTH_TRY(inherit_cpuset(parent, folder));
        }
        if (!lost) return {};
    }
}

// Makes the controllers of the limits available in a v2 folder: enabled in each of its parents.
Status enable_controllers(const std::string& mount, const std::string& path, const CgroupPlan& plan) {
    std::vector<std::string> wanted;
    for (const auto& write : plan.writes) {
        const std::string name = write.file.substr(0, write.file.find('.'));
        if (write.controller.empty() && name != "cgroup" &&
            std::find(wanted.begin(), wanted.end(), name) == wanted.end())
            wanted.push_back(name);
    }
    std::string folder = mount;
    for (const auto& part : split(path, '/')) {
        const auto enabled = split(read_value(folder, "cgroup.subtree_control"), ' ');
        for (const auto& name : wanted)
            if (std::find(enabled.begin(), enabled.end(), name) == enabled.end())
                BERTH_TRY(write_value(folder, "cgroup.subtree_control", "+" + name));
        folder = join_path(folder, part);
    }
    return {};
}

void remove_folders_below(const std::string& folder) {
    auto names = list_dir(folder);
    if (!names) return;
    for (const auto& name : *names) {
        const std::string path = join_path(folder, name);
        struct stat info {};
        if (::lstat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) continue;
        remove_folders_below(path);
        (void)::rmdir(path.c_str());
    }
}

} // namespace

CgroupLayout CgroupLayout::parse(std::string_view mountinfo) {
    CgroupLayout layout;
    for (const auto& line : split(mountinfo, '\n')) {
        const auto dash = line.find(" - cgroup");
        if (dash == std::string::npos) continue;
        const auto before = split(std::string_view(line).substr(0, dash), ' ');
        const auto after = split(std::string_view(line).substr(dash + 3), ' ');
        if (before.size() < 5 || after.size() < 3) continue;
        if (after[0] == "cgroup2") {
            // The last one mounted on a place is the one that is seen; the first place wins.
            if (layout.unified.empty()) layout.unified = before[4];
            continue;
        }
        Hierarchy hierarchy{before[4], {}};
        for (const auto& option : split(after[2], ','))
            if (option != "rw" && option != "ro" && !option.starts_with("name=") && option != "xattr" &&
                option != "clone_children")
                hierarchy.controllers.push_back(option);
        if (!hierarchy.controllers.empty()) layout.v1.push_back(std::move(hierarchy));
    }
    return layout;
}

Result<CgroupLayout> CgroupLayout::probe() {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file("/proc/self/mountinfo"));
    CgroupLayout layout = parse(text);
    if (layout.unified.empty() && layout.v1.empty())
        return fail(Error(ErrorCode::unsupported, "find a mounted cgroup hierarchy")
                        .hint("mount cgroup2 on /sys/fs/cgroup"));
    return layout;
}

const CgroupLayout::Hierarchy* CgroupLayout::find(std::string_view controller) const {
    for (const auto& hierarchy : v1)
        if (std::find(hierarchy.controllers.begin(), hierarchy.controllers.end(), controller) !=
            hierarchy.controllers.end())
            return &hierarchy;
    return nullptr;
}

Result<Cgroup> Cgroup::open(const CgroupLayout& layout, const std::string& path,
                            const std::vector<std::string>& controllers) {
    Cgroup cgroup;
    for (const auto& hierarchy : layout.v1)
        cgroup.everywhere_.push_back(join_path(hierarchy.mount, path));
    for (const auto& controller : controllers) {
        const auto* hierarchy = layout.find(controller);
        if (hierarchy == nullptr)
            return fail(
                Error(ErrorCode::unsupported,
                      concat("use the ", controller, " limits: this host has no such cgroup controller")));
        cgroup.joined_.push_back({controller, join_path(hierarchy->mount, path)});
    }
    if (!layout.unified.empty()) {
        cgroup.unified_ = join_path(layout.unified, path);
        cgroup.unified_fd_ = Fd(::open(cgroup.unified_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    return cgroup;
}

namespace {

// What an earlier start left under this name. Not only its processes go but the folder too: since Linux 6.15
// a cgroup counts the kills that were written to it, and a process cloned into one with a count dies at
// birth.
Status remove_leftover(const CgroupLayout& layout, const CgroupPlan& plan) {
    BERTH_ASSIGN_OR_RETURN(const Cgroup old, Cgroup::open(layout, plan.path, plan.controllers));
    if (old.populated()) {
        BERTH_TRY(old.clear());
        BERTH_ASSIGN_OR_RETURN(const bool empty, old.wait_empty(std::chrono::seconds(10)));
        if (!empty)
            return fail(ErrorCode::in_use, concat("clear the cgroup '", plan.path,
                                                  "' of an earlier start: its processes do not end"));
    }
    return old.remove();
}

} // namespace

Result<Cgroup> Cgroup::create(const CgroupLayout& layout, const CgroupPlan& plan) {
    BERTH_TRY(remove_leftover(layout, plan));
    std::vector<std::string> made;
    Rollback undo;
    undo.add([&made] {
        for (auto folder = made.rbegin(); folder != made.rend(); ++folder)
            (void)::rmdir(folder->c_str());
    });
    for (const auto& controller : plan.controllers)
        if (const auto* hierarchy = layout.find(controller))
            BERTH_TRY(make_folders(hierarchy->mount, plan.path, controller == "cpuset", made));
    if (!layout.unified.empty()) {
        BERTH_TRY(make_folders(layout.unified, plan.path, false, made));
        if (layout.v2_only()) BERTH_TRY(enable_controllers(layout.unified, plan.path, plan));
    }
    BERTH_ASSIGN_OR_RETURN(Cgroup cgroup, open(layout, plan.path, plan.controllers));
    for (const auto& write : plan.writes)
        BERTH_TRY(cgroup.set(write));
    if (!plan.devices.empty()) BERTH_TRY(cgroup.limit_devices(layout, plan, made));
    undo.commit();
    return cgroup;
}

// By a program on the unified hierarchy, which on hybrid hosts saves joining one v1 hierarchy more; by that
// one where the kernel has no such programs.
Status Cgroup::limit_devices(const CgroupLayout& layout, const CgroupPlan& plan,
                             std::vector<std::string>& made) {
    auto attached =
        unified_fd_
            ? attach_device_program(unified_fd_.get(), plan.devices)
            : Status(fail(ErrorCode::unsupported, "limit devices: there is no unified cgroup hierarchy"));
    const auto* hierarchy = layout.find("devices");
    if (attached || hierarchy == nullptr) return attached;
    BERTH_TRY(make_folders(hierarchy->mount, plan.path, false, made));
    const std::string folder = join_path(hierarchy->mount, plan.path);
    if (v1_path("devices").empty()) joined_.push_back({"devices", folder});
    for (const auto& rule : plan.devices)
        BERTH_TRY(write_value(folder, rule.allow ? "devices.allow" : "devices.deny",
                              rule.type == 'a' ? std::string("a") : device_rule_text(rule)));
    return {};
}

Status Cgroup::set(const CgroupWrite& write) const {
    const std::string folder = write.controller.empty() ? unified_ : v1_path(write.controller);
    if (folder.empty())
        return fail(ErrorCode::unsupported, concat("set ", write.file, ": the container has no such cgroup"));
    auto done = write_value(folder, write.file, write.value);
    if (!done && write.optional && done.error().sys_errno() == ENOENT) return {};
    return done;
}

std::string Cgroup::v1_path(std::string_view controller) const {
    for (const auto& joined : joined_)
        if (joined.controller == controller) return joined.path;
    return {};
}

Status Cgroup::enter(bool in_unified) const {
    constexpr std::string_view k_myself = "0";
    std::vector<std::string> written; // co-mounted controllers share a folder
    for (const auto& joined : joined_) {
        if (std::find(written.begin(), written.end(), joined.path) != written.end()) continue;
        BERTH_TRY(write_value(joined.path, "tasks", k_myself));
        written.push_back(joined.path);
    }
    if (!in_unified && !unified_.empty()) BERTH_TRY(write_value(unified_, "cgroup.procs", k_myself));
    return {};
}

Result<Cgroup> Cgroup::make_child(const std::string& name) const {
    Cgroup child;
    child.joined_ = joined_; // its processes are limited as the container's
    if (unified_.empty()) return child;
    child.unified_ = join_path(unified_, name);
    child.everywhere_ = {};
    if (::mkdir(child.unified_.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno(concat("make the cgroup '", child.unified_, "'"));
    child.unified_fd_ = Fd(::open(child.unified_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!child.unified_fd_) return fail_errno(concat("open the cgroup '", child.unified_, "'"));
    return child;
}

Status Cgroup::freeze(bool frozen) const {
    if (!unified_.empty()) return write_value(unified_, "cgroup.freeze", frozen ? "1" : "0");
    const std::string freezer = v1_path("freezer");
    if (freezer.empty())
        return frozen ? Status(fail(ErrorCode::unsupported, "freeze the container: it has no freezer cgroup"))
                      : Status();
    return write_value(freezer, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

Result<bool> Cgroup::is_frozen() const {
    if (!unified_.empty()) return read_value(unified_, "cgroup.freeze") == "1";
    const std::string freezer = v1_path("freezer");
    return !freezer.empty() && read_value(freezer, "freezer.state") != "THAWED";
}

Result<std::vector<pid_t>> Cgroup::processes() const {
    const std::string folder = !unified_.empty() ? unified_
                               : joined_.empty() ? std::string()
                                                 : joined_.front().path;
    std::vector<pid_t> pids;
    if (folder.empty()) return pids;
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(join_path(folder, "cgroup.procs")));
    if (!text) return pids;
    for (const auto& line : split(*text, '\n'))
        if (const auto pid = parse_integer(line, 1)) pids.push_back(static_cast<pid_t>(*pid));
    return pids;
}

Status Cgroup::kill() const {
    if (!unified_.empty()) {
        auto killed = write_value(unified_, "cgroup.kill", "1");
        if (killed || killed.error().sys_errno() != ENOENT) return killed;
        if (!path_exists(unified_)) return {};
    }
    // Linux before 5.14, or no unified hierarchy: again until nobody is left, since they may fork meanwhile.
    (void)freeze(true);
    BERTH_ASSIGN_OR_RETURN(const auto pids, processes());
    for (const pid_t pid : pids)
        (void)::kill(pid, SIGKILL);
    return freeze(false);
}

Status Cgroup::clear() const {
    // Frozen, they cannot fork; those that did before they stood still are found in the next round.
    constexpr int k_rounds = 100;
    for (int round = 0; round < k_rounds && populated(); ++round) {
        (void)freeze(true);
        const auto pids = processes();
        if (pids)
            for (const pid_t pid : *pids)
                (void)::kill(pid, SIGKILL);
        BERTH_TRY(freeze(false));
        if (!pids) return fail(pids.error());
        BERTH_ASSIGN_OR_RETURN(const bool empty, wait_empty(std::chrono::milliseconds(100)));
        if (empty) return {};
    }
    return {};
}

bool Cgroup::populated() const {
    if (!unified_.empty()) return read_key(unified_, "cgroup.events", "populated") != 0;
    const auto pids = processes();
    return pids && !pids->empty();
}

Result<bool> Cgroup::wait_empty(std::chrono::milliseconds timeout) const {
    if (unified_.empty()) return !populated();
    const std::string path = join_path(unified_, "cgroup.events");
    const Fd events(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!events) {
        if (errno == ENOENT) return true;
        return fail_errno(concat("open '", path, "'"));
    }
    const auto deadline = boottime_now() + timeout;
    for (;;) {
        // Read after the descriptor is open: a change from then on wakes the poll.
        char text[256];
        (void)::pread(events.get(), text, sizeof text, 0);
        if (!populated()) return true;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - boottime_now()).count();
        if (left <= 0) return false;
        pollfd wait{events.get(), POLLPRI, 0};
        if (::poll(&wait, 1, static_cast<int>(left)) < 0 && errno != EINTR)
            return fail_errno(concat("wait for '", path, "'"));
    }
}

Status Cgroup::remove() const {
    ErrorList failed;
    auto folders = everywhere_;
    if (!unified_.empty()) folders.push_back(unified_);
    for (const auto& folder : folders) {
        if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) continue;
        if (errno == EBUSY || errno == ENOTEMPTY) {
            remove_folders_below(folder);
            // A process that has just ended may be counted for a moment longer: wait for the event, then try
            // again.
            (void)wait_empty(std::chrono::seconds(2));
            if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) continue;
        }
        failed.push(fail_errno(concat("remove the cgroup '", folder, "'")).value());
    }
    // The folder that all containers share goes with the last one; it is in use otherwise, which is fine.
    for (const auto& folder : folders)
        (void)::rmdir(std::string(dir_name(folder)).c_str());
    return std::move(failed).take();
}

std::uint64_t Cgroup::oom_kills() const {
    const std::string memory = v1_path("memory");
    if (!memory.empty()) return read_key(memory, "memory.oom_control", "oom_kill");
    if (!unified_.empty()) return read_key(unified_, "memory.events", "oom_kill");
    return 0;
}

} // namespace berth::sandbox
