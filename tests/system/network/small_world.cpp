#include "tests/system/network/small_world.hpp"

#include "network/address.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/subprocess.hpp"

#include <arpa/inet.h>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

namespace berth::test {

namespace {

struct Shouting final : Progress {
    void update(const std::string&, const std::string&, std::int64_t, std::int64_t) override {}
    void finish(const std::string&, const std::string&, bool) override {}
    void output(const std::string&, std::string_view) override {}
    void warn(const std::string& text) override { WARN(text); }
};

Paths fresh_roots() {
    static int number = 0;
    const char* root = std::getenv("BERTH_TEST_ROOT");
    REQUIRE(root != nullptr); // run it through `isolate`
    const std::string here = concat(root, "/network", number++);
    return Paths(here + "/data", here + "/run");
}

template <class Work> auto in_namespace(int netns, Work work) {
    decltype(work()) result{};
    std::thread([&] {
        if (netns >= 0 && ::setns(netns, CLONE_NEWNET) != 0) std::abort();
        result = work();
    }).join();
    return result;
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

Address address_of(const std::string& text, std::uint16_t port) {
    const auto ip = network::parse_address(text);
    REQUIRE(ip);
    Address out;
    if (ip->v6) {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(port);
        std::memcpy(&in.sin6_addr, ip->bytes.data(), 16);
        std::memcpy(&out.storage, &in, sizeof in);
        out.size = sizeof in;
    } else {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(port);
        std::memcpy(&in.sin_addr, ip->bytes.data(), 4);
        std::memcpy(&out.storage, &in, sizeof in);
        out.size = sizeof in;
    }
    return out;
}

std::string text_of(const sockaddr_storage& storage) {
    char text[INET6_ADDRSTRLEN] = {};
    if (storage.ss_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(&storage);
        if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
            ::inet_ntop(AF_INET, in->sin6_addr.s6_addr + 12, text, sizeof text);
            return text;
        }
        ::inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof text);
    } else {
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr, text, sizeof text);
    }
    return text;
}

void serve(int socket, bool udp) {
    for (;;) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        if (udp) {
            char buffer[64];
            if (::recvfrom(socket, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size) <= 0)
                return;
            const std::string answer = text_of(from);
            (void)::sendto(socket, answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from),
                           size);
            continue;
        }
        const Fd client(::accept(socket, reinterpret_cast<sockaddr*>(&from), &size));
        if (!client) return;
        const std::string answer = text_of(from);
        (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }
}

} // namespace

SmallWorld::SmallWorld() : context{fresh_roots()} {
    static Shouting shouting;
    context.progress = &shouting;
    const auto made = context.paths.ensure_roots();
    REQUIRE(made);
}

SmallWorld::~SmallWorld() {
    for (const auto& [name, id] : ids_)
        (void)network::release(context, id);
    if (const auto networks = network::list(context))
        for (const auto& network : *networks)
            (void)network::remove(context, network.id);
}

network::Network SmallWorld::make_network(const std::string& name, network::NetworkConfig config) {
    config.name = name;
    auto made = network::create(context, std::move(config));
    if (!made) FAIL(made.error().to_string());
    return std::move(*made);
}

network::Connection SmallWorld::connect(const std::string& name, const std::vector<std::string>& networks,
                                        const std::vector<network::PortMapping>& ports) {
    network::ConnectRequest request;
    auto& id = ids_[name];
    if (id.empty()) id = make_id();
    request.container_id = id;
    request.container_name = name;
    request.ports = ports;
    for (const auto& network : networks) {
        network::EndpointRequest endpoint;
        endpoint.network = network;
        request.endpoints.push_back(endpoint);
    }
    auto connection = network::connect(context, request);
    if (!connection) FAIL(connection.error().to_string());
    return std::move(*connection);
}

EchoServer::EchoServer(int netns, std::uint16_t port, bool udp, const std::string& address) {
    socket_ = in_namespace(netns, [&]() -> Fd {
        const bool any6 = address.empty();
        const Address local = address_of(any6 ? "::" : address, port);
        Fd socket(::socket(local.storage.ss_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
        const int off = 0;
        const int on = 1;
        if (any6) (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (::bind(socket.get(), local.get(), local.size) != 0) return {};
        if (!udp && ::listen(socket.get(), 64) != 0) return {};
        return socket;
    });
    REQUIRE(socket_.valid());
    thread_ = std::thread([this, udp] { serve(socket_.get(), udp); });
}

EchoServer::~EchoServer() {
    ::shutdown(socket_.get(), SHUT_RDWR); // wakes accept and recvfrom
    thread_.join();
}

std::string ask(int netns, const std::string& address, std::uint16_t port, bool udp, int patience) {
    const Address remote = address_of(address, port);
    return in_namespace(netns, [&]() -> std::string {
        const Fd socket(::socket(remote.storage.ss_family,
                                 (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) return "unreachable";
        if (::connect(socket.get(), remote.get(), remote.size) != 0 && errno != EINPROGRESS)
            return "unreachable";
        if (udp) (void)::send(socket.get(), "?", 1, MSG_NOSIGNAL);
        pollfd waiting{socket.get(), POLLIN, 0};
        if (::poll(&waiting, 1, patience) == 0) return "timeout";
        char buffer[128];
        const auto got = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (got > 0) return {buffer, static_cast<std::size_t>(got)};
        return errno == ECONNREFUSED ? "refused" : "unreachable";
    });
}

std::string tool(std::initializer_list<std::string> command) {
    Command request;
    request.program = *command.begin();
    request.args.assign(command.begin() + 1, command.end());
    const auto result = run_command(request);
    if (!result) FAIL(result.error().to_string());
    INFO(request.program << " " << result->errors);
    REQUIRE(result->exit_code == 0);
    return result->output;
}

bool works(const std::string& answer) {
    return network::parse_address(answer).has_value();
}

bool reaches(int netns, const std::string& address, std::uint16_t port) {
    constexpr int patience = 3000; // a lost packet is sent again after one second
    for (int again = 0; again < 4; ++again)
        if (works(ask(netns, address, port, false, patience))) return true;
    return false;
}

} // namespace berth::test
