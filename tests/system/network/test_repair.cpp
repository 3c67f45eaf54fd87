#include "tests/system/network/small_world.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

using namespace berth;
using namespace berth::test;

namespace {

void check_all_works(const SmallWorld&, const network::Connection& web, const network::Connection& other) {
    const EchoServer server(web.netns.get(), 80);
    CHECK(reaches(k_host, "127.0.0.1", 8080));
    CHECK(reaches(other.netns.get(), other.endpoints[0].gateway, 8080));
    CHECK_FALSE(works(ask(other.netns.get(), web.endpoints[0].ipv4, 80)));
}

// Asked in the way that does not make the kernel do what it still has to do for the interface.
bool passes_packets(const std::string& interface) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

} // namespace

TEST_CASE("what somebody does to the host is repaired", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    world.make_network("other");
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    const auto other = world.connect("other", {"other"});
    const std::string table = world.context.paths.scope();
    check_all_works(world, web, other);

    SECTION("nft flush ruleset") {
        tool({"nft", "flush", "ruleset"});
    }
    SECTION("a chain is flushed") {
        tool({"nft", "flush", "chain", "inet", table, "to-network"});
    }
    SECTION("a map is flushed") {
        tool({"nft", "flush", "map", "inet", table, "published4_any"});
    }
    SECTION("the bridge is deleted") {
        tool({"ip", "link", "del", front.bridge});
    }
    SECTION("the bridge is down") {
        tool({"ip", "link", "set", front.bridge, "down"});
    }
    SECTION("the bridge has lost its address") {
        tool({"ip", "addr", "flush", "dev", front.bridge});
    }
    SECTION("forwarding is off") {
        tool({"sysctl", "-q", "net.ipv4.ip_forward=0"});
    }
    SECTION("nothing") {}

    const auto repaired = network::ensure_host_state(world.context);
    if (!repaired) FAIL(repaired.error().to_string());
    // Before anything else: what is sent to a bridge that the kernel has not switched on yet is lost.
    CHECK(passes_packets(front.bridge));
    check_all_works(world, web, other);
}

TEST_CASE("rules in berth-user survive changes and repairs", "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    const std::string table = world.context.paths.scope();
    tool({"nft", "add", "rule", "inet", table, "berth-user", "tcp", "dport", "80", "drop"});
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    world.make_network("other");
    tool({"nft", "flush", "chain", "inet", table, "forward"});
    REQUIRE(network::ensure_host_state(world.context));
    CHECK(tool({"nft", "list", "chain", "inet", table, "berth-user"}).find("dport 80 drop") !=
          std::string::npos);
    tool({"nft", "flush", "chain", "inet", table, "berth-user"});
}

TEST_CASE("what a killed command left is cleared", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    std::string id(64, 'b');
    {
        // The namespace goes with the descriptor, as when a monitor is killed; records and map elements stay.
        network::ConnectRequest request;
        request.container_id = id;
        request.container_name = "gone";
        request.endpoints.resize(1);
        request.endpoints[0].network = "front";
        request.ports = {{"", 8080, 80, "tcp"}};
        auto connection = network::connect(world.context, request);
        REQUIRE(connection);
        tool({"ip", "link", "del", connection->endpoints[0].host_interface});
    }
    REQUIRE(network::ensure_host_state(world.context));
    const auto endpoints = network::endpoints(world.context, front.id);
    REQUIRE(endpoints);
    CHECK(endpoints->empty());
    CHECK(tool({"nft", "list", "map", "inet", world.context.paths.scope(), "published4_any"}).find("8080") ==
          std::string::npos);
    CHECK_FALSE(path_exists(concat(world.context.paths.network_names(front.id), "/", id)));
    REQUIRE(network::remove(world.context, front.id));
}

TEST_CASE("a container whose monitor was killed is started again, with its ports", "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    {
        const auto killed = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
        tool({"ip", "link", "del", killed.endpoints[0].host_interface});
    }
    auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    {
        const EchoServer server(web.netns.get(), 80);
        CHECK(reaches(k_host, "127.0.0.1", 8080));
    }
    // Another container may have the port of one that was killed.
    tool({"ip", "link", "del", web.endpoints[0].host_interface});
    web.reservations.clear();
    const auto heir = world.connect("heir", {"front"}, {{"", 8080, 80, "tcp"}});
    CHECK(heir.endpoints[0].ipv4 != web.endpoints[0].ipv4);
    {
        const EchoServer server(heir.netns.get(), 80);
        CHECK(reaches(k_host, "127.0.0.1", 8080));
    }
}

TEST_CASE("a port of a killed monitor is free, also while its container's processes still run",
          "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    // The namespace lives on with its processes; the bound sockets went with the monitor.
    auto killed = world.connect("killed", {"front"}, {{"", 8080, 80, "tcp"}});
    killed.reservations.clear();
    SECTION("the table is untouched") {}
    SECTION("the table has to be written anew") {
        tool({"nft", "flush", "ruleset"});
    }
    const auto heir = world.connect("heir", {"front"}, {{"", 8080, 80, "tcp"}});
    const EchoServer server(heir.netns.get(), 80);
    CHECK(reaches(k_host, "127.0.0.1", 8080));
}

