#include "runtime/image/layer_lock.hpp"
#include "runtime/image/layout.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::image {

namespace {

constexpr int k_look_at_cancel_ms = 200; // the cancel flag has no descriptor; nothing else is looked at

// Whoever closes the file, also by being killed, may have held the lock. The file itself is watched, whatever its path
// stands for by now; we close none of it meanwhile, or we would wake ourselves.
Result<Fd> watch_closing(int file) {
    Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch || ::inotify_add_watch(watch.get(), concat("/proc/self/fd/", file).c_str(), IN_CLOSE) < 0)
        return fail_errno("watch a lock");
    return watch;
}

Status wait_for_event(const Context& context, int watch) {
    for (;;) {
        if (context.is_cancelled()) return fail(ErrorCode::interrupted, "interrupted");
        pollfd waiter{watch, POLLIN, 0};
        const int ready = ::poll(&waiter, 1, k_look_at_cancel_ms);
        if (ready < 0 && errno != EINTR) return fail_errno("wait for a lock");
        if (ready <= 0) continue;
        alignas(inotify_event) char events[4096];
        while (::read(watch, events, sizeof events) > 0) {
        }
        return {};
    }
}

Status lock(const Context& context, int file) {
    Fd watch;
    while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) return fail_errno("lock a layer");
        if (watch) {
            BERTH_TRY(wait_for_event(context, watch.get()));
        } else {
            BERTH_ASSIGN_OR_RETURN(watch, watch_closing(file)); // and once more: it may be free by now
        }
    }
    return {};
}

bool is_at(int file, const std::string& path) {
    struct stat mine {
    }, there{};
    return ::fstat(file, &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

} // namespace

Result<LayerLock> LayerLock::acquire(const Context& context, const std::string& chain) {
    const auto folder = context.paths.exec_root() + "/layer-locks";
    BERTH_TRY(make_dirs(folder));
    const auto path = join_path(folder, hex_of(chain));
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(Fd file, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
        BERTH_TRY(lock(context, file.get()));
        // Whoever had it has removed the file: then the lock is on one that nobody else can see.
        if (is_at(file.get(), path)) return LayerLock(path, std::move(file));
    }
}

LayerLock::~LayerLock() {
    if (!path_.empty()) (void)remove_file(path_); // while it is held
}

} // namespace berth::image
