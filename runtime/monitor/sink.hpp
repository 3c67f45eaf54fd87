// sink.hpp - one stream of an attached client that output is copied to. It takes everything at once and
// passes it on as the client reads: a slow client costs neither the container's speed nor a byte. Above 256
// KiB what waits goes to an unnamed file; above 1 GiB the sink gives up and the client is told. Core.
#pragma once

#include "runtime/base/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace berth::monitor {

// A descriptor of a client with a file status of its own where that is possible, so that O_NONBLOCK does not
// change the client's terminal under the feet of its shell. Sockets are written with MSG_DONTWAIT instead.
[[nodiscard]] Fd reopen_nonblocking(Fd fd, int flags);

class Sink {
  public:
    // `failed`: the client is gone (false) or too slow (true). Called from the event loop or from write().
    Sink(EventLoop& loop, Fd fd, std::string spill_dir, std::function<void(bool too_slow)> failed,
         std::function<void()> drained);
    ~Sink();
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    void write(std::string_view bytes);
    [[nodiscard]] bool empty() const { return memory_.size() == memory_at_ && spill_from_ == spill_to_; }

  private:
    enum class Outcome : std::uint8_t { all, later, gone };
    [[nodiscard]] Outcome push(std::string_view& bytes);
    void keep(std::string_view bytes);
    void on_writable();
    [[nodiscard]] bool refill();

    EventLoop& loop_;
    Fd fd_;
    bool socket_ = false;
    bool watched_ = false;
    bool dead_ = false;
    std::string spill_dir_;
    std::function<void(bool)> failed_;
    std::function<void()> drained_;
    std::string memory_; // older than the file's content
    std::size_t memory_at_ = 0;
    Fd spill_;
    std::int64_t spill_from_ = 0, spill_to_ = 0;
};

} // namespace berth::monitor
