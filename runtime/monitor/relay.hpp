// relay.hpp - passes on what reaches a published port's own socket: connections and datagrams that the kernel
// does not translate, which are those to ::1 (IPv6 has no route_localnet) and those over IPv6 to a container
// that has only IPv4. Everything else is translated before a socket sees it. Core.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/protocol.hpp"

#include <memory>
#include <vector>

namespace berth::monitor {

class Relay {
  public:
    // `ports` are the reservations that the plans' indices mean; they stay the caller's and must outlive
    // this.
    [[nodiscard]] static Result<std::unique_ptr<Relay>>
    start(EventLoop& loop, const std::vector<RelayPlan>& plans, const std::vector<Fd>& ports);
    virtual ~Relay() = default;
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

  protected:
    Relay() = default;
};

} // namespace berth::monitor
