// What a compose file says of networks and of a service on them, seen in the kernel.
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string k_serve = "mkdir -p /www; printf hello > /www/index.html; exec httpd -f -p 80 -h /www";

std::string service(const std::string& name, const std::string& body) {
    return concat("  ", name, ":\n    image: tiny\n    stop_grace_period: 0s\n", body);
}

// The server inside needs a moment to listen.
std::string fetch(const std::string& url) {
    return host("curl", {"-sS", "-m", "5", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                         "--retry-max-time", "20", url})
        .out;
}

// Another machine on the same wire, 10.99.0.2, with a route to a network through this host.
class Lan {
  public:
    explicit Lan(const std::string& subnet) {
        run({"netns", "add", "lan"});
        run({"link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", "lan"});
        run({"addr", "add", "10.99.0.1/24", "dev", "lan0"});
        run({"link", "set", "lan0", "up"});
        run({"-n", "lan", "addr", "add", "10.99.0.2/24", "dev", "eth0"});
        run({"-n", "lan", "link", "set", "eth0", "up"});
        run({"-n", "lan", "route", "add", subnet, "via", "10.99.0.1"});
    }
    ~Lan() {
        host("ip", {"link", "del", "lan0"});
        host("ip", {"netns", "del", "lan"});
    }
    static std::string fetch(const std::string& url) {
        return host("ip", {"netns", "exec", "lan", "curl", "-sS", "-m", "2", url}).out;
    }

  private:
    static void run(std::vector<std::string> args) { REQUIRE(host("ip", std::move(args)).exit_code == 0); }
};

} // namespace

TEST_CASE("a network with IPv6 only: addresses, names, published ports") {
    World world;
    world.tiny_image();
    world.write(
        "compose.yaml",
        concat("services:\n",
               service("web", concat("    command: [sh, -c, \"", k_serve, "\"]\n    ports: [\"8080:80\"]\n")),
               service("asker", "    command: sleep 1000\n"),
               "networks:\n  default:\n    enable_ipv4: false\n    enable_ipv6: true\n"
               "    ipam: {config: [{subnet: \"fd00:77::/64\"}]}\n"));
    world.compose_ok({"up", "-d"});
    CHECK(world.compose_ok({"exec", "web", "sh", "-c", "ip -4 -o addr show eth0 | wc -l"}) == "0");
    CHECK(world.ok({"network", "inspect", "-f", "{{.EnableIPv4}} {{len .IPAM.Config}}", "proj_default"}) ==
          "false 1");
    CHECK(world.ok({"network", "ls", "--filter", "name=proj", "--format", "{{.IPv4}} {{.IPv6}}"}) ==
          "false true");
    const std::string address = world.ok(
        {"inspect", "-f", "{{.NetworkSettings.Networks.proj_default.GlobalIPv6Address}}", "proj-web-1"});
    CHECK_THAT(address, ContainsSubstring("fd00:77::"));
    CHECK_THAT(world.compose_ok({"exec", "asker", "nslookup", "-type=aaaa", "web"}),
               ContainsSubstring(address));
    CHECK(fetch("http://[fd00:77::1]:8080/") == "hello");
    CHECK(fetch(concat("http://[", address, "]/")) == "hello");
    CHECK_THAT(world.ok({"port", "proj-web-1"}),
               ContainsSubstring("[::]:8080") && !ContainsSubstring("0.0.0.0"));
    CHECK(world.berth({"network", "create", "--ipv4=false", "nothing"}).exit_code == 1);
    CHECK_THAT(
        world.berth({"network", "create", "--ipv4=false", "--subnet", "10.1.0.0/24", "--ipv6", "mixed"}).err,
        ContainsSubstring("10.1.0.0/24"));
    CHECK_THAT(
        world.berth({"run", "--rm", "--network", "proj_default", "--ip", "10.1.0.2", "tiny", "true"}).err,
        ContainsSubstring("has no IPv4"));
}

