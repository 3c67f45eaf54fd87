// Device nodes of the host that a container is to have.
#include "runtime/container/bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/log.hpp"

#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace berth::runtime {

namespace {

constexpr int k_deepest = 8;

struct DirCloser {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

HostDevice device_of(const struct stat& status, std::string path) {
    HostDevice out;
    out.path = std::move(path);
    out.type = S_ISBLK(status.st_mode) ? 'b' : 'c';
    out.major = ::major(status.st_rdev);
    out.minor = ::minor(status.st_rdev);
    out.mode = status.st_mode & 07777;
    out.uid = status.st_uid;
    out.gid = status.st_gid;
    return out;
}

bool is_device(const struct stat& status) {
    return S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode);
}

// Nodes that each container has of its own, or that belong to one session of the host.
bool is_private(std::string_view path) {
    static constexpr std::array<std::string_view, 14> k_own{
        "/dev/pts",         "/dev/shm",     "/dev/fd",   "/dev/mqueue", "/dev/.lxc",
        "/dev/.lxd-mounts", "/dev/.udev",   "/dev/null", "/dev/zero",   "/dev/full",
        "/dev/random",      "/dev/urandom", "/dev/tty",  "/dev/console"};
    for (const auto& own : k_own)
        if (own == path) return true;
    return path == "/dev/ptmx";
}

void collect(int directory, const std::string& source, const std::string& target, int depth,
             std::vector<HostDevice>& out) {
    Fd copy(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!copy) return;
    const std::unique_ptr<DIR, DirCloser> entries(::fdopendir(copy.get()));
    if (!entries) return;
    (void)copy.release(); // the stream owns it now
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        const auto path = join_path(source, name);
        if (is_private(path)) continue;
        struct stat status {};
        if (::fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
        if (is_device(status)) {
            out.push_back(device_of(status, join_path(target, name)));
        } else if (S_ISDIR(status.st_mode) && depth < k_deepest) {
            Fd next(::openat(directory, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
            if (next) collect(next.get(), path, join_path(target, name), depth + 1, out);
        }
    }
}

} // namespace

Result<std::vector<HostDevice>> resolve_device(const DeviceMapping& mapping) {
    const auto target = clean_path(mapping.target.empty() ? mapping.source : mapping.target);
    if (mapping.source.empty() || mapping.source.front() != '/' || target.front() != '/')
        return fail(ErrorCode::invalid_input,
                    concat("device \"", mapping.source, "\" is not an absolute path"));
    if (mapping.permissions.empty() || mapping.permissions.find_first_not_of("rwm") != std::string::npos)
        return fail(ErrorCode::invalid_input, concat("invalid device mode \"", mapping.permissions, "\" of ",
                                                     mapping.source, ": only r, w and m are known"));
    // A symlink (/dev/disk/by-id/...) is resolved once, to a descriptor; what is asked next is asked of that.
    Fd node(::open(mapping.source.c_str(), O_PATH | O_CLOEXEC));
    struct stat status {};
    if (!node || ::fstat(node.get(), &status) != 0)
        return fail_errno(
            concat("error gathering device information while adding custom device \"", mapping.source, "\""));
    std::vector<HostDevice> out;
    if (is_device(status)) {
        out.push_back(device_of(status, target));
        return out;
    }
    if (S_ISDIR(status.st_mode)) collect(node.get(), mapping.source, target, 0, out);
    if (out.empty())
        return fail(ErrorCode::invalid_input,
                    concat("\"", mapping.source, "\" is neither a device node nor a folder with some"));
    return out;
}

Result<std::vector<HostDevice>> all_host_devices() {
    BERTH_ASSIGN_OR_RETURN(const auto dev, open_directory("/dev"));
    std::vector<HostDevice> out;
    collect(dev.get(), "/dev", "/dev", 0, out);
    return out;
}

} // namespace berth::runtime
