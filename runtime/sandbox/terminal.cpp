#include "runtime/sandbox/in_root.hpp"
#include "runtime/sandbox/mount_api.hpp"
#include "runtime/sandbox/process_setup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

// The container may have put anything at /dev/pts (CVE-2025-52565): only inode 2 of a devpts file system,
// device 5:2, is the multiplexer.
Fd open_multiplexer(const Reporter& reporter) {
    const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd master = open_plain(root.get(), "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
    if (!master) reporter.fail(Step::terminal, "/dev/pts/ptmx");
    struct stat info {};
    struct statfs filesystem {};
    if (::fstat(master.get(), &info) != 0 || ::fstatfs(master.get(), &filesystem) != 0)
        reporter.fail(Step::terminal, "/dev/pts/ptmx");
    constexpr ino_t k_ptmx_inode = 2;
    if (filesystem.f_type != DEVPTS_SUPER_MAGIC || info.st_ino != k_ptmx_inode || !S_ISCHR(info.st_mode) ||
        info.st_rdev != makedev(5, 2))
        reporter.fail(Step::terminal, "/dev/pts/ptmx: it is not a terminal multiplexer", EINVAL);
    return master;
}

void mount_console(int slave, const Reporter& reporter) {
    const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    const Fd dev = open_plain(root.get(), "/dev", O_PATH | O_DIRECTORY);
    if (!dev) reporter.fail(Step::console, "/dev");
    Fd console(::openat(dev.get(), "console", O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
                        0600));
    if (!console) {
        if (errno != EEXIST) reporter.fail(Step::console, "/dev/console");
        console = open_plain(root.get(), "/dev/console", O_PATH | O_NOFOLLOW);
        if (!console) reporter.fail(Step::console, "/dev/console");
    }
    const Fd mount = clone_mount(slave, "", false);
    if (!mount || !attach_mount(mount.get(), console.get())) reporter.fail(Step::console, "/dev/console");
}

} // namespace

Fd open_terminal(const ProcessPlan& plan, bool console, const Reporter& reporter) {
    Fd master = open_multiplexer(reporter);
    int unlock = 0;
    if (::ioctl(master.get(), TIOCSPTLCK, &unlock) != 0) reporter.fail(Step::terminal, "unlock");
    // Not by the name of the slave: TIOCGPTPEER (Linux 4.13) opens the one that belongs to this master.
    const Fd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!slave) reporter.fail(Step::terminal, "slave");
    if (plan.rows != 0 || plan.columns != 0) {
        winsize size{};
        size.ws_row = static_cast<unsigned short>(plan.rows);
        size.ws_col = static_cast<unsigned short>(plan.columns);
        (void)::ioctl(slave.get(), TIOCSWINSZ, &size);
    }
    if (console) mount_console(slave.get(), reporter);
    if (::setsid() < 0 && errno != EPERM) reporter.fail(Step::terminal, "new session");
    if (::ioctl(slave.get(), TIOCSCTTY, 0) != 0) reporter.fail(Step::terminal, "controlling terminal");
    for (int fd = 0; fd < 3; ++fd)
        if (::dup2(slave.get(), fd) < 0) reporter.fail(Step::terminal, "streams");
    return master;
}

} // namespace berth::sandbox
