#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {
const std::string k_server = "mkdir -p /www; printf hello > /www/index.html; exec httpd -f -p 80 -h /www";

// The server inside needs a moment to listen: connections that are refused are tried again.
std::string fetch(const std::string& url) {
    return host("curl", {"-sS", "-m", "5", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                         "--retry-max-time", "20", url})
        .out;
}
} // namespace

TEST_CASE("networks: bad input") {
    World world;
    world.tiny_image();
    CHECK(world.berth({"network", "rm", "nowhere"}).exit_code == 1);
    CHECK(world.berth({"network", "create", "bad name"}).exit_code == 1);
    CHECK(world.berth({"network", "create", "--subnet", "10.300.0.0/16", "x"}).exit_code == 1);
    world.ok({"network", "create", "--subnet", "10.77.0.0/24", "a"});
    CHECK(world.berth({"network", "create", "a"}).exit_code == 1);
    const Run overlap = world.berth({"network", "create", "--subnet", "10.77.0.128/25", "b"});
    CHECK(overlap.exit_code == 1);
    CHECK_THAT(overlap.err, ContainsSubstring("10.77.0.0/24"));
    world.ok({"run", "-d", "--name", "one", "--network", "a", "--ip", "10.77.0.9", "tiny", "sleep", "1000"});
    CHECK_THAT(world.berth({"run", "-d", "--network", "a", "--ip", "10.77.0.9", "tiny", "true"}).err,
               ContainsSubstring("10.77.0.9") && ContainsSubstring("one"));
    CHECK_THAT(world.berth({"network", "rm", "a"}).err, ContainsSubstring("one"));
}

TEST_CASE("containers of one network find each other by name; those of another do not") {
    World world;
    world.tiny_image();
    world.ok({"network", "create", "left"});
    world.ok({"network", "create", "right"});
    world.ok({"run", "-d", "--name", "web", "--network", "left", "--network-alias", "site", "tiny", "sh",
              "-c", k_server});
    // Asked with nslookup: a static busybox has no resolver library to look names up with inside this image.
    const std::string web =
        world.ok({"inspect", "--format", "{{.NetworkSettings.Networks.left.IPAddress}}", "web"});
    for (const auto* name : {"web", "site", "web.left", "site.left"})
        CHECK_THAT(world.ok({"run", "--rm", "--network", "left", "tiny", "nslookup", "-type=a", name}),
                   ContainsSubstring("Address: " + web));
    CHECK(world.ok({"run", "--rm", "--network", "left", "--init", "tiny", "timeout", "5", "wget", "-qO-",
                    "http://" + web + "/"}) == "hello");
    CHECK(world.berth({"run", "--rm", "--network", "right", "tiny", "nslookup", "web"}).exit_code != 0);
    const std::string address =
        world.ok({"inspect", "--format", "{{.NetworkSettings.Networks.left.IPAddress}}", "web"});
    CHECK(world
              .berth({"run", "--rm", "--network", "right", "--init", "tiny", "timeout", "1", "wget", "-qO-",
                      "http://" + address + "/"})
              .exit_code != 0);
    CHECK(world.ok({"run", "--rm", "--network", "none", "tiny", "sh", "-c", "ip -o link | wc -l"}) == "1");
}

TEST_CASE("published ports: loopback, other addresses, a taken port says by whom") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "web", "-p", "8080:80", "-p", "127.0.0.1:8081:80", "tiny", "sh", "-c",
              k_server});
    CHECK(fetch("http://127.0.0.1:8080/") == "hello");
    CHECK(fetch("http://127.0.0.1:8081/") == "hello");
    CHECK_THAT(world.ok({"port", "web"}),
               ContainsSubstring("80/tcp -> 0.0.0.0:8080") && ContainsSubstring("80/tcp -> 127.0.0.1:8081"));
    const Run taken = world.berth({"run", "-d", "--name", "late", "-p", "8080:80", "tiny", "sleep", "1"});
    CHECK(taken.exit_code == 125);
    CHECK_THAT(taken.err, ContainsSubstring("8080") && ContainsSubstring("web"));
    CHECK_THAT(world.ok({"ps"}), ContainsSubstring("0.0.0.0:8080->80/tcp"));
    world.ok({"stop", "-t", "0", "web"});
    CHECK(host("curl", {"-sS", "-m", "2", "http://127.0.0.1:8080/"}).exit_code != 0);
    world.ok({"start", "web"});
    CHECK(fetch("http://127.0.0.1:8080/") == "hello");
    // From another container by the host's address of its own network (hairpin).
    const std::string gateway =
        world.ok({"network", "inspect", "--format", "{{(index .IPAM.Config 0).Gateway}}", "bridge"});
    CHECK(world.ok({"run", "--rm", "--init", "tiny", "timeout", "5", "wget", "-qO-",
                    "http://" + gateway + ":8080/"}) == "hello");
}

TEST_CASE("what somebody else deleted is there again after the next command") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "web", "-p", "8080:80", "tiny", "sh", "-c", k_server});
    REQUIRE(host("nft", {"flush", "ruleset"}).exit_code == 0);
    world.ok({"run", "--rm", "tiny", "true"});
    CHECK(fetch("http://127.0.0.1:8080/") == "hello");
}

TEST_CASE("the networks that are always there are listed and inspected before anything uses them") {
    World world;
    const std::string bridge = world.ok({"network", "inspect", "-f", "{{.Id}}", "bridge"});
    CHECK(world.ok({"network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"}) ==
          "bridge bridge local\nhost host local\nnone null local");
    CHECK(world.ok({"network", "ls", "-q", "--filter", "type=custom"}).empty());
    CHECK(world.berth({"network", "rm", "host"}).exit_code == 1);
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    CHECK(world.ok({"network", "inspect", "-f", "{{.Id}}", "bridge"}) == bridge);
    CHECK(world.ok({"network", "ls", "--format", "{{.Name}}"}) == "bridge\nhost\nnone");
    const std::string address = world.ok({"inspect", "-f", "{{.NetworkSettings.IPAddress}}", "box"});
    CHECK(!address.empty());
    CHECK(address == world.ok({"inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "box"}));
}
