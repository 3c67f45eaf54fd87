#include "runtime/sandbox/process_setup.hpp"

#include "runtime/base/file.hpp"
#include "runtime/sandbox/credentials.hpp"
#include "runtime/sandbox/in_root.hpp"
#include "runtime/sandbox/init.hpp"
#include "runtime/sandbox/mount_api.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace berth::sandbox {

void enter_cgroup(const Cgroup& cgroup, bool in_unified, const Reporter& reporter) {
    const auto entered = cgroup.enter(in_unified);
    if (!entered)
        reporter.fail(Step::place_in_cgroup, entered.error().message(), entered.error().sys_errno());
}

Fd private_proc(const Reporter& reporter) {
    FsContext context("proc");
    Fd proc =
        context.valid() ? context.mount(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) : Fd();
    if (!proc) reporter.fail(Step::private_proc, "");
    return proc;
}

void place_streams(const int (&streams)[3], const Reporter& reporter) {
    if (::setsid() < 0 && errno != EPERM) reporter.fail(Step::terminal, "new session");
    // First out of the way of 0, 1 and 2, so that none is overwritten before it is copied.
    Fd copies[3];
    for (int i = 0; i < 3; ++i) {
        copies[i] = Fd(streams[i] >= 0 ? ::fcntl(streams[i], F_DUPFD_CLOEXEC, 3)
                                       : ::open("/dev/null", O_RDWR | O_CLOEXEC));
        if (!copies[i]) reporter.fail(Step::terminal, "streams");
    }
    for (int i = 0; i < 3; ++i)
        if (::dup2(copies[i].get(), i) < 0) reporter.fail(Step::terminal, "streams");
}

