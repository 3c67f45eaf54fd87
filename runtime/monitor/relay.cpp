#include "runtime/monitor/relay.hpp"

#include "runtime/base/file.hpp"
#include "runtime/monitor/relay_parts.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::monitor {

namespace {

class Relays final : public Relay {
  public:
    explicit Relays(EventLoop& loop) : loop_(loop) {}

    Status add(const RelayPlan& plan, int port) {
        BERTH_ASSIGN_OR_RETURN(const auto target, relay_target(plan));
        BERTH_TRY(set_nonblocking(port, true));
        if (plan.udp) {
            datagrams_.push_back(std::make_unique<DatagramRelay>(loop_, port, target));
            return datagrams_.back()->watch();
        }
        streams_.push_back(std::make_unique<StreamRelay>(loop_, port, target));
        return streams_.back()->listen();
    }

  private:
    EventLoop& loop_;
    std::vector<std::unique_ptr<StreamRelay>> streams_;
    std::vector<std::unique_ptr<DatagramRelay>> datagrams_;
};

} // namespace

Result<RelayTarget> relay_target(const RelayPlan& plan) {
    RelayTarget target;
    sockaddr_in four{};
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET, plan.address.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(static_cast<std::uint16_t>(plan.port));
        target.set(four);
    } else if (::inet_pton(AF_INET6, plan.address.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(static_cast<std::uint16_t>(plan.port));
        target.set(six);
    } else {
        return fail(ErrorCode::internal, concat("pass a port on to '", plan.address, "': not an address"));
    }
    return target;
}

Fd connect_to(const RelayTarget& target, int kind) {
    Fd socket(::socket(target.storage.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return socket;
    const auto* address = reinterpret_cast<const sockaddr*>(&target.storage);
    if (::connect(socket.get(), address, target.size) != 0 && errno != EINPROGRESS) socket.reset();
    return socket;
}

Result<std::unique_ptr<Relay>> Relay::start(EventLoop& loop, const std::vector<RelayPlan>& plans,
                                            const std::vector<Fd>& ports) {
    auto relays = std::make_unique<Relays>(loop);
    for (const auto& plan : plans) {
        if (plan.reservation < 0 || static_cast<std::size_t>(plan.reservation) >= ports.size())
            return fail(ErrorCode::internal, "pass on a port that is not reserved");
        BERTH_TRY(relays->add(plan, ports[static_cast<std::size_t>(plan.reservation)].get()));
    }
    return std::unique_ptr<Relay>(std::move(relays));
}

} // namespace berth::monitor
