#include "tests/system/network/small_world.hpp"

#include <sys/stat.h>

using namespace berth;
using namespace berth::test;

TEST_CASE("two containers of one network reach each other, and only each other", "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    world.make_network("back");
    const auto web = world.connect("web", {"front"});
    const auto app = world.connect("app", {"front"});
    const auto db = world.connect("db", {"back"});
    const EchoServer on_app(app.netns.get(), 8000);
    const EchoServer on_db(db.netns.get(), 5432);
    const EchoServer udp(db.netns.get(), 53, true);

    CHECK(ask(web.netns.get(), app.endpoints[0].ipv4, 8000) == web.endpoints[0].ipv4);
    CHECK(ask(k_host, db.endpoints[0].ipv4, 5432) != "timeout");
    CHECK(ask(web.netns.get(), db.endpoints[0].ipv4, 5432) == "timeout");
    CHECK(ask(web.netns.get(), db.endpoints[0].ipv4, 53, true) == "timeout");
    CHECK(web.endpoints[0].interface == "eth0");
    CHECK(web.endpoints[0].host_interface == "veth" + world.id_of("web").substr(0, 11));
}

TEST_CASE("a published port answers on every address of the host and from other networks",
          "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    world.make_network("other");
    tool({"ip", "link", "add", "berth-lan", "type", "veth", "peer", "name", "berth-peer"});
    tool({"ip", "addr", "add", "10.99.0.1/24", "dev", "berth-lan"});
    tool({"ip", "link", "set", "berth-lan", "up"});
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}, {"", 5353, 53, "udp"}});
    const auto sibling = world.connect("sibling", {"front"});
    const auto stranger = world.connect("stranger", {"other"});
    const EchoServer server(web.netns.get(), 80);
    const EchoServer dns(web.netns.get(), 53, true);

    CHECK(works(ask(k_host, "127.0.0.1", 8080)));
    CHECK(works(ask(k_host, "127.0.0.53", 8080)));
    CHECK(ask(k_host, "10.99.0.1", 8080) == "10.99.0.1");
    CHECK(works(ask(k_host, "127.0.0.1", 5353, true)));
    CHECK(works(ask(sibling.netns.get(), "10.99.0.1", 8080)));
    CHECK(works(ask(stranger.netns.get(), "10.99.0.1", 8080)));
    CHECK(works(ask(stranger.netns.get(), stranger.endpoints[0].gateway, 8080)));
    // Itself, through the host's port.
    CHECK(works(ask(web.netns.get(), "10.99.0.1", 8080)));
    CHECK(ask(k_host, "127.0.0.1", 8081) == "refused");

    REQUIRE(network::disconnect(world.context, world.id_of("web")));
    CHECK_FALSE(works(ask(k_host, "127.0.0.1", 8080)));
    CHECK_FALSE(works(ask(stranger.netns.get(), "10.99.0.1", 8080)));
    tool({"ip", "link", "del", "berth-lan"});
}

TEST_CASE("a port published on 127.0.0.1 does not answer elsewhere", "[system][network]") {
    SmallWorld world;
    world.make_network("front");
    const auto web = world.connect("web", {"front"}, {{"127.0.0.1", 8080, 80, "tcp"}});
    const auto sibling = world.connect("sibling", {"front"});
    const EchoServer server(web.netns.get(), 80);
    const EchoServer secret(k_host, 9000, false, "127.0.0.1");
    CHECK(works(ask(k_host, "127.0.0.1", 8080)));
    CHECK_FALSE(works(ask(k_host, web.endpoints[0].gateway, 8080)));
    CHECK_FALSE(works(ask(sibling.netns.get(), web.endpoints[0].gateway, 8080)));
}

TEST_CASE("IPv6: neighbours, published ports, isolation", "[system][network]") {
    SmallWorld world;
    network::NetworkConfig config;
    config.enable_ipv6 = true;
    world.make_network("six", config);
    world.make_network("other", config);
    const auto web = world.connect("web", {"six"}, {{"", 8080, 80, "tcp"}});
    const auto app = world.connect("app", {"six"});
    const auto stranger = world.connect("stranger", {"other"});
    const EchoServer server(web.netns.get(), 80);
    REQUIRE_FALSE(web.endpoints[0].ipv6.empty());
    CHECK(ask(app.netns.get(), web.endpoints[0].ipv6, 80) == app.endpoints[0].ipv6);
    CHECK_FALSE(works(ask(stranger.netns.get(), web.endpoints[0].ipv6, 80)));
    CHECK(works(ask(stranger.netns.get(), stranger.endpoints[0].gateway6, 8080)));
    CHECK(works(ask(app.netns.get(), app.endpoints[0].gateway6, 8080)));
    CHECK(works(ask(k_host, web.endpoints[0].gateway6, 8080)));
    CHECK(ask(k_host, "::1", 8080) == "refused"); // at once: the client goes on to 127.0.0.1
}

