#include "runtime/base/clock.hpp"
#include "runtime/monitor/relay_parts.hpp"

#include <algorithm>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::monitor {

namespace {

using namespace std::chrono_literals;

constexpr auto k_idle = 90s; // as docker's proxy: then a client is forgotten
constexpr std::size_t k_most_sessions = 512;
char g_datagram[64u << 10];

} // namespace

DatagramRelay::~DatagramRelay() {
    loop_.unwatch(port_);
    if (timer_ != 0) loop_.cancel(timer_);
    for (auto& [client, session] : sessions_)
        loop_.unwatch(session.server.get());
}

Status DatagramRelay::watch() {
    return loop_.watch(port_, EPOLLIN, [this](EventLoop::Events) { from_clients(); });
}

void DatagramRelay::from_clients() {
    for (int left = 64; left > 0; --left) { // then the others of the loop have their turn
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        const auto n = ::recvfrom(port_, g_datagram, sizeof g_datagram, MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&from), &size);
        if (n < 0) return;
        if (auto* session = session_of(Client(reinterpret_cast<const char*>(&from), size)))
            (void)::send(session->server.get(), g_datagram, static_cast<std::size_t>(n),
                         MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

DatagramRelay::Session* DatagramRelay::session_of(const Client& client) {
    if (const auto found = sessions_.find(client); found != sessions_.end()) {
        found->second.last_used = boottime_now();
        return &found->second;
    }
    if (sessions_.size() >= k_most_sessions) drop_oldest();
    Fd server = connect_to(target_, SOCK_DGRAM);
    if (!server) return nullptr;
    const int fd = server.get();
    auto& session = sessions_[client];
    session.server = std::move(server);
    session.last_used = boottime_now();
    (void)loop_.watch(fd, EPOLLIN, [this, client](EventLoop::Events) { from_server(client); });
    if (timer_ == 0) timer_ = loop_.after(k_idle, [this] { drop_idle(); });
    return &session;
}

void DatagramRelay::from_server(const Client& client) {
    const auto found = sessions_.find(client);
    if (found == sessions_.end()) return;
    // An error (nobody listens in the container) is taken, too, or it would be told for ever.
    const auto n = ::recv(found->second.server.get(), g_datagram, sizeof g_datagram, MSG_DONTWAIT);
    if (n < 0) return;
    found->second.last_used = boottime_now();
    (void)::sendto(port_, g_datagram, static_cast<std::size_t>(n), MSG_DONTWAIT | MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(client.data()), static_cast<socklen_t>(client.size()));
}

void DatagramRelay::drop_idle() {
    timer_ = 0;
    const auto limit = boottime_now() - k_idle;
    for (auto session = sessions_.begin(); session != sessions_.end();) {
        if (session->second.last_used > limit) {
            ++session;
            continue;
        }
        loop_.unwatch(session->second.server.get());
        session = sessions_.erase(session);
    }
    if (!sessions_.empty()) timer_ = loop_.after(k_idle, [this] { drop_idle(); });
}

void DatagramRelay::drop_oldest() {
    const auto oldest =
        std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
            return a.second.last_used < b.second.last_used;
        });
    loop_.unwatch(oldest->second.server.get());
    sessions_.erase(oldest);
}

} // namespace berth::monitor