TEST_CASE("auxiliary addresses are given to nobody") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                concat("services:\n", service("web", "    command: sleep 1000\n    scale: 3\n"),
                       "networks:\n  default:\n    ipam:\n      config:\n        - subnet: 10.78.0.0/29\n"
                       "          aux_addresses: {router: 10.78.0.2, printer: 10.78.0.4}\n"));
    world.compose_ok({"up", "-d"});
    std::string all;
    for (const auto* name : {"proj-web-1", "proj-web-2", "proj-web-3"})
        all +=
            world.ok({"inspect", "-f", "{{.NetworkSettings.Networks.proj_default.IPAddress}}", name}) + " ";
    for (const auto* given : {"10.78.0.3 ", "10.78.0.5 ", "10.78.0.6 "})
        CHECK_THAT(all, ContainsSubstring(given));
    CHECK_THAT(world.berth({"run", "--rm", "--network", "proj_default", "tiny", "true"}).err,
               ContainsSubstring("all are taken"));
    CHECK_THAT(
        world.berth({"run", "--rm", "--network", "proj_default", "--ip", "10.78.0.4", "tiny", "true"}).err,
        ContainsSubstring("set aside"));
    CHECK(world.ok({"network", "inspect", "-f", "{{(index .IPAM.Config 0).AuxiliaryAddresses.router}}",
                    "proj_default"}) == "10.78.0.2");
    world.ok({"network", "create", "--subnet", "10.79.0.0/30", "--aux-address", "a=10.79.0.2", "full"});
    CHECK(world.berth({"run", "--rm", "--network", "full", "tiny", "true"}).exit_code == 125);
    CHECK(world.berth({"network", "create", "--subnet", "10.80.0.0/24", "--aux-address", "a=10.81.0.2", "x"})
              .exit_code != 0);
}

TEST_CASE("an interface's name, further addresses, settings, hardware address and the default route") {
    World world;
    world.tiny_image();
    world.write(
        "compose.yaml",
        concat("services:\n",
               service("web", "    command: sleep 1000\n    networks:\n"
                              "      back:\n        priority: 1\n"
                              "        interface_name: wan0\n"
                              "        mac_address: \"02:42:0a:00:00:63\"\n"
                              "        link_local_ips: [169.254.7.7, \"fe80::77\"]\n"
                              "        driver_opts:\n"
                              "          com.docker.network.endpoint.sysctls: "
                              "\"net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.forwarding=0\"\n"
                              "      front:\n        gw_priority: 5\n"),
               "networks:\n  front:\n    ipam: {config: [{subnet: 10.82.0.0/24}]}\n  back:\n"));
    world.compose_ok({"up", "-d"});
    const std::string links = world.compose_ok({"exec", "web", "ip", "-o", "addr"});
    CHECK_THAT(links, ContainsSubstring("wan0") && ContainsSubstring("169.254.7.7/16") &&
                          ContainsSubstring("fe80::77/64") && ContainsSubstring("eth0") &&
                          !ContainsSubstring("eth1"));
    CHECK(world.compose_ok({"exec", "web", "cat", "/sys/class/net/wan0/address"}) == "02:42:0a:00:00:63");
    CHECK(world.compose_ok({"exec", "web", "cat", "/proc/sys/net/ipv4/conf/wan0/log_martians"}) == "1");
    CHECK(world.compose_ok({"exec", "web", "cat", "/proc/sys/net/ipv4/conf/eth0/log_martians"}) == "0");
    CHECK_THAT(world.compose_ok({"exec", "web", "ip", "route"}),
               ContainsSubstring("default via 10.82.0.1 dev eth0"));
    CHECK(world.compose_ok({"up", "-d"}).empty());
    // The same by hand, to a container that runs.
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    world.ok({"network", "connect", "--driver-opt", "com.docker.network.endpoint.ifname=extra",
              "--link-local-ip", "169.254.8.8", "proj_back", "box"});
    CHECK_THAT(world.ok({"exec", "box", "ip", "-o", "addr"}),
               ContainsSubstring("extra") && ContainsSubstring("169.254.8.8/16"));
    CHECK_THAT(world.ok({"run", "--rm", "--network",
                         "name=proj_back,\"driver-opt=com.docker.network.endpoint.ifname=named0\"", "tiny",
                         "ip", "-o", "link"}),
               ContainsSubstring("named0"));
}

