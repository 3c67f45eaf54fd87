#include "network/ipam.hpp"
#include "tests/support/catch.hpp"

#include <set>

using namespace berth;
using namespace berth::network;

namespace {

const std::string k_id(64, 'a');

TakenRange taken(std::string_view text, bool routed = false) {
    return {*parse_prefix(text), "somebody", routed};
}

NetworkConfig config_with(const std::string& name, std::vector<Subnet> subnets = {}) {
    NetworkConfig config;
    config.name = name;
    config.subnets = std::move(subnets);
    return config;
}

struct Folder {
    TempDir dir = *TempDir::make("/tmp", "berth-ipam-");
    Context context{Paths(dir.path() + "/data", dir.path() + "/run")};
    Store store{context};
    Network network;
    explicit Folder(std::vector<Subnet> subnets) {
        network.id = k_id;
        network.config = config_with("front", std::move(subnets));
        REQUIRE(settle_subnets(network.config, network.id, {}));
        REQUIRE(store.write(network));
    }
    Result<Endpoint> take(char container, const EndpointRequest& request = {}) {
        Endpoint endpoint;
        endpoint.network_id = network.id;
        endpoint.network_name = "front";
        endpoint.container_id = std::string(64, container);
        endpoint.container_name = std::string("name-") + container;
        BERTH_TRY(take_addresses(store, network, request, endpoint));
        BERTH_TRY(store.write_lease(endpoint));
        return endpoint;
    }
    void give_back(const Endpoint& endpoint) {
        REQUIRE(store.erase_lease(endpoint.network_id, endpoint.container_id));
        REQUIRE(give_back_addresses(store, endpoint));
    }
};

} // namespace

TEST_CASE("subnets that cannot be are refused with the reason") {
    const auto refused = [](NetworkConfig config, const std::vector<TakenRange>& ranges = {}) {
        const auto status = settle_subnets(config, k_id, ranges);
        REQUIRE_FALSE(status.has_value());
        return status.error().to_string();
    };
    CHECK(refused(config_with("n", {{"10.0.0.0/31", "", ""}})).find("no room") != std::string::npos);
    CHECK(refused(config_with("n", {{"10.0.0.0/8", "", ""}, {"11.0.0.0/8", "", ""}}))
              .find("more than one IPv4") != std::string::npos);
    CHECK(refused(config_with("n", {{"10.0.0.0/24", "10.0.1.1", ""}})).find("gateway 10.0.1.1") !=
          std::string::npos);
    CHECK(refused(config_with("n", {{"10.0.0.0/24", "10.0.0.0", ""}})).find("gateway 10.0.0.0") !=
          std::string::npos);
    CHECK(refused(config_with("n", {{"10.0.0.0/24", "", "10.0.1.0/25"}})).find("outside the subnet") !=
          std::string::npos);
    CHECK(refused(config_with("n", {{"10.0.0.0/24", "", ""}}), {taken("10.0.0.0/16")}).find("somebody") !=
          std::string::npos);
    CHECK(
        refused(config_with("n", {{"10.0.0.0/8", "", ""}}), {taken("10.0.0.0/16", true)}).find("somebody") !=
        std::string::npos);
}

TEST_CASE("a narrower subnet inside what a gateway leads to may be asked for") {
    auto config = config_with("n", {{"10.5.0.0/16", "", ""}});
    CHECK(settle_subnets(config, k_id, {taken("10.0.0.0/8", true)}));
}

TEST_CASE("subnets come from the pools, without what is taken, until they are used up") {
    std::vector<TakenRange> ranges{taken("172.20.0.0/15")};
    std::set<std::string> seen;
    for (int i = 0; i < 29; ++i) {
        auto config = config_with("n");
        REQUIRE(settle_subnets(config, k_id, ranges));
        CHECK(seen.insert(config.subnets[0].subnet).second);
        CHECK_FALSE(parse_prefix(config.subnets[0].subnet)->overlaps(ranges[0].prefix));
        ranges.push_back(taken(config.subnets[0].subnet));
    }
    auto config = config_with("n");
    const auto status = settle_subnets(config, k_id, ranges);
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().hint().find("--subnet") != std::string::npos);
}

TEST_CASE("172.17.0.0/16 is kept for the default network") {
    auto other = config_with("shop");
    REQUIRE(settle_subnets(other, k_id, {}));
    CHECK(other.subnets[0].subnet == "172.18.0.0/16");
    auto standard = config_with("bridge");
    REQUIRE(settle_subnets(standard, k_id, {}));
    CHECK(standard.subnets[0].subnet == "172.17.0.0/16");
    CHECK(standard.subnets[0].gateway == "172.17.0.1");
}

TEST_CASE("an IPv6 network gets a unique local prefix of its own") {
    auto config = config_with("n");
    config.enable_ipv6 = true;
    REQUIRE(settle_subnets(config, k_id, {}));
    REQUIRE(config.subnets.size() == 2);
    CHECK(config.subnets[1].subnet == "fdaa:aaaa:aaaa:aaaa::/64");
    CHECK(config.subnets[1].gateway == "fdaa:aaaa:aaaa:aaaa::1");
}

