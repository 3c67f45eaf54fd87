// upstream.hpp - questions about names of the outside, passed to the host's resolvers from the host's network
// and back as they are (EDNS and all), with an id and a port of their own each, so that answers cannot be
// guessed. One server after another with a time-out; over TCP when the question came so. Core.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/monitor/names/wire.hpp"

#include <functional>
#include <map>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace berth::monitor::names {

struct ServerAddress {
    sockaddr_storage address{};
    socklen_t size = 0;
};
// "1.1.1.1", "9.9.9.9:5353", "[::1]:53", "::1"; empty: not an address. Pure.
[[nodiscard]] std::optional<ServerAddress> parse_server(std::string_view text);

class Upstream {
  public:
    // An empty reply: nobody answered.
    using Done = std::function<void(std::string reply)>;
    explicit Upstream(EventLoop& loop) : loop_(loop) {}
    ~Upstream();
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;

    void set_servers(const std::vector<std::string>& servers);
    // false: too many questions are open, or there is no server; `done` is not called then.
    [[nodiscard]] bool ask(std::string packet, const Query& query, bool tcp, Done done);

  private:
    struct Pending {
        std::string packet; // with our id
        std::size_t question_end = 0;
        std::uint16_t client_id = 0;
        bool tcp = false;
        std::size_t attempt = 0;
        Fd socket;
        std::string sent_rest, received; // TCP
        EventLoop::TimerId timer = 0;
        Done done;
    };
    void send(std::uint64_t key);
    void on_udp(std::uint64_t key);
    void on_tcp(std::uint64_t key, EventLoop::Events events);
    void next_server(std::uint64_t key);
    void finish(std::uint64_t key, std::string reply);
    void close(Pending& pending);

    EventLoop& loop_;
    std::vector<ServerAddress> servers_;
    std::map<std::uint64_t, Pending> pending_;
    std::uint64_t next_key_ = 1;
};

} // namespace berth::monitor::names
