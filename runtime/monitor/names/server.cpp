#include "runtime/monitor/names/server.hpp"

#include "runtime/base/file.hpp"
#include "runtime/monitor/names/upstream.hpp"
#include "runtime/monitor/names/zone.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::monitor::names {

namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t k_address = 0x7f00000b; // 127.0.0.11
constexpr std::uint16_t k_port = 53;
constexpr std::size_t k_batch = 16;
constexpr std::size_t k_most_query = 1024;
constexpr std::size_t k_most_connections = 64;
constexpr auto k_idle = 5s; // a connection that says nothing for so long goes

char g_queries[k_batch][k_most_query];

struct Sockets {
    Fd udp, tcp;
};

Result<Fd> bind_socket(int kind) {
    Fd socket(::socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail_errno("make a socket for names");
    const int on = 1;
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(k_port);
    address.sin_addr.s_addr = htonl(k_address);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("serve names at 127.0.0.11:53 inside the container's network");
    if (kind == SOCK_STREAM && ::listen(socket.get(), 64) != 0) return fail_errno("listen at 127.0.0.11:53");
    return socket;
}

// A socket belongs for ever to the namespace that it was made in: step in, make them, step back.
Result<Sockets> open_sockets(int netns) {
    const Fd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!own) return fail_errno("open '/proc/self/ns/net'");
    if (::setns(netns, CLONE_NEWNET) != 0) return fail_errno("enter the container's network");
    auto udp = bind_socket(SOCK_DGRAM);
    auto tcp = udp ? bind_socket(SOCK_STREAM) : Result<Fd>(Fd());
    if (::setns(own.get(), CLONE_NEWNET) != 0) return fail_errno("return from the container's network");
    if (!udp) return fail(std::move(udp).error());
    if (!tcp) return fail(std::move(tcp).error());
    return Sockets{std::move(*udp), std::move(*tcp)};
}

} // namespace

class NameServer::Implementation {
  public:
    Implementation(EventLoop& loop, const NamesPlan& plan, Sockets sockets)
        : loop_(loop), forward_(plan.forward), sockets_(std::move(sockets)), zone_(plan), upstream_(loop) {
        upstream_.set_servers(plan.upstream);
    }
    ~Implementation() {
        loop_.unwatch(sockets_.udp.get());
        loop_.unwatch(sockets_.tcp.get());
        for (auto& [id, connection] : connections_)
            forget(connection);
    }
    Implementation(const Implementation&) = delete;
    Implementation& operator=(const Implementation&) = delete;

    Status watch() {
        BERTH_TRY(loop_.watch(sockets_.udp.get(), EPOLLIN, [this](EventLoop::Events) { on_udp(); }));
        return loop_.watch(sockets_.tcp.get(), EPOLLIN, [this](EventLoop::Events) { on_accept(); });
    }
    void update(const NamesPlan& plan) {
        forward_ = plan.forward;
        zone_ = Zone(plan);
        upstream_.set_servers(plan.upstream);
    }

  private:
    struct Connection {
        Fd socket;
        std::string in, out;
        EventLoop::TimerId timer = 0;
    };
    using Reply = std::function<void(std::string)>;

    void answer(std::string_view packet, bool tcp, const Reply& reply) {
        const ParsedQuery parsed = parse_query(packet);
        if (!parsed.query) {
            if (parsed.error != QueryError::ignore)
                reply(make_error_reply(packet, parsed.error == QueryError::malformed
                                                   ? Rcode::format_error
                                                   : Rcode::not_implemented));
            return;
        }
        const Query& query = *parsed.query;
        const std::size_t limit = tcp ? 65535 : query.udp_size;
        const auto found = zone_.look_up(query);
        if (found.known) return reply(make_reply(packet, query, Rcode::ok, found.answers, limit));
        // On internal networks nothing goes out, not even a question (CVE-2024-29018).
        if (!forward_) return reply(make_reply(packet, query, Rcode::no_name, {}, limit));
        std::string copy(packet);
        const bool asked =
            upstream_.ask(copy, query, tcp, [reply, copy, query, limit](std::string answer_packet) {
                reply(answer_packet.empty() ? make_reply(copy, query, Rcode::server_failure, {}, limit)
                                            : std::move(answer_packet));
            });
        if (!asked) reply(make_reply(packet, query, Rcode::server_failure, {}, limit));
    }

