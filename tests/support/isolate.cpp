// isolate - runs one test program as root in mount, network, PID, IPC and UTS namespaces of its own, so that whatever a
// test tries, and whatever our program does wrong, stays inside: processes end with the PID namespace, interfaces and
// firewall with the network namespace, mounts with the mount namespace. cgroups have no such namespace: the test's own
// scope (BERTH_TEST_ROOT's exec root) is removed here, from outside.
//
//   isolate PROGRAM [ARGS...]      exit status: the program's; 77 (ctest: skipped) without root
#include "runtime/base/file.hpp"
#include "runtime/base/paths.hpp"
#include "runtime/base/process.hpp"

#include <cstdio>
#include <cstdlib>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <vector>

using namespace berth;

namespace {

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::_Exit(125);
}

void bring_loopback_up() {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) die("isolate: bring lo up");
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) die("isolate: wait");
    return shell_exit_code(status);
}

// Pid 1 of the new namespaces: its end takes everything in them along.
int inside(char** argv) {
    if (::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) die("isolate: make the mounts private");
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        die("isolate: mount /proc");
    // Named network namespaces, default exec roots and lock files of tools: two tests at once, and the
    // machine.
    if (::mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0) die("isolate: mount /run");
    bring_loopback_up();
    const pid_t pid = ::fork();
    if (pid < 0) die("isolate: fork");
    if (pid == 0) {
        ::execv(argv[0], argv);
        die(argv[0]);
    }
    // Orphans (monitors whose command ended) become ours: reap them all, return the test's own status.
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, 0);
        if (ended == pid) return shell_exit_code(status);
        if (ended < 0 && errno != EINTR) die("isolate: wait");
    }
}

void remove_cgroups(const std::string& scope) {
    const std::string top = "/sys/fs/cgroup";
    auto hierarchies = list_dir(top);
    if (!hierarchies) return;
    hierarchies->push_back(".");
    for (const auto& hierarchy : *hierarchies) {
        const std::string parent = concat(top, "/", hierarchy, "/", scope);
        if (!is_directory(parent)) continue;
        if (auto children = list_dir(parent))
            for (const auto& child : *children)
                if (is_directory(join_path(parent, child))) (void)remove_dir(join_path(parent, child));
        (void)remove_dir(parent);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: isolate PROGRAM [ARGS...]\n");
        return 125;
    }
    if (::geteuid() != 0) {
        std::printf("SKIPPED: %s needs root\n", argv[1]);
        return 77;
    }
    auto root = TempDir::make("/var/tmp", "berth-test-");
    if (!root) die("isolate: make a folder");
    ::setenv("BERTH_TEST_ROOT", root->path().c_str(), 1);
    const pid_t outer = ::fork();
    if (outer == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
            die("isolate: unshare");
        const pid_t init = ::fork();
        if (init == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            std::_Exit(inside(argv + 1));
        }
        std::_Exit(init < 0 ? 125 : wait_for(init));
    }
    if (outer < 0) die("isolate: fork");
    const int status = wait_for(outer);
    remove_cgroups(Paths(root->path() + "/data", root->path() + "/run").scope());
    return status;
}
