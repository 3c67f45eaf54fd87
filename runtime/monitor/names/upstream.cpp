#include "runtime/monitor/names/upstream.hpp"

#include "runtime/base/parse.hpp"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>

namespace berth::monitor::names {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t k_most_pending = 256;
constexpr std::size_t k_rounds = 2; // each server is asked this often
constexpr auto k_patience = 2s;
constexpr std::uint16_t k_port = 53;

std::uint16_t random_id() {
    std::uint16_t id = 0;
    if (::getrandom(&id, sizeof id, 0) != sizeof id) return 0;
    return id;
}

std::string frame(const std::string& packet) { // TCP: the length first
    std::string out;
    out += static_cast<char>(packet.size() >> 8 & 0xff);
    out += static_cast<char>(packet.size() & 0xff);
    return out + packet;
}

} // namespace

std::optional<ServerAddress> parse_server(std::string_view text) {
    std::string host(text);
    std::uint16_t port = k_port;
    std::string port_text;
    if (!host.empty() && host.front() == '[') {
        const auto close = host.find(']');
        if (close == std::string::npos) return std::nullopt;
        if (close + 1 < host.size()) {
            if (host[close + 1] != ':') return std::nullopt;
            port_text = host.substr(close + 2);
            if (port_text.empty()) return std::nullopt;
        }
        host = host.substr(1, close - 1);
    } else if (const auto colon = host.find(':');
               colon != std::string::npos && host.find(':', colon + 1) == std::string::npos) {
        port_text = host.substr(colon + 1);
        if (port_text.empty()) return std::nullopt;
        host.resize(colon);
    }
    if (!port_text.empty()) {
        const auto number = parse_integer(port_text, 1, 65535);
        if (!number) return std::nullopt;
        port = static_cast<std::uint16_t>(*number);
    }
    ServerAddress server;
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&server.address, &v4, sizeof v4);
        server.size = sizeof v4;
        return server;
    }
    if (::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return std::nullopt;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&server.address, &v6, sizeof v6);
    server.size = sizeof v6;
    return server;
}

Upstream::~Upstream() {
    for (auto& [key, pending] : pending_)
        close(pending);
}

void Upstream::set_servers(const std::vector<std::string>& servers) {
    servers_.clear();
    for (const auto& text : servers)
        if (auto server = parse_server(text)) servers_.push_back(*server);
}

bool Upstream::ask(std::string packet, const Query& query, bool tcp, Done done) {
    if (servers_.empty() || pending_.size() >= k_most_pending) return false;
    Pending pending;
    pending.packet = std::move(packet);
    pending.question_end = query.question_end;
    pending.client_id = query.id;
    pending.tcp = tcp;
    pending.done = std::move(done);
    const std::uint64_t key = next_key_++;
    pending_.emplace(key, std::move(pending));
    send(key);
    return true;
}

void Upstream::send(std::uint64_t key) {
    Pending& pending = pending_.at(key);
    set_id(pending.packet, random_id());
    const ServerAddress& server = servers_[pending.attempt % servers_.size()];
    const int kind = pending.tcp ? SOCK_STREAM : SOCK_DGRAM;
    // A socket for each question: the kernel picks a random port, and only that server's answers come in.
    pending.socket = Fd(::socket(server.address.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto* address = reinterpret_cast<const sockaddr*>(&server.address);
    const bool connected = pending.socket && (::connect(pending.socket.get(), address, server.size) == 0 ||
                                              errno == EINPROGRESS);
    bool watched = false;
    if (connected && pending.tcp) {
        pending.sent_rest = frame(pending.packet);
        pending.received.clear();
        watched = static_cast<bool>(loop_.watch(
            pending.socket.get(), EPOLLOUT, [this, key](EventLoop::Events events) { on_tcp(key, events); }));
    } else if (connected && ::send(pending.socket.get(), pending.packet.data(), pending.packet.size(),
                                   MSG_NOSIGNAL) >= 0) {
        watched = static_cast<bool>(
            loop_.watch(pending.socket.get(), EPOLLIN, [this, key](EventLoop::Events) { on_udp(key); }));
    }
    // Also when sending did not work at all: the next server comes from the loop, not from here.
    pending.timer = loop_.after(watched ? std::chrono::nanoseconds(k_patience) : 0ns, [this, key] {
        pending_.at(key).timer = 0;
        next_server(key);
    });
}

void Upstream::on_udp(std::uint64_t key) {
    Pending& pending = pending_.at(key);
    char bytes[k_most_udp];
    const auto got = ::recv(pending.socket.get(), bytes, sizeof bytes, 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) next_server(key); // refused: nobody listens there
        return;
    }
    const std::string_view reply(bytes, static_cast<std::size_t>(got));
    if (!is_reply_to(reply, pending.packet, pending.question_end)) return; // not ours: go on waiting
    finish(key, std::string(reply));
}

void Upstream::on_tcp(std::uint64_t key, EventLoop::Events events) {
    Pending& pending = pending_.at(key);
    const int fd = pending.socket.get();
    if ((events & EPOLLOUT) != 0 && !pending.sent_rest.empty()) {
        const auto sent = ::send(fd, pending.sent_rest.data(), pending.sent_rest.size(), MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR) next_server(key);
            return;
        }
        pending.sent_rest.erase(0, static_cast<std::size_t>(sent));
        if (pending.sent_rest.empty())
            (void)loop_.watch(fd, EPOLLIN, [this, key](EventLoop::Events more) { on_tcp(key, more); });
        return;
    }
    char bytes[4096];
    const auto got = ::recv(fd, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return next_server(key);
    pending.received.append(bytes, static_cast<std::size_t>(got));
    if (pending.received.size() < 2) return;
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(pending.received[0])) << 8 |
                             static_cast<unsigned char>(pending.received[1]);
    if (pending.received.size() < size + 2) return;
    std::string reply = pending.received.substr(2, size);
    if (!is_reply_to(reply, pending.packet, pending.question_end)) return next_server(key);
    finish(key, std::move(reply));
}

void Upstream::next_server(std::uint64_t key) {
    Pending& pending = pending_.at(key);
    close(pending);
    if (servers_.empty() || ++pending.attempt >= servers_.size() * k_rounds) return finish(key, {});
    send(key);
}

void Upstream::finish(std::uint64_t key, std::string reply) {
    Pending pending = std::move(pending_.at(key));
    pending_.erase(key);
    close(pending);
    set_id(reply, pending.client_id);
    pending.done(std::move(reply));
}

void Upstream::close(Pending& pending) {
    if (pending.timer != 0) loop_.cancel(std::exchange(pending.timer, 0));
    if (pending.socket) loop_.unwatch(pending.socket.get());
    pending.socket.reset();
}

} // namespace berth::monitor::names
