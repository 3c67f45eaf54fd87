#include "runtime/monitor/relay_parts.hpp"

#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::monitor {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t k_most_connections = 512; // two descriptors each
constexpr int k_backlog = 511;
constexpr std::size_t k_chunk = 64u << 10;
char g_chunk[k_chunk]; // one for all: a single thread moves one chunk at a time

} // namespace

StreamRelay::~StreamRelay() {
    set_listening(false);
    if (retry_ != 0) loop_.cancel(retry_);
    for (auto& [id, connection] : connections_)
        forget(connection);
}

Status StreamRelay::listen() {
    // listen() looks for conflicts once more, and the remains (TIME_WAIT) of what was accepted before are
    // none. What is accepted inherits it, so that its own remains do not keep the next start off the port.
    // Nobody can share a port that is listened at.
    const int on = 1;
    (void)::setsockopt(port_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::listen(port_, k_backlog) != 0) return fail_errno("listen at a published port");
    set_listening(true);
    return {};
}

void StreamRelay::set_listening(bool on) {
    if (on == listening_) return;
    listening_ = on;
    if (on)
        (void)loop_.watch(port_, EPOLLIN, [this](EventLoop::Events) { accept(); });
    else
        loop_.unwatch(port_);
}

void StreamRelay::accept() {
    while (connections_.size() < k_most_connections) {
        Fd client(::accept4(port_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) {
            if (errno == ECONNABORTED || errno == EINTR) continue;
            if (errno == EMFILE || errno == ENFILE) wait_a_moment();
            return;
        }
        Fd server = connect_to(target_, SOCK_STREAM);
        if (!server) continue; // closed: the client sees that nobody is there
        const auto id = next_++;
        Connection& connection = connections_[id];
        connection.client = std::move(client);
        connection.server = std::move(server);
        if (!watch(id, connection.server.get(), EPOLLOUT, connection.server_events)) drop(id);
    }
    set_listening(false); // full: they wait in the backlog until one of those here has ended
}

// Out of descriptors: who waits would be told of at once again.
void StreamRelay::wait_a_moment() {
    set_listening(false);
    if (retry_ != 0) return;
    retry_ = loop_.after(1s, [this] {
        retry_ = 0;
        set_listening(true);
    });
}

bool StreamRelay::watch(std::uint64_t id, int fd, EventLoop::Events wanted, EventLoop::Events& now) {
    if (wanted == now) return true;
    now = wanted;
    if (wanted == 0) { // a hang-up is told all the same: not listened to, or it would be told for ever
        loop_.unwatch(fd);
        return true;
    }
    return loop_.watch(fd, wanted, [this, id](EventLoop::Events events) { move(id, events); }).has_value();
}

// false: the connection is broken.
bool StreamRelay::pass(int from, int to, Way& way) {
    const auto write_some = [&](const char* bytes, std::size_t size) -> ssize_t {
        const auto n = ::send(to, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
    };
    if (!way.waiting.empty()) {
        const auto n = write_some(way.waiting.data(), way.waiting.size());
        if (n < 0) return false;
        way.waiting.erase(0, static_cast<std::size_t>(n));
        if (!way.waiting.empty()) return true;
        way.waiting.shrink_to_fit();
    }
    if (!way.ended) {
        const auto n = ::recv(from, g_chunk, k_chunk, MSG_DONTWAIT);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        if (n == 0) {
            way.ended = true;
        } else {
            const auto size = static_cast<std::size_t>(n);
            const auto written = write_some(g_chunk, size);
            if (written < 0) return false;
            way.waiting.assign(g_chunk + written, size - static_cast<std::size_t>(written));
        }
    }
    if (way.ended && !way.passed) {
        way.passed = true;
        (void)::shutdown(to, SHUT_WR);
    }
    return true;
}

void StreamRelay::move(std::uint64_t id, EventLoop::Events events) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    Connection& c = found->second;
    if ((events & EPOLLERR) != 0) return drop(id); // refused, or reset by one side
    if (!pass(c.client.get(), c.server.get(), c.to_server) ||
        !pass(c.server.get(), c.client.get(), c.to_client))
        return drop(id);
    if (c.to_server.passed && c.to_client.passed) return drop(id);
    const auto wanted = [](const Way& in, const Way& out) {
        EventLoop::Events bits = 0;
        if (!in.ended && in.waiting.empty()) bits |= EPOLLIN;
        if (!out.waiting.empty()) bits |= EPOLLOUT;
        return bits;
    };
    if (!watch(id, c.client.get(), wanted(c.to_server, c.to_client), c.client_events) ||
        !watch(id, c.server.get(), wanted(c.to_client, c.to_server), c.server_events))
        drop(id);
}

void StreamRelay::forget(Connection& connection) {
    if (connection.client_events != 0) loop_.unwatch(connection.client.get());
    if (connection.server_events != 0) loop_.unwatch(connection.server.get());
}

void StreamRelay::drop(std::uint64_t id) {
    const auto found = connections_.find(id);
    forget(found->second);
    connections_.erase(found);
    set_listening(true);
}

} // namespace berth::monitor
