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

TEST_CASE("a container whose record is damaged: shown as dead, made again by up, removed by down") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    restart: "
                                "always\n    stop_grace_period: 0s\n"
                                "    ports: [\"8080:80\"]\n    volumes: [\"/data\"]\n");
    world.compose_ok({"up", "-d"});
    const auto web = [&] { return world.ok({"ps", "-aq", "--no-trunc"}); };
    const auto processes = [&](const std::string& id) {
        return host("sh", {"-c", "cat /sys/fs/cgroup/*/*/" + id + "/cgroup.procs 2>/dev/null"}).out;
    };
    for (const auto* file : {"spec.json", "state.json"}) {
        for (const auto* content : {"", "{\"version\": 1, \"id\"", "\xff\xfegarbage"}) {
            CAPTURE(file, content);
            const std::string id = web();
            const auto damage = [&] {
                REQUIRE(write_atomic(concat(world.paths().container(id), "/", file), content));
            };
            world.compose_ok({"exec", "-T", "web", "sh", "-c", "echo kept > /data/file"});
            damage();
            const Run list = world.berth({"ps", "-a"});
            CHECK_THAT(list.out, ContainsSubstring("Dead"));
            CHECK_THAT(list.out, ContainsSubstring("proj-web-1"));
            CHECK_THAT(list.out, ContainsSubstring(file));
            CHECK_THAT(world.compose({"ps", "-a"}).out, ContainsSubstring("proj-web-1"));

            const Run up = world.compose({"up", "-d"});
            CAPTURE(up.err);
            REQUIRE(up.exit_code == 0);
            const auto named = up.err.find(file);
            CHECK(named != std::string::npos);
            CHECK(up.err.find(file, named + 1) == std::string::npos);
            CHECK(web() != id);
            CHECK_FALSE(path_exists(world.paths().container(id)));
            CHECK(processes(id).empty());
            // As with every replacement, what the container had of its own goes on.
            CHECK(world.compose_ok({"exec", "-T", "web", "cat", "/data/file"}) == "kept");
        }
        const std::string id = web();
        REQUIRE(write_atomic(concat(world.paths().container(id), "/", file), "{"));
        const Run down = world.compose({"down", "-v"});
        CAPTURE(down.err);
        CHECK(down.exit_code == 0);
        CHECK(web().empty());
        CHECK(processes(id).empty());
        CHECK(world.ok({"volume", "ls", "-q"}).empty());
        CHECK(world.ok({"network", "ls", "-q", "--filter", "name=proj"}).empty());
        CHECK(host("nft", {"list", "ruleset"}).out.find(id.substr(0, 12)) == std::string::npos);
        CHECK_FALSE(path_exists(concat(world.paths().exec_root(), "/containers/", id)));
        world.compose_ok({"up", "-d"});
    }
    world.compose_ok({"down", "-v"});
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

TEST_CASE("a volume whose record is damaged: up writes it anew and keeps the data, down -v removes it") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n"
                "    volumes: [\"data:/data\", \"/anonymous\"]\nvolumes:\n  data:\n");
    world.compose_ok({"up", "-d"});
    world.compose_ok({"exec", "-T", "db", "sh", "-c", "echo kept > /data/file; echo kept > /anonymous/file"});
    const auto volumes = list_dir(world.paths().volumes());
    REQUIRE(volumes);
    const auto damage = [&](const std::string& content) {
        for (const auto& name : *volumes)
            if (!name.starts_with("."))
                REQUIRE(write_atomic(concat(world.paths().volumes(), "/", name, "/volume.json"), content));
    };
    for (const auto* content : {"", "{", "\xff\xfe\x00garbage"}) {
        CAPTURE(content);
        damage(content);
        world.compose_ok({"up", "-d", "--force-recreate"});
        CHECK(world.compose_ok({"exec", "-T", "db", "cat", "/data/file", "/anonymous/file"}) == "kept\nkept");
    }
    // A failed up takes back what it made, not what it mended.
    damage("{");
    world.compose_ok({"down"});
    world.write("compose.yaml", "services:\n  db:\n    image: tiny\n    command: /no-such-program\n"
                                "    volumes: [\"data:/data\"]\nvolumes:\n  data:\n");
    CHECK(world.compose({"up", "-d"}).exit_code != 0);
    CHECK(read_file(concat(world.paths().volumes(), "/proj_data/_data/file")).value_or("") == "kept\n");
    damage("{");
    world.compose_ok({"down", "-v"});
    CHECK_FALSE(path_exists(concat(world.paths().volumes(), "/proj_data")));
}

TEST_CASE("a network whose record is damaged goes with its last container") {
    World world;
    world.tiny_image();
    world.ok({"network", "create", "one"});
    const std::string id = world.ok({"network", "inspect", "--format", "{{.Id}}", "one"});
    const std::string folder = concat(world.paths().networks(), "/", id);
    const std::string container = world.ok({"run", "-d", "--network", "one", "tiny", "sleep", "1000"});
    REQUIRE(write_atomic(folder + "/network.json", "{"));
    world.ok({"network", "prune", "-f"});
    CHECK(path_exists(folder)); // somebody is on it
    world.ok({"rm", "-f", container});
    world.ok({"network", "prune", "-f"});
    CHECK_FALSE(path_exists(folder));
    CHECK(host("ip", {"-o", "link"}).out.find("br-" + id.substr(0, 12)) == std::string::npos);
}

TEST_CASE("damaged records of a stack's network and port: down leaves nothing of them") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    "
                                "stop_grace_period: 0s\n    ports: [\"8080:80\"]\n");
    world.compose_ok({"up", "-d"});
    const std::string id = world.ok({"network", "inspect", "--format", "{{.Id}}", "proj_default"});
    const std::string container = world.compose_ok({"ps", "-q"});
    SECTION("the network's") {
        REQUIRE(write_atomic(concat(world.paths().networks(), "/", id, "/network.json"), "{"));
    }
    SECTION("the port's") {
        REQUIRE(
            write_atomic(concat(world.paths().exec_root(), "/networks/", id, "/published/", container), "{"));
    }
    world.compose_ok({"down"});
    CHECK_FALSE(path_exists(concat(world.paths().networks(), "/", id)));
    CHECK(host("ip", {"-o", "link"}).out.find("br-" + id.substr(0, 12)) == std::string::npos);
    CHECK(host("nft", {"list", "ruleset"}).out.find(container.substr(0, 12)) == std::string::npos);
}
