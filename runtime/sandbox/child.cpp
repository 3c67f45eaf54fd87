#include "runtime/sandbox/child.hpp"

#include "runtime/base/file.hpp"
#include "runtime/sandbox/process_setup.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <csignal>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

std::string_view namespace_name(std::uint64_t kind) {
    switch (kind) {
    case sys::k_clone_newnet:
        return "network";
    case sys::k_clone_newipc:
        return "ipc";
    case sys::k_clone_newuts:
        return "uts";
    case sys::k_clone_newpid:
        return "pid";
    case sys::k_clone_newcgroup:
        return "cgroup";
    case sys::k_clone_newns:
        return "mount";
    case sys::k_clone_newtime:
        return "time";
    default:
        return "user";
    }
}

// Descriptors first, then joining: a path under /proc means nothing once a namespace has been changed.
void join_namespaces(const LaunchPlan& plan, const Reporter& reporter) {
    std::vector<Fd> fds;
    for (const auto& join : plan.join) {
        fds.emplace_back(::open(join.path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fds.back())
            reporter.fail(Step::join_namespace,
                          concat(namespace_name(static_cast<std::uint64_t>(join.kind)), " of ", join.path));
    }
    for (std::size_t i = 0; i < fds.size(); ++i) {
        const auto kind = static_cast<std::uint64_t>(plan.join[i].kind);
        if (kind == sys::k_clone_newpid)
            continue; // the parent did it before clone: it only counts for children
        if (::setns(fds[i].get(), static_cast<int>(kind)) != 0)
            reporter.fail(Step::join_namespace, concat(namespace_name(kind), " of ", plan.join[i].path));
    }
}

void bring_up_loopback(const Reporter& reporter) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) reporter.fail(Step::loopback, "lo");
}

void set_names(const LaunchPlan& plan, const Reporter& reporter) {
    if (!plan.hostname.empty() && ::sethostname(plan.hostname.data(), plan.hostname.size()) != 0)
        reporter.fail(Step::hostname, plan.hostname);
    if (!plan.domainname.empty() && ::setdomainname(plan.domainname.data(), plan.domainname.size()) != 0)
        reporter.fail(Step::domainname, plan.domainname);
}

// Through a /proc of our own: the container's may be covered (CVE-2025-52881).
void set_sysctls(const LaunchPlan& plan, const Fd& proc, const Reporter& reporter) {
    for (const auto& sysctl : plan.sysctls) {
        std::string path = "sys/" + sysctl.key;
        // "net.ipv4.conf.eth0/1.x" keeps its dots where slashes were written, as sysctl(8).
        for (auto& c : path)
            c = c == '.' ? '/' : c == '/' && &c > path.data() + 3 ? '.' : c;
        const Fd file(
            sys::openat2(proc.get(), path.c_str(), O_WRONLY, 0,
                         sys::k_resolve_beneath | sys::k_resolve_no_xdev | sys::k_resolve_no_magiclinks));
        struct statfs info {};
        if (!file || ::fstatfs(file.get(), &info) != 0 || info.f_type != PROC_SUPER_MAGIC ||
            ::write(file.get(), sysctl.value.data(), sysctl.value.size()) < 0)
            reporter.fail(Step::sysctl, concat(sysctl.key, "=", sysctl.value));
    }
}

void reset_signals() {
    for (int signal = 1; signal < NSIG; ++signal)
        (void)::signal(signal, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace

void run_child(const ChildInput& input, const Reporter& reporter) {
    const LaunchPlan& plan = *input.plan;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0,
            0); // until the program runs; the socket's end of file tells of the rest
    reset_signals();
    ::umask(0);
    enter_cgroup(*input.cgroup, input.in_unified, reporter);
    // The namespace's root is the cgroup at this moment.
    if ((plan.new_namespaces & sys::k_clone_newcgroup) != 0 && ::unshare(CLONE_NEWCGROUP) != 0)
        reporter.fail(Step::cgroup_namespace, "");
    RootTree tree(plan, reporter, input.features);
    tree.open_sources();
    if (!plan.process.terminal) place_streams(input.streams, reporter);
    tree.make_host_mounts_private();
    join_namespaces(plan, reporter);
    if (input.netns >= 0 && ::setns(input.netns, CLONE_NEWNET) != 0)
        reporter.fail(Step::network_namespace, "");
    if (input.netns < 0 && (plan.new_namespaces & sys::k_clone_newnet) != 0) bring_up_loopback(reporter);

    tree.create_root();
    tree.add_mounts();
    tree.add_devices();
    tree.attach();
    set_names(plan, reporter);
    tree.hide_paths();
    const Fd proc = private_proc(reporter);
    set_sysctls(plan, proc, reporter);
    tree.enter();
    if (plan.process.terminal) {
        const Fd master = open_terminal(plan.process, plan.default_dev, reporter);
        reporter.send(SyncKind::terminal, master.get());
    }
    become_program(plan.process, proc, plan.init, true, reporter);
}

} // namespace berth::sandbox
