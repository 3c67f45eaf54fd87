#include "runtime/base/event_loop.hpp"

#include "runtime/base/clock.hpp"

#include <algorithm>
#include <sys/epoll.h>

namespace berth {

Result<EventLoop> EventLoop::make() {
    EventLoop loop;
    loop.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!loop.epoll_) return fail_errno("make an epoll descriptor");
    return loop;
}

Status EventLoop::watch(int fd, Events events, std::function<void(Events)> callback) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    const bool known = watches_.contains(fd);
    if (::epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno(concat("watch descriptor ", fd));
    watches_[fd] = std::make_shared<Watch>(Watch{std::move(callback), next_++});
    return {};
}

void EventLoop::unwatch(int fd) {
    if (watches_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::after(std::chrono::nanoseconds delay, std::function<void()> callback) {
    const TimerId id = next_++;
    timers_.emplace(boottime_now() + delay, Timer{id, std::move(callback)});
    return id;
}

void EventLoop::cancel(TimerId id) {
    for (auto timer = timers_.begin(); timer != timers_.end(); ++timer) {
        if (timer->second.id == id) {
            timers_.erase(timer);
            return;
        }
    }
}

Status EventLoop::one() {
    int timeout = -1;
    if (!timers_.empty()) {
        const auto left = timers_.begin()->first - boottime_now();
        // Rounded up: waking a fraction early would spin.
        const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
        timeout = milliseconds < 0 ? 0 : static_cast<int>(std::min<std::int64_t>(milliseconds, 86'400'000));
    }
    epoll_event events[32];
    const std::uint64_t before = next_;
    const int ready = ::epoll_wait(epoll_.get(), events, 32, timeout);
    if (ready < 0 && errno != EINTR) return fail_errno("wait for events");
    for (int i = 0; i < ready; ++i) {
        const auto found = watches_.find(events[i].data.fd);
        // A callback of this round may have unwatched it, or closed it and watched another under the same number.
        if (found == watches_.end() || found->second->generation >= before) continue;
        const auto keep = found->second;
        keep->callback(events[i].events);
    }
    for (const auto now = boottime_now(); !timers_.empty() && timers_.begin()->first <= now;) {
        auto callback = std::move(timers_.begin()->second.callback);
        timers_.erase(timers_.begin());
        callback();
    }
    return {};
}

Status EventLoop::run() {
    stopped_ = false;
    while (!stopped_)
        BERTH_TRY(one());
    return {};
}

} // namespace berth