TEST_CASE("addresses follow one another; one just given back is not given out at once") {
    Folder folder({{"10.8.0.0/29", "", ""}});
    const auto a = folder.take('a');
    const auto b = folder.take('b');
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->ipv4 == "10.8.0.2");
    CHECK(a->mac == "02:42:0a:08:00:02");
    CHECK(a->gateway == "10.8.0.1");
    CHECK(b->ipv4 == "10.8.0.3");
    folder.give_back(*a);
    CHECK(folder.take('c')->ipv4 == "10.8.0.4");
    CHECK(folder.take('d')->ipv4 == "10.8.0.5");
    CHECK(folder.take('e')->ipv4 == "10.8.0.6");
    CHECK(folder.take('f')->ipv4 == "10.8.0.2"); // round
    const auto full = folder.take('1');
    REQUIRE_FALSE(full.has_value());
    CHECK(full.error().code() == ErrorCode::in_use);
    CHECK(full.error().hint().find("ip_range") != std::string::npos);
}

TEST_CASE("asked-for, preferred and leased addresses") {
    Folder folder({{"10.8.0.0/24", "10.8.0.254", "10.8.0.128/28"}});
    EndpointRequest asked;
    asked.ipv4 = "10.8.0.7";
    CHECK(folder.take('a', asked)->ipv4 == "10.8.0.7");
    const auto taken_one = folder.take('b', asked);
    REQUIRE_FALSE(taken_one.has_value());
    CHECK(taken_one.error().message().find("the container name-a") != std::string::npos);
    EndpointRequest preferred;
    preferred.preferred_ipv4 = "10.8.0.7";
    CHECK(folder.take('c', preferred)->ipv4 == "10.8.0.128"); // taken: the next of the range
    preferred.preferred_ipv4 = "10.8.0.9";
    CHECK(folder.take('d', preferred)->ipv4 == "10.8.0.9");
    CHECK(folder.take('d')->ipv4 == "10.8.0.9"); // its lease
    for (const auto* bad : {"10.8.0.254", "10.8.0.0", "10.8.0.255", "10.9.0.1", "x", "fd00::1"}) {
        asked.ipv4 = bad;
        CHECK_FALSE(folder.take('e', asked).has_value());
    }
    asked = {};
    asked.ipv6 = "fd00::5";
    CHECK_FALSE(folder.take('e', asked).has_value());
}

TEST_CASE("an address without a lease is found and given back") {
    Folder folder({{"10.8.0.0/29", "", ""}});
    const auto a = folder.take('a');
    REQUIRE(a);
    REQUIRE(folder.store.erase_lease(k_id, a->container_id));
    REQUIRE(drop_orphan_addresses(folder.store, k_id));
    EndpointRequest asked;
    asked.ipv4 = a->ipv4;
    CHECK(folder.take('b', asked));
}

TEST_CASE("hardware addresses") {
    CHECK(check_mac("02:42:ac:11:00:02"));
    CHECK(check_mac("02-42-AC-11-00-02"));
    for (const auto* bad : {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "01:00:5e:00:00:01",
                            "02:42:ac:11:00:02:", "0242ac110002"})
        CHECK_FALSE(check_mac(bad).has_value());
}

TEST_CASE("a network without IPv4 takes no IPv4 subnet, and one without both cannot be") {
    auto config = config_with("six", {});
    config.enable_ipv4 = false;
    CHECK_FALSE(settle_subnets(config, k_id, {}));
    config.enable_ipv6 = true;
    REQUIRE(settle_subnets(config, k_id, {}));
    REQUIRE(config.subnets.size() == 1);
    CHECK(config.subnets[0].subnet.starts_with("fd"));
    auto mixed = config_with("mixed", {{"10.0.0.0/24", "", ""}});
    mixed.enable_ipv4 = false;
    mixed.enable_ipv6 = true;
    CHECK_FALSE(settle_subnets(mixed, k_id, {}));
}

TEST_CASE("auxiliary addresses lie in their subnet, are no gateway, and are not given") {
    const auto refused = [](std::map<std::string, std::string> reserved) {
        auto config = config_with("n", {{"10.0.0.0/24", "", "", std::move(reserved)}});
        return !settle_subnets(config, k_id, {});
    };
    CHECK(refused({{"a", "10.0.1.1"}}));
    CHECK(refused({{"a", "10.0.0.1"}}));
    CHECK(refused({{"a", "nonsense"}}));
    Folder folder({{"10.0.0.0/29", "", "", {{"a", "10.0.0.2"}, {"b", "10.0.0.4"}}}});
    CHECK(folder.take('1')->ipv4 == "10.0.0.3");
    CHECK(folder.take('2')->ipv4 == "10.0.0.5");
    EndpointRequest asked;
    asked.ipv4 = "10.0.0.4";
    CHECK_FALSE(folder.take('3', asked));
}
