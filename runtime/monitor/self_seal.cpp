#include "runtime/monitor/self_seal.hpp"

#include "runtime/base/fd.hpp"
#include "runtime/base/file.hpp"
#include "runtime/sandbox/mount_api.hpp"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace berth::monitor {

namespace {

// Lowest free number that leaves those of the protocol (3, 4, 5, 6 ...) alone.
constexpr int k_least_fd = 700;

void execute(int program, int mount_number, int argc, char** argv) {
    std::string flag = concat(k_sealed_flag, mount_number);
    std::vector<char*> arguments(argv, argv + argc);
    arguments.push_back(flag.data());
    arguments.push_back(nullptr);
    char* environment[] = {nullptr};
    ::execveat(program, "", arguments.data(), environment, AT_EMPTY_PATH);
}

// Two lower layers, since an overlay of one needs a writable one: the program's folder, and an empty one.
Fd overlay_mount(const std::string& folder) {
    sandbox::FsContext tmpfs("tmpfs");
    if (!tmpfs.valid()) return Fd();
    (void)tmpfs.set("nr_inodes", "2");
    const Fd empty = tmpfs.mount(MOUNT_ATTR_RDONLY);
    const Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    sandbox::FsContext overlay("overlay");
    if (!empty || !directory || !overlay.valid()) return Fd();
    // By descriptor numbers: a string of fsconfig holds 255 bytes only.
    if (!overlay.set("lowerdir", concat("/proc/self/fd/", directory.get(), ":/proc/self/fd/", empty.get())))
        return Fd();
    return overlay.mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

Fd sealed_copy(int self) {
    Fd copy(::memfd_create("berth-monitor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    struct stat info {};
    if (!copy || ::fstat(self, &info) != 0) return Fd();
    off_t done = 0;
    while (done < info.st_size)
        if (::sendfile(copy.get(), self, &done, static_cast<std::size_t>(info.st_size - done)) <= 0)
            return Fd();
    constexpr int k_seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (::fchmod(copy.get(), 0511) != 0 || ::fcntl(copy.get(), F_ADD_SEALS, k_seals) != 0) return Fd();
    return copy;
}

} // namespace

Status become_sealed(int argc, char** argv) {
    BERTH_ASSIGN_OR_RETURN(const auto path, read_link("/proc/self/exe"));
    if (const Fd mount = overlay_mount(std::string(dir_name(path)))) {
        const Fd program(
            ::openat(mount.get(), std::string(base_name(path)).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        // Kept over the exec (no O_CLOEXEC): with it the sealed self forbids its own execution.
        const int kept = program ? ::fcntl(mount.get(), F_DUPFD, k_least_fd) : -1;
        if (kept >= 0) {
            execute(program.get(), kept, argc, argv);
            ::close(kept);
        }
    }
    const Fd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    if (!self) return fail_errno("open the monitor's program");
    const Fd copy = sealed_copy(self.get());
    if (!copy) return fail_errno("copy the monitor's program into memory");
    execute(copy.get(), -1, argc, argv);
    return fail_errno("execute the sealed copy of the monitor's program");
}

void forbid_execution(int mount_fd) {
    if (mount_fd < 0) return;
    // What is mapped stays; a "#!/proc/self/exe" of the container gets EACCES.
    (void)sandbox::set_attributes(mount_fd, MOUNT_ATTR_NOEXEC, 0, false);
    ::close(mount_fd);
}

} // namespace berth::monitor
