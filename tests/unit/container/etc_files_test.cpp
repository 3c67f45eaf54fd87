#include "runtime/container/etc_files.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;

namespace {

Result<std::string> hosts_with(const std::string& extra, const std::string& gateway = "") {
    ContainerSpec spec;
    spec.network.extra_hosts = {extra};
    EtcInput input;
    input.host_gateway = gateway;
    return make_hosts(spec, input, "");
}

} // namespace

TEST_CASE("extra hosts that are none are refused") {
    for (const char* bad : {"name", ":1.2.3.4", "name:1.2.3", "name:1.2.3.4.5", "a b:1.2.3.4",
                            "name:", "x\ny:1.2.3.4", "name:host-gateway"}) {
        CAPTURE(bad);
        CHECK_FALSE(hosts_with(bad));
    }
}

TEST_CASE("hosts has the local names, the extra ones and the container's own") {
    ContainerSpec spec;
    spec.network.extra_hosts = {"db:10.0.0.5", "six=[fd00::1]", "host.docker.internal:host-gateway"};
    EtcInput input;
    input.host_gateway = "172.17.0.1";
    input.own_lines = {{"172.17.0.2", "web"}};
    const auto text = make_hosts(spec, input, "");
    REQUIRE(text);
    CHECK(text->starts_with("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"));
    CHECK(text->ends_with("10.0.0.5\tdb\nfd00::1\tsix\n172.17.0.1\thost.docker.internal\n172.17.0.2\tweb\n"));
}

TEST_CASE("on the host's network the host's file is the start") {
    EtcInput input;
    input.own_network = false;
    CHECK(make_hosts({}, input, "1.2.3.4 here").value() == "1.2.3.4 here\n");
}

TEST_CASE("resolv.conf is read as resolv.conf(5) has it") {
    const auto conf = parse_resolv_conf(
        "# comment\n; another\nnameserver 1.1.1.1\r\n nameserver\t9.9.9.9\n"
        "domain old.example\nsearch a.example b.example\noptions ndots:2 edns0\nnameserver\n");
    CHECK(conf.nameservers == std::vector<std::string>{"1.1.1.1", "9.9.9.9"});
    CHECK(conf.search == std::vector<std::string>{"a.example", "b.example"});
    CHECK(conf.options == std::vector<std::string>{"ndots:2", "edns0"});
}

TEST_CASE("resolv.conf of a container") {
    ResolvConf host{{"127.0.0.1", "10.0.0.1"}, {"lan"}, {"edns0"}};
    NetworkView network;
    EtcInput input;
    CHECK(make_resolv_conf(network, input, host) == "nameserver 10.0.0.1\nsearch lan\noptions edns0\n");
    CHECK(make_resolv_conf(network, input, {{"127.0.0.1"}, {}, {}}) ==
          "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    input.serve_names = true;
    CHECK(make_resolv_conf(network, input, host) ==
          "nameserver 127.0.0.11\nsearch lan\noptions edns0 ndots:0\n");
    network.dns = {"1.1.1.1"};
    network.dns_search = {"."};
    network.dns_options = {"ndots:3"};
    CHECK(make_resolv_conf(network, input, host) == "nameserver 127.0.0.11\noptions ndots:3\n");
    input.serve_names = false;
    CHECK(make_resolv_conf(network, input, host) == "nameserver 1.1.1.1\noptions ndots:3\n");
    input.own_network = false;
    network.dns.clear();
    CHECK(make_resolv_conf(network, input, host) ==
          "nameserver 127.0.0.1\nnameserver 10.0.0.1\noptions ndots:3\n");
}

TEST_CASE("nothing that is asked for begins a line of its own in resolv.conf") {
    NetworkView network;
    network.dns = {"10.0.0.1", "fd00::1", "fe80::1%eth0"};
    network.dns_search = {".", "lan"};
    network.dns_options = {"ndots:2"};
    CHECK(check_resolver(network));
    for (const std::string bad :
         {"", "dns.example", "10.0.0.1\noptions debug", "10.0.0.1 10.0.0.2", "fe80::1%a\nb"}) {
        network.dns = {bad};
        CHECK_FALSE(check_resolver(network));
    }
    network.dns.clear();
    network.dns_search = {"lan\nnameserver 10.0.0.9"};
    CHECK_FALSE(check_resolver(network));
    network.dns_search.clear();
    network.dns_options = {"a b"};
    CHECK_FALSE(check_resolver(network));
}
