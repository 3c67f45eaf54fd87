// relay_parts.hpp - the two kinds of relay: connections and datagrams. For relay.cpp alone. Core.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/protocol.hpp"

#include <cstring>
#include <map>
#include <netinet/in.h>
#include <string>

namespace berth::monitor {

// The container's address and port.
struct RelayTarget {
    sockaddr_storage storage{};
    socklen_t size = 0;
    template <class Address> void set(const Address& address) {
        std::memcpy(&storage, &address, sizeof address);
        size = sizeof address;
    }
};
[[nodiscard]] Result<RelayTarget> relay_target(const RelayPlan& plan);
// Not blocking, so a connection may still be on its way; invalid: refused at once.
[[nodiscard]] Fd connect_to(const RelayTarget& target, int kind);

class StreamRelay {
  public:
    StreamRelay(EventLoop& loop, int port, const RelayTarget& target)
        : loop_(loop), port_(port), target_(target) {}
    ~StreamRelay();
    StreamRelay(const StreamRelay&) = delete;
    StreamRelay& operator=(const StreamRelay&) = delete;
    [[nodiscard]] Status listen();

  private:
    // One of the two ways of a connection: what was read and not yet written, and what was seen of the end.
    struct Way {
        std::string waiting;
        bool ended = false;  // its reader is at the end
        bool passed = false; // and its writer was told
    };
    struct Connection {
        Fd client, server;
        Way to_server, to_client;
        EventLoop::Events client_events = 0, server_events = 0; // as watched; 0: not at all
    };
    void accept();
    void set_listening(bool on);
    void wait_a_moment();
    void move(std::uint64_t id, EventLoop::Events events);
    [[nodiscard]] static bool pass(int from, int to, Way& way);
    [[nodiscard]] bool watch(std::uint64_t id, int fd, EventLoop::Events wanted, EventLoop::Events& now);
    void forget(Connection& connection);
    void drop(std::uint64_t id);

    EventLoop& loop_;
    const int port_; // borrowed
    const RelayTarget target_;
    std::map<std::uint64_t, Connection> connections_;
    std::uint64_t next_ = 1;
    bool listening_ = false;
    EventLoop::TimerId retry_ = 0;
};

class DatagramRelay {
  public:
    DatagramRelay(EventLoop& loop, int port, const RelayTarget& target)
        : loop_(loop), port_(port), target_(target) {}
    ~DatagramRelay();
    DatagramRelay(const DatagramRelay&) = delete;
    DatagramRelay& operator=(const DatagramRelay&) = delete;
    [[nodiscard]] Status watch();

  private:
    struct Session {
        Fd server;
        std::chrono::nanoseconds last_used{0};
    };
    using Client = std::string; // the bytes of its address
    void from_clients();
    void from_server(const Client& client);
    [[nodiscard]] Session* session_of(const Client& client);
    void drop_idle();
    void drop_oldest();

    EventLoop& loop_;
    const int port_; // borrowed
    const RelayTarget target_;
    std::map<Client, Session> sessions_;
    EventLoop::TimerId timer_ = 0;
};

} // namespace berth::monitor
