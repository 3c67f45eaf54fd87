#include "tests/system/network/small_world.hpp"

#include <fcntl.h>

using namespace berth;
using namespace berth::test;

namespace {

// Another machine on the same wire: 10.99.0.2, with a route to the containers through this host.
class Lan {
  public:
    explicit Lan(const std::string& container_subnet) {
        tool({"ip", "netns", "add", "berth-lan"});
        tool({"ip", "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", "berth-lan"});
        tool({"ip", "addr", "add", "10.99.0.1/24", "dev", "lan0"});
        tool({"ip", "link", "set", "lan0", "up"});
        tool({"ip", "-n", "berth-lan", "addr", "add", "10.99.0.2/24", "dev", "eth0"});
        tool({"ip", "-n", "berth-lan", "link", "set", "eth0", "up"});
        tool({"ip", "-n", "berth-lan", "link", "set", "lo", "up"});
        tool({"ip", "-n", "berth-lan", "route", "add", container_subnet, "via", "10.99.0.1"});
        netns_ = Fd(::open("/run/netns/berth-lan", O_RDONLY | O_CLOEXEC));
        REQUIRE(netns_.valid());
    }
    ~Lan() {
        tool({"ip", "link", "del", "lan0"});
        tool({"ip", "netns", "del", "berth-lan"});
    }
    [[nodiscard]] int netns() const { return netns_.get(); }

  private:
    Fd netns_;
};

} // namespace

TEST_CASE("from another machine: published ports only; containers go out masqueraded", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    const Lan lan(front.config.subnets[0].subnet);
    const auto web = world.connect(
        "web", {"front"},
        {{"", 8080, 80, "tcp"}, {"127.0.0.1", 8081, 80, "tcp"}, {"10.99.0.1", 8082, 80, "tcp"}});
    const EchoServer server(web.netns.get(), 80);
    const EchoServer outside(lan.netns(), 7000);
    CHECK(ask(lan.netns(), "10.99.0.1", 8080) == "10.99.0.2"); // the container sees who it is
    CHECK(works(ask(lan.netns(), "10.99.0.1", 8082)));
    CHECK_FALSE(works(ask(lan.netns(), "10.99.0.1", 8081)));
    CHECK_FALSE(works(ask(lan.netns(), web.endpoints[0].ipv4, 80)));
    CHECK(ask(web.netns.get(), "10.99.0.2", 7000) == "10.99.0.1");
    // A frame for 127.0.0.1 from the wire.
    tool({"sysctl", "-q", "net.ipv4.conf.lan0.route_localnet=1"});
    tool({"ip", "netns", "exec", "berth-lan", "sysctl", "-q", "net.ipv4.conf.all.route_localnet=1"});
    tool({"ip", "-n", "berth-lan", "addr", "del", "127.0.0.1/8", "dev", "lo"});
    tool({"ip", "-n", "berth-lan", "route", "add", "127.0.0.1", "via", "10.99.0.1", "src", "10.99.0.2"});
    CHECK_FALSE(works(ask(lan.netns(), "127.0.0.1", 8081)));
    CHECK_FALSE(works(ask(lan.netns(), "127.0.0.1", 8080)));
}
