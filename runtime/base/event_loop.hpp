// event_loop.hpp - one thread's epoll loop over descriptors and CLOCK_BOOTTIME timers, for the monitor and for commands
// that wait. No tick: when nothing is due it sleeps for ever.
#pragma once

#include "runtime/base/fd.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace berth {

class EventLoop {
  public:
    using Events = std::uint32_t; // EPOLLIN and its kin
    using TimerId = std::uint64_t;

    [[nodiscard]] static Result<EventLoop> make();
    // Watches a borrowed descriptor; a second call replaces the first. The callback may unwatch any descriptor.
    [[nodiscard]] Status watch(int fd, Events events, std::function<void(Events)> callback);
    void unwatch(int fd);
    // Runs once, `delay` from now. Ids are never reused.
    TimerId after(std::chrono::nanoseconds delay, std::function<void()> callback);
    void cancel(TimerId id);
    // Handles events until stop(); one() waits for at least one round of them.
    [[nodiscard]] Status run();
    [[nodiscard]] Status one();
    void stop() { stopped_ = true; }

  private:
    struct Watch {
        std::function<void(Events)> callback;
        std::uint64_t generation;
    };
    struct Timer {
        std::uint64_t id;
        std::function<void()> callback;
    };
    Fd epoll_;
    std::map<int, std::shared_ptr<Watch>> watches_;
    std::multimap<std::chrono::nanoseconds, Timer> timers_;
    std::uint64_t next_ = 1;
    bool stopped_ = false;
};

} // namespace berth
