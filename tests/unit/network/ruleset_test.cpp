#include "network/ruleset.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::network;

namespace {
PublishedRecord record(std::vector<PortMapping> ports, const std::string& ipv6 = {}) {
    return {std::string(64, 'c'), "web", "172.18.0.2", ipv6, "vethcccccccccc", std::move(ports)};
}
} // namespace

TEST_CASE("ports that cannot be published are refused") {
    CHECK_FALSE(port_elements(record({{"", 0, 80, "tcp"}})).has_value());
    CHECK_FALSE(port_elements(record({{"", 80, 65536, "tcp"}})).has_value());
    CHECK_FALSE(port_elements(record({{"", 80, 80, "sctp"}})).has_value());
    CHECK_FALSE(port_elements(record({{"x", 80, 80, "tcp"}})).has_value());
}

TEST_CASE("an element's key and data are as the kernel keeps them") {
    const auto elements = port_elements(record({{"127.0.0.1", 8080, 80, "tcp"}}));
    REQUIRE(elements);
    REQUIRE(elements->size() == 1);
    CHECK(elements->front().map() == "published4");
    CHECK(elements->front().key() == std::string("\x7f\x00\x00\x01\x06\x00\x00\x00\x1f\x90\x00\x00", 12));
    CHECK(elements->front().data() == std::string("\xac\x12\x00\x02\x00\x50\x00\x00", 8));
    CHECK(elements->front().to_text() ==
          "127.0.0.1 . tcp . 8080 comment \"container cccccccccccc web\" : 172.18.0.2 . 80");
}

TEST_CASE("a port without host address stands for every address of the families that the container has") {
    const auto four = port_elements(record({{"", 53, 53, "udp"}}));
    REQUIRE(four);
    REQUIRE(four->size() == 1);
    CHECK(four->front().map() == "published4_any");
    CHECK(four->front().key().size() == 8);
    const auto both = port_elements(record({{"", 53, 53, "udp"}}, "fd00::2"));
    REQUIRE(both);
    REQUIRE(both->size() == 2);
    CHECK((*both)[1].map() == "published6_any");
    CHECK((*both)[1].data().size() == 20);
    const auto only_six = port_elements(record({{"fd00::1", 53, 53, "udp"}}, "fd00::2"));
    REQUIRE(only_six);
    REQUIRE(only_six->size() == 1);
    CHECK(only_six->front().map() == "published6");
    CHECK(only_six->front().key().size() == 24);
}

TEST_CASE("names cannot leave a comment") {
    auto odd = record({{"", 80, 80, "tcp"}});
    odd.container_name = "a\" : 1.2.3.4 . 5 }\nflush ruleset";
    const auto elements = port_elements(odd);
    REQUIRE(elements);
    CHECK(elements->front().comment == "container cccccccccccc");
}

TEST_CASE("a network's elements come and go as the same keys") {
    Network network;
    network.id = std::string(64, 'd');
    network.bridge = "br-dddddddddddd";
    network.config.name = "front";
    network.config.subnets = {{"172.18.0.0/16", "172.18.0.1", ""}, {"fd00:1::/64", "fd00:1::1", ""}};
    const auto added = add_network_text("berth", network);
    const auto removed = delete_network_text("berth", network);
    REQUIRE(added);
    REQUIRE(removed);
    CHECK(added->find(
              "add element inet berth masquerade6 { fd00:1::/64 comment \"network dddddddddddd front\" }") !=
          std::string::npos);
    CHECK(removed->find("delete element inet berth subnets4 { 172.18.0.0/16 . \"br-dddddddddddd\" }") !=
          std::string::npos);
    network.config.internal = true;
    CHECK(add_network_text("berth", network)->find("masquerade") == std::string::npos);
    CHECK(add_network_text("berth", network)->find("internal { \"br-dddddddddddd\"") != std::string::npos);
}
