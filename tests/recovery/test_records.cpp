// Damaged records: each is reported with its path and passed over; the others are not disturbed; what is damaged can be
// removed.
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("truncated, empty, garbage and newer records of one container never block the others") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "good", "tiny", "sleep", "1000"});
    for (const auto* file : {"spec.json", "state.json"}) {
        for (const auto* content : {"", "{", "\xff\xfe\x00garbage", "[]", "{\"version\":99}", "{\"id\":7}"}) {
            CAPTURE(file, content);
            const std::string id = world.ok({"create", "--name", "bad", "tiny", "true"});
            const std::string path = concat(world.paths().container(id), "/", file);
            REQUIRE(write_atomic(path, content));
            const Run list = world.berth({"ps", "-a"});
            CHECK(list.exit_code == 0);
            CHECK_THAT(list.out, ContainsSubstring("good"));
            CHECK(world.ok({"exec", "good", "echo", "fine"}) == "fine");
            const Run removed = world.berth({"rm", "-f", id});
            CAPTURE(removed.err);
            CHECK(removed.exit_code == 0);
            CHECK_FALSE(path_exists(world.paths().container(id)));
            // The name is free again.
            world.ok({"create", "--name", "bad", "tiny", "true"});
            world.ok({"rm", "bad"});
        }
    }
}

TEST_CASE("damaged networks, volumes and images: named, passed over") {
    World world;
    world.tiny_image();
    world.ok({"network", "create", "one"});
    world.ok({"network", "create", "two"});
    world.ok({"volume", "create", "v1"});
    world.ok({"volume", "create", "v2"});
    const std::string id = world.ok({"network", "inspect", "--format", "{{.Id}}", "one"});
    REQUIRE(write_atomic(concat(world.paths().networks(), "/", id, "/network.json"), "{"));
    REQUIRE(write_atomic(world.paths().volumes() + "/v1/volume.json", "{"));
    const Run networks = world.berth({"network", "ls"});
    CHECK(networks.exit_code == 0);
    CHECK_THAT(networks.out, ContainsSubstring("two"));
    const Run volumes = world.berth({"volume", "ls"});
    CHECK(volumes.exit_code == 0);
    CHECK_THAT(volumes.out, ContainsSubstring("v2"));
    CHECK(world.ok({"run", "--rm", "--network", "two", "-v", "v2:/x", "tiny", "echo", "fine"}) == "fine");
}