TEST_CASE("what an endpoint or a network cannot have is refused, with the line") {
    World world;
    world.tiny_image();
    const auto refusal = [&](const std::string& endpoint, const std::string& network) {
        world.write("compose.yaml", concat("services:\n",
                                           service("web", concat("    command: sleep 1000\n    networks:\n"
                                                                 "      back:\n        ",
                                                                 endpoint, "\n")),
                                           "networks:\n  back:\n    ", network, "\n"));
        const Run run = world.compose({"up", "-d"});
        CHECK(run.exit_code != 0);
        CHECK_THAT(run.err, ContainsSubstring("compose.yaml:"));
        return run.err;
    };
    CHECK_THAT(refusal("driver_opts: {com.docker.network.endpoint.colour: red}", "internal: false"),
               ContainsSubstring("com.docker.network.endpoint.colour"));
    CHECK_THAT(refusal("interface_name: much-too-long-for-linux", "internal: false"),
               ContainsSubstring("15 letters"));
    CHECK_THAT(refusal("driver_opts: {com.docker.network.endpoint.sysctls: \"net.ipv4.conf.../../x=1\"}",
                       "internal: false"),
               ContainsSubstring("IFNAME"));
    CHECK_THAT(refusal("priority: 1", "driver_opts: {com.docker.network.bridge.enable_ic: \"false\"}"),
               ContainsSubstring("enable_icc"));
    CHECK_THAT(refusal("priority: 1", "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: straight}"),
               ContainsSubstring("routed"));
    CHECK_THAT(refusal("priority: 1", "driver_opts: {com.docker.network.bridge.gateway_mode_ipv4: isolated}"),
               ContainsSubstring("internal"));
    CHECK(world.ok({"network", "ls", "-q", "--filter", "type=custom"}).empty());
}

TEST_CASE("external links: a name of one container for another one, of this container alone") {
    World world;
    world.tiny_image();
    world.ok({"network", "create", "--subnet", "10.83.0.0/24", "shared"});
    world.write("compose.yaml", concat("services:\n",
                                       service("web", "    command: sleep 1000\n    networks: [shared]\n"
                                                      "    external_links: [\"legacy-db:db\"]\n"),
                                       service("other", "    command: sleep 1000\n    networks: [shared]\n"),
                                       "networks:\n  shared:\n    external: true\n"));
    const Run missing = world.compose({"up", "-d"});
    CHECK(missing.exit_code != 0);
    CHECK_THAT(missing.err, ContainsSubstring("legacy-db"));
    world.ok({"run", "-d", "--name", "legacy-db", "--network", "shared", "--ip", "10.83.0.50", "tiny",
              "sleep", "1000"});
    world.compose_ok({"up", "-d"});
    CHECK_THAT(world.compose_ok({"exec", "web", "nslookup", "-type=a", "db"}),
               ContainsSubstring("10.83.0.50"));
    CHECK(world.compose({"exec", "other", "nslookup", "-type=a", "db"}).exit_code != 0);
    // Another container of that name, with another address, is found as well.
    world.ok({"rm", "-f", "legacy-db"});
    world.ok({"run", "-d", "--name", "legacy-db", "--network", "shared", "--ip", "10.83.0.60", "tiny",
              "sleep", "1000"});
    CHECK_THAT(world.compose_ok({"exec", "web", "nslookup", "-type=a", "db"}),
               ContainsSubstring("10.83.0.60"));
    CHECK_THAT(world.ok({"run", "--rm", "--network", "shared", "--link", "legacy-db:store", "tiny",
                         "nslookup", "-type=a", "store"}),
               ContainsSubstring("10.83.0.60"));
}