namespace {

void write_proc(const Fd& proc, const char* path, const std::string& value, Step step,
                const Reporter& reporter) {
    const Fd file(
        sys::openat2(proc.get(), path, O_WRONLY, 0,
                     sys::k_resolve_beneath | sys::k_resolve_no_xdev | sys::k_resolve_no_magiclinks));
    if (!file || ::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
        reporter.fail(step, value);
}

// A program that is not root opens /dev/stdout again by path, which needs the pipe to be its own. Never
// /dev/null: that inode belongs to everybody.
void give_streams(const ProcessPlan& plan) {
    for (int fd = 0; fd < 3; ++fd) {
        struct stat info {};
        if (::fstat(fd, &info) != 0 || info.st_uid == plan.uid) continue;
        if (S_ISFIFO(info.st_mode) || (S_ISCHR(info.st_mode) && ::isatty(fd) == 1))
            (void)::fchown(fd, plan.uid, static_cast<gid_t>(-1));
    }
}

// By descriptor from the root and without magic links: a working directory of /proc/self/fd/7 cannot name a
// folder of the host (CVE-2024-21626).
bool enter_directory(const ProcessPlan& plan) {
    const Fd root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd directory = open_beneath(root.get(), plan.cwd, O_PATH | O_DIRECTORY);
    if (!directory && errno == ENOENT && plan.create_cwd) directory = ensure_directory(root.get(), plan.cwd);
    return directory && ::fchdir(directory.get()) == 0;
}

void check_directory(const ProcessPlan& plan, const Reporter& reporter) {
    char path[PATH_MAX];
    if (::getcwd(path, sizeof path) == nullptr) reporter.fail(Step::working_directory, plan.cwd);
    if (path[0] != '/')
        reporter.fail(Step::working_directory, concat(plan.cwd, ": outside of the container"), EACCES);
}

const char* environment_value(const ProcessPlan& plan, std::string_view name) {
    for (const auto& entry : plan.env)
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
            return entry.c_str() + name.size() + 1;
    return nullptr;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (const auto& text : texts)
        out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

// Refuses what would run a file of the host: /proc/self/exe and /proc/self/fd/N (CVE-2019-5736,
// CVE-2024-21626).
bool is_magic_link(const std::string& path) {
    const Fd file(sys::openat2(AT_FDCWD, path.c_str(), O_PATH, 0, sys::k_resolve_no_magiclinks));
    return !file && errno == ELOOP;
}

// As execvp of the target user, but with the PATH of the container.
[[noreturn]] void execute(const ProcessPlan& plan, const Reporter& reporter) {
    const auto argv = pointers(plan.argv);
    const auto env = pointers(plan.env);
    const std::string& name = plan.argv.front();
    const auto try_path = [&](const std::string& path) {
        if (is_magic_link(path)) {
            errno = EACCES;
            return;
        }
        ::execve(path.c_str(), argv.data(), env.data());
    };
    if (name.find('/') != std::string::npos) {
        try_path(name);
        const bool missing = errno == ENOENT || errno == ENOTDIR;
        reporter.fail(Step::execute, name, errno, missing ? k_exit_not_found : k_exit_cannot_exec);
    }
    const char* search = environment_value(plan, "PATH");
    std::string_view rest =
        search != nullptr ? search : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    int error = ENOENT;
    while (!name.empty()) {
        const auto colon = rest.find(':');
        const auto folder = rest.substr(0, colon);
        try_path(concat(folder.empty() ? std::string_view(".") : folder, "/", name));
        if (errno != ENOENT && errno != ENOTDIR) {
            error = errno;
            if (error != EACCES) break;
        }
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
    }
    reporter.fail(Step::execute, name, error, error == ENOENT ? k_exit_not_found : k_exit_cannot_exec);
}

} // namespace

void become_program(const ProcessPlan& plan, const Fd& proc, bool init, bool wait_go,
                    const Reporter& reporter) {
    if (plan.argv.empty()) reporter.fail(Step::execute, "no command", EINVAL, k_exit_not_found);
    // A key of the caller's session must not be found inside (S15). A kernel without keys is fine.
    if (sys::join_session_keyring() < 0 && errno != ENOSYS && errno != EPERM)
        reporter.fail(Step::keyring, "");
    if (plan.set_oom_score_adj)
        write_proc(proc, "self/oom_score_adj", concat(plan.oom_score_adj), Step::oom_score, reporter);
    if (init) name_init(proc);
    set_rlimits(plan, reporter);
    give_streams(plan);
    const bool entered = enter_directory(plan);
    if (!entered && errno != EACCES) reporter.fail(Step::working_directory, plan.cwd);
    if (!plan.apparmor.empty())
        write_proc(proc, "self/attr/exec", concat("exec ", plan.apparmor), Step::apparmor, reporter);
    if (wait_go) {
        reporter.send(SyncKind::ready);
        reporter.expect(SyncKind::go);
    }
    if (plan.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        reporter.fail(Step::no_new_privileges, "");
    // Without no_new_privs the filter needs CAP_SYS_ADMIN, so it comes before the capabilities go.
    if (!plan.no_new_privileges) install_seccomp(plan, reporter);
    limit_bounding_set(plan.caps, reporter);
    set_ids(plan, reporter);
    // On a file system that refuses root (NFS), the user may still get in.
    if (!entered && !enter_directory(plan)) reporter.fail(Step::working_directory, plan.cwd);
    check_directory(plan, reporter);
    set_capabilities(plan.caps, reporter);
    if (plan.no_new_privileges) install_seccomp(plan, reporter);
    ::umask(plan.umask);
    // The parent's death no longer matters: a monitor that is killed must not take the container with it.
    ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);

    // Last of all, and closing instead of close-on-exec: execve itself must not find a descriptor of the host
    // to name.
    const int socket = ::fcntl(reporter.socket(), F_DUPFD_CLOEXEC, 3);
    if (socket < 0 || ::dup3(socket, 3, O_CLOEXEC) < 0 || ::close_range(4, ~0U, 0) != 0)
        reporter.fail(Step::close_descriptors, "");
    const Reporter last(3);
    set_last_rlimits(plan, last);
    if (init) run_init(last);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    execute(plan, last);
}

} // namespace berth::sandbox