TEST_CASE("an internal network leads nowhere", "[system][network]") {
    SmallWorld world;
    network::NetworkConfig config;
    config.internal = true;
    world.make_network("inside", config);
    world.make_network("front");
    const auto db = world.connect("db", {"inside"});
    const auto both = world.connect("both", {"inside", "front"});
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    const EchoServer server(web.netns.get(), 80);
    const EchoServer on_db(db.netns.get(), 5432);
    CHECK(db.internal_only);
    CHECK_FALSE(both.internal_only);
    CHECK(works(ask(both.netns.get(), db.endpoints[0].ipv4, 5432)));
    CHECK_FALSE(works(ask(web.netns.get(), db.endpoints[0].ipv4, 5432)));
    CHECK(ask(db.netns.get(), "10.1.2.3", 80) == "unreachable");
    CHECK_FALSE(works(ask(db.netns.get(), web.endpoints[0].ipv4, 80)));
    CHECK(works(ask(both.netns.get(), web.endpoints[0].ipv4, 80)));
}

TEST_CASE("neighbours are cut off from each other where enable_icc is false", "[system][network]") {
    SmallWorld world;
    network::NetworkConfig config;
    config.options["com.docker.network.bridge.enable_icc"] = "false";
    world.make_network("strict", config);
    const auto a = world.connect("a", {"strict"}, {{"", 8080, 80, "tcp"}});
    const auto b = world.connect("b", {"strict"});
    const EchoServer server(a.netns.get(), 80);
    CHECK_FALSE(works(ask(b.netns.get(), a.endpoints[0].ipv4, 80)));
    CHECK(works(ask(b.netns.get(), b.endpoints[0].gateway, 8080)));
    CHECK(works(ask(k_host, "127.0.0.1", 8080)));
}

TEST_CASE("a running container joins a network and leaves it", "[system][network]") {
    SmallWorld world;
    world.make_network("one");
    const auto two = world.make_network("two");
    const auto web = world.connect("web", {"one"});
    const auto db = world.connect("db", {"two"});
    const EchoServer server(db.netns.get(), 5432);
    CHECK_FALSE(works(ask(web.netns.get(), db.endpoints[0].ipv4, 5432)));
    network::EndpointRequest request;
    request.network = "two";
    const auto joined = network::join(world.context, web.netns.get(), world.id_of("web"), "web", request);
    REQUIRE(joined);
    CHECK(joined->interface == "eth1");
    CHECK(ask(web.netns.get(), db.endpoints[0].ipv4, 5432) == joined->ipv4);
    CHECK_FALSE(
        network::join(world.context, web.netns.get(), world.id_of("web"), "web", request).has_value());
    REQUIRE(network::leave(world.context, web.netns.get(), world.id_of("web"), two.id));
    CHECK_FALSE(works(ask(web.netns.get(), db.endpoints[0].ipv4, 5432)));
    const auto left = network::endpoints_of(world.context, world.id_of("web"));
    REQUIRE(left);
    CHECK(left->size() == 1);
}

TEST_CASE("a port that is held is refused, saying by whom, and nothing is left", "[system][network]") {
    SmallWorld world;
    const auto front = world.make_network("front");
    const auto web = world.connect("web", {"front"}, {{"", 8080, 80, "tcp"}});
    const EchoServer holder(k_host, 9090, false, "127.0.0.1");
    const auto try_port = [&](std::int64_t port) {
        network::ConnectRequest request;
        request.container_id = std::string(64, 'a');
        request.container_name = "late";
        request.endpoints.resize(1);
        request.endpoints[0].network = "front";
        request.ports = {{"", port, 80, "tcp"}};
        auto connection = network::connect(world.context, request);
        REQUIRE_FALSE(connection.has_value());
        CHECK(connection.error().code() == ErrorCode::in_use);
        return connection.error().message();
    };
    CHECK(try_port(8080).find("the container web") != std::string::npos);
    CHECK(try_port(9090).find(concat("(pid ", getpid(), ")")) != std::string::npos);
    const auto endpoints = network::endpoints(world.context, front.id);
    REQUIRE(endpoints);
    CHECK(endpoints->size() == 1);
}

TEST_CASE("after everything is removed, links and firewall are as before", "[system][network]") {
    const std::string links = tool({"ip", "-o", "link"});
    const std::string rules = tool({"nft", "list", "ruleset"});
    const std::string routes = tool({"ip", "route"});
    {
        SmallWorld world;
        network::NetworkConfig config;
        config.enable_ipv6 = true;
        world.make_network("front", config);
        world.make_network("back");
        std::vector<network::Connection> connections;
        for (int i = 0; i < 6; ++i)
            connections.push_back(
                world.connect(concat("c", i), {"front", "back"},
                              {{"", 8000 + i, 80, "tcp"}, {"127.0.0.1", 9000 + i, 80, "udp"}}));
        CHECK(tool({"nft", "list", "ruleset"}) != rules);
    }
    CHECK(tool({"nft", "list", "ruleset"}) == rules);
    CHECK(tool({"ip", "-o", "link"}) == links);
    CHECK(tool({"ip", "route"}) == routes);
}
