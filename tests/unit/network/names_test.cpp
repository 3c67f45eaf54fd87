#include "network/names.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::network;

TEST_CASE("odd names are refused") {
    for (const auto& bad :
         {std::string(), std::string("localhost"), std::string("LocalHost"), std::string("*"),
          std::string("*.web"), std::string("a b"), std::string("a\nb"), std::string("a..b"),
          std::string(".a"), std::string("a."), std::string("-a"), std::string(64, 'a'),
          std::string(300, 'a'), std::string("a;b"), std::string("a/b"), std::string("\xc3\xa4")})
        CHECK_FALSE(check_alias(bad).has_value());
    for (const auto* good : {"web", "my_db", "db.internal", "_x", "Web-1", "1"})
        CHECK(check_alias(good));
}

TEST_CASE("a container answers to its name, aliases and short id, each once, lower-case") {
    Endpoint endpoint;
    endpoint.container_id = std::string(64, 'c');
    endpoint.container_name = "shop-Web-1";
    endpoint.aliases = {"web", "WEB", "shop-web-1"};
    endpoint.ipv4 = "10.0.0.2";
    const auto record = name_record(endpoint);
    CHECK(record.names == std::vector<std::string>{"shop-web-1", "web", "cccccccccccc"});
    CHECK(record.ipv4 == "10.0.0.2");
}

TEST_CASE("resolv.conf") {
    const auto resolver =
        parse_resolver("# comment\nnameserver 10.0.0.1 # x\nnameserver\tfe80::1%eth0\nnameserver evil\n"
                       "domain old\nsearch a.example b.example\noptions ndots:2 edns0\noptions rotate\n");
    CHECK(resolver.servers == std::vector<std::string>{"10.0.0.1", "fe80::1%eth0"});
    CHECK(resolver.search == std::vector<std::string>{"a.example", "b.example"});
    CHECK(resolver.options == std::vector<std::string>{"ndots:2", "edns0", "rotate"});
    CHECK(parse_resolver("").servers == std::vector<std::string>{"127.0.0.1"});
}
