#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;

TEST_CASE(
    "after down -v the host is as it was before: links, firewall, mounts, cgroups, processes, both roots") {
    World world;
    world.tiny_image();
    // Once up and down first: folders that are made when first used are not a leak.
    world.write("compose.yaml",
                "services:\n"
                "  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    ports: "
                "[\"8080:80\", \"8100-8109:80/udp\"]\n    volumes: [\"data:/data\", \"/anonymous\"]\n"
                "    mem_limit: 64m\n    cpus: 0.5\n    networks: [front, back]\n    healthcheck: {test: "
                "[CMD, \"true\"], interval: 1s}\n"
                "  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    networks: "
                "[back]\n    tmpfs: /tmp\n"
                "networks:\n  front:\n  back: {internal: true}\nvolumes:\n  data:\n");
    world.compose_ok({"up", "-d"});
    world.compose_ok({"down", "-v"});
    settle_links(1);
    const std::string before = host_state(world.paths());
    for (int round = 0; round < 3; ++round) {
        world.compose_ok({"up", "-d", "--wait"});
        world.compose_ok({"exec", "-T", "web", "true"});
        world.compose_ok({"run", "--rm", "db", "true"});
        world.compose_ok({"down", "-v"});
        settle_links(1);
        CHECK(host_state(world.paths()) == before);
    }
}

TEST_CASE("twenty runs leave nothing") {
    World world;
    world.tiny_image();
    const std::vector<std::string> command{"run", "--rm", "-p",    "8080:80", "--memory",
                                           "32m", "-v",   "/anon", "tiny",    "true"};
    world.ok(command);
    settle_links(2);
    const std::string before = host_state(world.paths());
    for (int i = 0; i < 20; ++i)
        world.ok(command);
    settle_links(2);
    CHECK(host_state(world.paths()) == before);
}
