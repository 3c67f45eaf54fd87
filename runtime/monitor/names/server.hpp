// server.hpp - names for one container at 127.0.0.11:53 in its network namespace, UDP and TCP: containers of
// its networks from NameRecord folders, everything else from the host's resolvers. Core; a part of the
// monitor's event loop. The sockets are made inside the container's namespace, the questions that go out
// leave from the host's.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/protocol.hpp"

#include <memory>

namespace berth::monitor::names {

class NameServer {
  public:
    // netns: the container's; borrowed.
    [[nodiscard]] static Result<std::unique_ptr<NameServer>> start(EventLoop& loop, const NamesPlan& plan,
                                                                   int netns);
    void update(const NamesPlan& plan); // networks joined or left
    ~NameServer();
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

  private:
    class Implementation;
    explicit NameServer(std::unique_ptr<Implementation> implementation);
    std::unique_ptr<Implementation> implementation_;
};

} // namespace berth::monitor::names