    void on_udp() {
        mmsghdr messages[k_batch] = {};
        iovec parts[k_batch];
        sockaddr_in from[k_batch] = {};
        for (std::size_t i = 0; i < k_batch; ++i) {
            parts[i] = {g_queries[i], k_most_query};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
            messages[i].msg_hdr.msg_name = &from[i];
            messages[i].msg_hdr.msg_namelen = sizeof from[i];
        }
        const int got = ::recvmmsg(sockets_.udp.get(), messages, k_batch, MSG_DONTWAIT, nullptr);
        for (int i = 0; i < got; ++i) {
            const auto at = static_cast<std::size_t>(i);
            if ((messages[at].msg_hdr.msg_flags & MSG_TRUNC) != 0) continue;
            answer({g_queries[at], messages[at].msg_len}, false,
                   [this, client = from[at]](const std::string& bytes) {
                       (void)::sendto(sockets_.udp.get(), bytes.data(), bytes.size(),
                                      MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&client),
                                      sizeof client);
                   });
        }
    }

    void on_accept() {
        for (;;) {
            Fd socket(::accept4(sockets_.tcp.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!socket) return;
            // The oldest goes: half-open connections must not lock the others out (CVE-2024-8418).
            if (connections_.size() >= k_most_connections) drop(connections_.begin()->first);
            const std::uint64_t id = next_connection_++;
            const int fd = socket.get();
            connections_[id].socket = std::move(socket);
            connections_[id].timer = loop_.after(k_idle, [this, id] {
                connections_.at(id).timer = 0;
                drop(id);
            });
            (void)loop_.watch(fd, EPOLLIN, [this, id](EventLoop::Events) { on_tcp(id); });
        }
    }

    void on_tcp(std::uint64_t id) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) return;
        Connection& connection = found->second;
        char bytes[2048];
        const auto got = ::recv(connection.socket.get(), bytes, sizeof bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) return drop(id);
        connection.in.append(bytes, static_cast<std::size_t>(got));
        while (connections_.contains(id) && connection.in.size() >= 2) {
            const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(connection.in[0]))
                                         << 8 |
                                     static_cast<unsigned char>(connection.in[1]);
            if (size > k_most_query) return drop(id);
            if (connection.in.size() < size + 2) return;
            const std::string packet = connection.in.substr(2, size);
            connection.in.erase(0, size + 2);
            answer(packet, true, [this, id](const std::string& reply) { send_tcp(id, reply); });
        }
    }

    void send_tcp(std::uint64_t id, const std::string& reply) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) return;
        Connection& connection = found->second;
        std::string out;
        out += static_cast<char>(reply.size() >> 8 & 0xff);
        out += static_cast<char>(reply.size() & 0xff);
        out += reply;
        // Answers are small and the socket's buffer is large: a client that lets it fill up is not reading.
        if (::send(connection.socket.get(), out.data(), out.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
            static_cast<ssize_t>(out.size()))
            loop_.after(0ns, [this, id] { drop(id); });
    }

    void forget(Connection& connection) {
        if (connection.timer != 0) loop_.cancel(std::exchange(connection.timer, 0));
        if (connection.socket) loop_.unwatch(connection.socket.get());
    }
    void drop(std::uint64_t id) {
        const auto found = connections_.find(id);
        if (found == connections_.end()) return;
        forget(found->second);
        connections_.erase(found);
    }

    EventLoop& loop_;
    bool forward_;
    Sockets sockets_;
    Zone zone_;
    Upstream upstream_;
    std::map<std::uint64_t, Connection> connections_;
    std::uint64_t next_connection_ = 1;
};

NameServer::NameServer(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
NameServer::~NameServer() = default;

Result<std::unique_ptr<NameServer>> NameServer::start(EventLoop& loop, const NamesPlan& plan, int netns) {
    BERTH_ASSIGN_OR_RETURN(auto sockets, open_sockets(netns));
    auto implementation = std::make_unique<Implementation>(loop, plan, std::move(sockets));
    BERTH_TRY(implementation->watch());
    return std::unique_ptr<NameServer>(new NameServer(std::move(implementation)));
}

void NameServer::update(const NamesPlan& plan) {
    implementation_->update(plan);
}

} // namespace berth::monitor::names
