#include "runtime/container/cgroup_files.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

// How long the kernel may take to end or freeze processes: those in an uninterruptible system call (a hung
// network file system) take longer, and then the caller is told.
constexpr std::chrono::milliseconds k_patience{10'000};

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
        const int ready = ::poll(&waiter, 1, static_cast<int>(k_patience.count()));
        if (ready < 0 && errno != EINTR) return fail_errno(concat("wait for '", path, "'"));
        if (ready == 0)
            return fail(ErrorCode::timed_out, concat(doing, " took longer than ", k_patience.count() / 1000,
                                                     " s: a process hangs in the kernel"));
    }
}

} // namespace

const sandbox::CgroupLayout& cgroup_layout() {
    static const sandbox::CgroupLayout layout = [] {
        auto probed = sandbox::CgroupLayout::probe();
        return probed ? std::move(*probed) : sandbox::CgroupLayout{};
    }();
    return layout;
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

Result<sandbox::Cgroup> ContainerCgroup::open() const {
    return sandbox::Cgroup::open(cgroup_layout(), clean_path(path_).substr(1), {});
}

std::string ContainerCgroup::folder(std::string_view controller) const {
    const auto& layout = cgroup_layout();
    if (!controller.empty())
        if (const auto* hierarchy = layout.find(controller)) return join_path(hierarchy->mount, path_);
    return layout.unified.empty() ? std::string() : join_path(layout.unified, path_);
}

bool ContainerCgroup::exists() const {
    const auto unified = folder("");
    return !unified.empty() && path_exists(unified);
}

Result<std::vector<std::int64_t>> ContainerCgroup::processes() const {
    BERTH_ASSIGN_OR_RETURN(const auto cgroup, open());
    BERTH_ASSIGN_OR_RETURN(const auto pids, cgroup.processes());
    return std::vector<std::int64_t>(pids.begin(), pids.end());
}

berth::Status ContainerCgroup::kill_all() const {
    BERTH_ASSIGN_OR_RETURN(const auto cgroup, open());
    BERTH_TRY(cgroup.kill());
    BERTH_ASSIGN_OR_RETURN(const bool empty, cgroup.wait_empty(k_patience));
    if (empty) return {};
    return fail(ErrorCode::timed_out,
                concat("ending the processes of '", path_, "' takes longer than ", k_patience.count() / 1000,
                       " s: one of them hangs in the kernel"));
}

berth::Status ContainerCgroup::freeze(bool on) const {
    BERTH_ASSIGN_OR_RETURN(const auto cgroup, open());
    BERTH_TRY(cgroup.freeze(on));
    const auto unified = folder("");
    if (unified.empty()) return {};
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
    BERTH_ASSIGN_OR_RETURN(const auto cgroup, open());
    return cgroup.remove();
}

} // namespace berth::runtime