TEST_CASE("annotations stand in the bundle and in inspect") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                concat("services:\n", service("web", "    command: sleep 1000\n    annotations:\n"
                                                     "      com.example.team: shop\n")));
    world.compose_ok({"up", "-d"});
    CHECK(world.ok({"inspect", "-f", "{{index .HostConfig.Annotations \"com.example.team\"}}",
                    "proj-web-1"}) == "shop");
    const std::string id = world.ok({"inspect", "-f", "{{.Id}}", "proj-web-1"});
    const Run bundle = host("grep", {"-r", "-l", "com.example.team", world.paths().container(id)});
    CHECK_THAT(bundle.out, ContainsSubstring("config.json"));
    CHECK_THAT(world.berth({"run", "--rm", "--annotation", "berth.init=true", "tiny", "true"}).err,
               ContainsSubstring("berth.init"));
}

TEST_CASE(
    "gateway modes: routed opens the published ports of the container itself, isolated leaves no address") {
    World world;
    world.tiny_image();
    const std::string mode = "com.docker.network.bridge.gateway_mode_ipv4=";
    world.ok({"network", "create", "--subnet", "10.84.0.0/24", "-o", mode + "routed", "open"});
    world.ok({"network", "create", "--subnet", "10.85.0.0/24", "-o", mode + "nat-unprotected", "bare"});
    world.ok({"network", "create", "--subnet", "10.86.0.0/24", "shut"});
    world.ok(
        {"network", "create", "--subnet", "10.87.0.0/24", "--internal", "-o", mode + "isolated", "alone"});
    const Lan lan("10.84.0.0/14");
    const auto serve = [&](const std::string& network, const std::string& address,
                           std::vector<std::string> more) {
        std::vector<std::string> args{"run", "-d", "--name", network, "--network", network, "--ip", address};
        args.insert(args.end(), more.begin(), more.end());
        for (const auto& word : {std::string("tiny"), std::string("sh"), std::string("-c"), k_serve})
            args.push_back(word);
        world.ok(args);
    };
    serve("open", "10.84.0.9", {"-p", "8080:80", "-p", "8081:80"});
    serve("bare", "10.85.0.9", {});
    serve("shut", "10.86.0.9", {});
    serve("alone", "10.87.0.9", {});
    CHECK(fetch("http://10.84.0.9/") == "hello");
    CHECK(Lan::fetch("http://10.84.0.9/") == "hello");
    CHECK(host("curl", {"-sS", "-m", "2", "http://127.0.0.1:8080/"}).exit_code != 0); // nothing of the host's
    CHECK_THAT(world.ok({"ps", "--filter", "name=open", "--format", "{{.Ports}}"}),
               !ContainsSubstring("8080"));
    CHECK(fetch("http://10.85.0.9/") == "hello");
    CHECK(Lan::fetch("http://10.85.0.9/") == "hello");
    CHECK(fetch("http://10.86.0.9/") == "hello");
    CHECK(Lan::fetch("http://10.86.0.9/").empty());
    CHECK_THAT(host("ip", {"-o", "addr"}).out, !ContainsSubstring("10.87.0.1"));
    world.ok({"run", "--rm", "--network", "alone", "--init", "tiny", "timeout", "5", "wget", "-qO-",
              "http://10.87.0.9/"});
    world.ok({"stop", "-t", "0", "open"});
    world.ok({"start", "open"});
    CHECK(fetch("http://10.84.0.9/") == "hello");
    CHECK(Lan::fetch("http://10.84.0.9/") == "hello");
    // The table written anew from the records says the same.
    REQUIRE(host("nft", {"flush", "ruleset"}).exit_code == 0);
    world.ok({"run", "--rm", "tiny", "true"});
    CHECK(Lan::fetch("http://10.84.0.9/") == "hello");
    CHECK(Lan::fetch("http://10.86.0.9/").empty());
}

