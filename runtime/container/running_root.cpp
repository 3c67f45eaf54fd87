#include "runtime/container/running_root.hpp"
#include "runtime/base/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace berth::runtime {

namespace {

// A mount can only be taken from the mount namespace that one is in.
Result<Fd> take_root(int process) {
    if (::unshare(CLONE_FS) != 0 || ::setns(process, CLONE_NEWNS) != 0)
        return fail_errno("enter the container's mount namespace");
    constexpr unsigned k_clone_tree = 1; // OPEN_TREE_CLONE (Linux 5.2), without AT_RECURSIVE: this mount only
    Fd root(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, "/", k_clone_tree | O_CLOEXEC)));
    if (!root) return fail_errno("take the container's root");
    return root;
}

} // namespace

Result<Fd> open_running_root(const Container& container) {
    BERTH_ASSIGN_OR_RETURN(const auto process, PidFd::open(container.state.process));
    if (!process)
        return fail(ErrorCode::in_use, concat("container ", container.spec.name, " has ended meanwhile"));
    Result<Fd> root = fail(ErrorCode::internal, "mount thread did not run");
    std::thread([&] { root = take_root(process->fd().get()); }).join();
    if (!root) return fail(std::move(root).error().context(concat("container ", container.spec.name)));
    // Of this mount, not through it: the descriptor of open_tree is a path only.
    return open_directory(concat("/proc/self/fd/", root->get()));
}

} // namespace berth::runtime