TEST_CASE("two records of one port do not keep the table from being written", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    auto killed = world.connect("killed", {"front"}, {{"", 8080, 80, "tcp"}});
    const auto record =
        concat(world.context.paths.exec_root(), "/networks/", front.id, "/published/", world.id_of("killed"));
    const auto text = read_file(record);
    REQUIRE(text);
    killed.reservations.clear();
    tool({"ip", "link", "del", killed.endpoints[0].host_interface});
    const auto heir = world.connect("heir", {"front"}, {{"", 8080, 80, "tcp"}});
    REQUIRE(write_atomic(record, *text));
    tool({"nft", "flush", "ruleset"});
    const auto other = world.connect("other", {"front"});
    REQUIRE(network::ensure_host_state(world.context));
    const EchoServer server(heir.netns.get(), 80);
    CHECK(reaches(k_host, "127.0.0.1", 8080));
}

TEST_CASE("a UDP client that keeps its port reaches the container that has the port now",
          "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    const std::vector<network::PortMapping> ports = {{"", 5353, 53, "udp"}};
    const auto talk = [](int socket) {
        char answer[64] = {};
        (void)::send(socket, "?", 1, MSG_NOSIGNAL);
        pollfd waiting{socket, POLLIN, 0};
        return ::poll(&waiting, 1, 300) == 1 && ::recv(socket, answer, sizeof answer, 0) > 0;
    };
    const Fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(5353);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    {
        const auto first = world.connect("first", {"front"}, ports);
        const EchoServer server(first.netns.get(), 53, true);
        CHECK(talk(client.get()));
        REQUIRE(network::release(world.context, world.id_of("first")));
    }
    CHECK_FALSE(talk(client.get()));
    const auto second = world.connect("second", {"front"}, ports);
    const EchoServer server(second.netns.get(), 53, true);
    (void)talk(client.get()); // takes the error of the time in between
    CHECK(talk(client.get()));
}

TEST_CASE("a damaged record is told and does not block the others", "[system][network]") {
    SmallWorld world;
    Progress& shouting = *world.context.progress;
    world.context.progress = &no_progress();
    auto broken = world.make_network("broken");
    world.make_network("front");
    world.make_network("other");
    broken.config.subnets[0].subnet = "nonsense";
    REQUIRE(write_atomic(world.context.paths.networks() + "/" + broken.id + "/network.json",
                         to_json(broken).to_text()));
    tool({"nft", "flush", "ruleset"});
    const auto status = network::ensure_host_state(world.context);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().message().find("nonsense") != std::string::npos);
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    const auto other = world.connect("other", {"other"});
    check_all_works(world, web, other);
    CHECK(network::remove(world.context, broken.id));
    world.context.progress = &shouting;
}

TEST_CASE("a connection that fails at its last step leaves no port in the firewall", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    // A file where the folder of names belongs: nothing can be written below it.
    const std::string names = world.context.paths.network_names(front.id);
    REQUIRE(make_dirs(names.substr(0, names.rfind('/'))));
    REQUIRE(remove_tree(names));
    REQUIRE(write_atomic(names, "", 0600));
    network::ConnectRequest request;
    request.container_id = std::string(64, 'e');
    request.container_name = "web";
    request.endpoints.resize(1);
    request.endpoints[0].network = "front";
    request.ports = {{"", 8080, 80, "tcp"}};
    REQUIRE_FALSE(network::connect(world.context, request));
    CHECK(tool({"nft", "list", "map", "inet", world.context.paths.scope(), "published4_any"}).find("8080") ==
          std::string::npos);
    CHECK_FALSE(path_exists(concat(world.context.paths.exec_root(), "/networks/", front.id, "/published/",
                                   request.container_id)));
    REQUIRE(remove_file(names));
    CHECK(network::connect(world.context, request));
}

TEST_CASE("a damaged lease keeps its container from nothing, and goes with it", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    network::ConnectRequest request;
    request.container_id = std::string(64, 'd');
    request.container_name = "web";
    request.endpoints.resize(1);
    request.endpoints[0].network = "front";
    REQUIRE(network::connect(world.context, request));
    const std::string folder = concat(world.context.paths.networks(), "/", front.id);
    const std::string lease = concat(folder, "/leases/", request.container_id);
    REQUIRE(write_atomic(lease, "{\"ipv4\": ", 0600));
    CHECK(network::connect(world.context, request)); // written anew
    REQUIRE(write_atomic(lease, "{\"ipv4\": ", 0600));
    // The container has no record, as after a kill: nobody else will ever ask for it.
    REQUIRE(network::ensure_host_state(world.context));
    CHECK_FALSE(path_exists(lease));
    CHECK(list_dir(folder + "/addresses")->empty());
}