TEST_CASE("the options of a bridge do what they say") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", concat("services:\n",
                                       service("web", concat("    command: [sh, -c, \"", k_serve,
                                                             "\"]\n    ports: [\"8080:80\"]\n")),
                                       "networks:\n  default:\n    driver_opts:\n"
                                       "      com.docker.network.bridge.name: shopbr0\n"
                                       "      com.docker.network.bridge.enable_icc: \"0\"\n"
                                       "      com.docker.network.bridge.enable_ip_masquerade: \"False\"\n"
                                       "      com.docker.network.bridge.host_binding_ipv4: 127.0.0.1\n"
                                       "      com.docker.network.driver.mtu: 1400\n"
                                       "      com.docker.network.container_iface_prefix: net\n"));
    world.compose_ok({"up", "-d"});
    CHECK_THAT(host("ip", {"-o", "link", "show", "shopbr0"}).out, ContainsSubstring("mtu 1400"));
    CHECK_THAT(world.compose_ok({"exec", "web", "ip", "-o", "link"}),
               ContainsSubstring("net0") && ContainsSubstring("mtu 1400"));
    CHECK_THAT(world.ok({"port", "proj-web-1"}), ContainsSubstring("127.0.0.1:8080"));
    CHECK(fetch("http://127.0.0.1:8080/") == "hello");
    const std::string table = host("nft", {"list", "ruleset"}).out;
    CHECK_THAT(table, !ContainsSubstring("\"shopbr0\" . \"shopbr0\""));
}

TEST_CASE("ports on IPv6 addresses of the host") {
    World world;
    world.tiny_image();
    REQUIRE(host("ip", {"addr", "add", "fd00:99::5/128", "dev", "lo"}).exit_code == 0);
    world.ok({"network", "create", "--ipv6", "six"});
    world.ok({"run", "-d", "--name", "web", "--network", "six", "-p", "[fd00:99::5]:8080:80", "-p",
              "[::]:8081:80", "-p", "fd00:99::5:8082:80", "-p", "[::1]:8083:80", "tiny", "sh", "-c",
              k_serve});
    CHECK(fetch("http://[fd00:99::5]:8080/") == "hello");
    CHECK(fetch("http://[fd00:99::5]:8081/") == "hello");
    CHECK(fetch("http://[fd00:99::5]:8082/") == "hello");
    CHECK_THAT(world.ok({"port", "web"}),
               ContainsSubstring("[fd00:99::5]:8080") && ContainsSubstring("[::]:8081"));
    CHECK(fetch("http://[::1]:8083/") == "hello");
    CHECK(fetch("http://[::1]:8081/") == "hello");
    world.write("compose.yaml", concat("services:\n",
                                       service("web", concat("    command: [sh, -c, \"", k_serve,
                                                             "\"]\n    ports: [\"[fd00:99::5]:8090:80\"]\n")),
                                       "networks:\n  default:\n    enable_ipv6: true\n"));
    world.compose_ok({"up", "-d"});
    CHECK(fetch("http://[fd00:99::5]:8090/") == "hello");
    host("ip", {"addr", "del", "fd00:99::5/128", "dev", "lo"});
}

TEST_CASE("a range of ports: found by each of its numbers, and kept when mapped twice") {
    World world;
    world.tiny_image();
    world.ok({"create", "--name", "asks", "-p", "9000-9005:80", "tiny", "sleep", "1000"});
    CHECK(world.ok({"ps", "-a", "--filter", "publish=9003", "--format", "{{.Names}}"}) == "asks");
    CHECK(world.ok({"ps", "-a", "--filter", "publish=9006", "--format", "{{.Names}}"}).empty());
    world.ok({"run", "-d", "--name", "first", "-p", "9000:81", "tiny", "sleep", "1000"});
    world.ok({"run", "-d", "--name", "twice", "-p", "9000-9005:80", "-p", "9000-9005:80", "tiny", "sleep",
              "1000"});
    CHECK(world.ok({"ps", "--filter", "publish=9002", "--format", "{{.Names}}"}) == "twice");
    CHECK(world.ok({"ps", "--filter", "publish=9005", "--format", "{{.Names}}"}).empty());
    const std::string before = world.ok({"port", "twice"});
    CHECK_THAT(before, ContainsSubstring("9001") && ContainsSubstring("9002"));
    world.ok({"stop", "-t", "0", "twice", "first"});
    world.ok({"start", "twice"});
    CHECK(world.ok({"port", "twice"}) == before);
}
