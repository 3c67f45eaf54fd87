// small_world.hpp - containers' network namespaces without containers: the room's facade alone, in the
// private network namespace that `isolate` made. Servers and clients are threads that enter a namespace to
// open their socket.
#pragma once

#include "network/attach.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"

#include <memory>
#include <string>
#include <thread>

namespace berth::test {

class SmallWorld {
  public:
    SmallWorld();
    ~SmallWorld();
    SmallWorld(const SmallWorld&) = delete;
    SmallWorld& operator=(const SmallWorld&) = delete;

    network::Network make_network(const std::string& name, network::NetworkConfig config = {});
    // Connected to these networks; "name" is also the container's name.
    network::Connection connect(const std::string& name, const std::vector<std::string>& networks,
                                const std::vector<network::PortMapping>& ports = {});
    [[nodiscard]] const std::string& id_of(const std::string& name) const { return ids_.at(name); }
    Context context;

  private:
    std::map<std::string, std::string> ids_;
};

inline constexpr int k_host = -1; // this program's own namespace

// Answers each connection or datagram with the address that it came from.
class EchoServer {
  public:
    EchoServer(int netns, std::uint16_t port, bool udp = false, const std::string& address = {});
    ~EchoServer();
    EchoServer(const EchoServer&) = delete;
    EchoServer& operator=(const EchoServer&) = delete;

  private:
    Fd socket_;
    std::thread thread_;
};

// What the server said; "refused", "unreachable", or "timeout".
std::string ask(int netns, const std::string& address, std::uint16_t port, bool udp = false);
std::string tool(std::initializer_list<std::string> command); // its output; fails the test when it fails
bool works(const std::string& answer);                        // an address came back

} // namespace berth::test
