// The whole text of our table for a shop with two networks: read it when a rule changes. BERTH_ACCEPT=1
// rewrites it.
#include "network/ruleset.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

using namespace berth;
using namespace berth::network;

namespace {

Network network(char digit, const std::string& name, std::vector<Subnet> subnets) {
    Network out;
    out.id = std::string(64, digit);
    out.bridge = "br-" + out.id.substr(0, 12);
    out.config.name = name;
    out.config.subnets = std::move(subnets);
    return out;
}

RulesetInput shop() {
    RulesetInput input;
    input.table = "berth";
    input.networks.push_back(
        network('a', "shop_front", {{"172.18.0.0/16", "172.18.0.1", ""}, {"fd00:1::/64", "fd00:1::1", ""}}));
    input.networks.push_back(network('b', "shop_back", {{"172.19.0.0/16", "172.19.0.1", ""}}));
    input.networks.back().config.internal = true;
    input.networks.push_back(network('d', "strict", {{"10.8.0.0/24", "10.8.0.1", ""}}));
    input.networks.back().config.options["com.docker.network.bridge.enable_icc"] = "false";
    input.networks.back().config.options["com.docker.network.bridge.enable_ip_masquerade"] = "false";
    input.published.push_back({std::string(64, 'c'),
                               "shop-nginx-1",
                               "172.18.0.2",
                               "fd00:1::2",
                               "vethccccccccccc",
                               {{"", 8080, 80, "tcp"}, {"127.0.0.1", 9000, 9000, "udp"}}});
    input.networks.push_back(
        network('e', "open", {{"10.7.0.0/24", "10.7.0.1", ""}, {"fd00:7::/64", "fd00:7::1", ""}}));
    input.networks.back().config.options["com.docker.network.bridge.gateway_mode_ipv4"] = "nat-unprotected";
    input.networks.back().config.options["com.docker.network.bridge.gateway_mode_ipv6"] = "routed";
    input.published.push_back({std::string(64, 'f'),
                               "open-web-1",
                               "10.7.0.2",
                               "fd00:7::2",
                               "vethfffffffffff",
                               {{"0.0.0.0", 8443, 443, "tcp"}, {"::", 0, 443, "tcp"}},
                               false,
                               true});
    return input;
}

void compare(const std::string& name, const std::string& text) {
    const std::string path = concat(BERTH_SOURCE_DIR, "/tests/golden/ruleset/", name);
    if (std::getenv("BERTH_ACCEPT") != nullptr) REQUIRE(write_atomic(path, text, 0644));
    const auto expected = read_file(path);
    REQUIRE(expected);
    CHECK(text == *expected);
}

} // namespace

TEST_CASE("the ruleset of a shop") {
    auto input = shop();
    const auto text = full_ruleset(input);
    REQUIRE(text);
    compare("shop.nft", *text);
    input.fresh = true;
    const auto fresh = full_ruleset(input);
    REQUIRE(fresh);
    CHECK(fresh->find("flush") == std::string::npos);
}

TEST_CASE("the ruleset leaves the user's chain and other tables alone") {
    const auto text = full_ruleset(shop());
    REQUIRE(text);
    CHECK(text->find("flush chain inet berth berth-user") == std::string::npos);
    CHECK(text->find("flush ruleset") == std::string::npos);
    CHECK(text->find("delete table") == std::string::npos);
    // Every line is about our own table.
    std::size_t begin = 0;
    while (begin < text->size()) {
        const auto end = text->find('\n', begin);
        const std::string line = text->substr(begin, end - begin);
        CHECK(line.find(" inet berth") != std::string::npos);
        begin = end + 1;
    }
}
