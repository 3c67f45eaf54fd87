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

// What the server said; "refused", "unreachable", or "timeout" after so many milliseconds: enough for a veth
// pair, short enough for many drops.
std::string ask(int netns, const std::string& address, std::uint16_t port, bool udp = false,
                int patience = 150);
std::string tool(std::initializer_list<std::string> command); // its output; fails the test when it fails
bool works(const std::string& answer);                        // an address came back
// For what must work, however busy the machine is. When an address has gone, a work queue of the kernel takes
// the masqueraded connections of that address down some time later: also one of the same address that has
// come back and that is just being made. Its client asks again.
bool reaches(int netns, const std::string& address, std::uint16_t port);

} // namespace berth::test
