#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("volumes: named ones outlive containers, anonymous ones go with --rm") {
    World world;
    world.tiny_image();
    CHECK(world.berth({"volume", "inspect", "nothing"}).exit_code == 1);
    CHECK(world.berth({"volume", "create", "bad/name"}).exit_code == 1);
    world.ok({"run", "--rm", "-v", "data:/data", "tiny", "sh", "-c", "echo kept > /data/file"});
    CHECK(world.ok({"run", "--rm", "-v", "data:/data:ro", "tiny", "sh", "-c",
                    "cat /data/file; touch /data/x 2>/dev/null || echo read-only"}) == "kept\nread-only");
    CHECK(world.ok({"volume", "ls", "-q"}) == "data");
    world.ok({"run", "--rm", "-v", "/anonymous", "tiny", "touch", "/anonymous/x"});
    CHECK(world.ok({"volume", "ls", "-q"}) == "data");
    world.ok({"create", "--name", "user", "-v", "data:/data", "tiny", "true"});
    const Run used = world.berth({"volume", "rm", "data"});
    CHECK(used.exit_code == 1);
    CHECK_THAT(used.err, ContainsSubstring("user") || ContainsSubstring("in use"));
    world.ok({"rm", "user"});
    world.ok({"volume", "rm", "data"});
}

TEST_CASE("an empty named volume begins with what the image has there") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN mkdir -p /data/sub && echo from image > /data/sub/file && "
                              "chown -R 1000:1000 /data && chmod 750 /data\n");
    world.ok({"build", "-t", "filled", "."});
    CHECK(world.ok({"run", "--rm", "-v", "v:/data", "filled", "sh", "-c",
                    "cat /data/sub/file; stat -c %u:%a /data"}) == "from image\n1000:750");
    world.ok({"run", "--rm", "-v", "v:/data", "filled", "sh", "-c", "echo changed > /data/sub/file"});
    CHECK(world.ok({"run", "--rm", "-v", "v:/data", "filled", "cat", "/data/sub/file"}) == "changed");
}

TEST_CASE("bind mounts: files, folders, read-only is recursive, --mount demands the source") {
    World world;
    world.tiny_image();
    world.write("conf/a.txt", "hello\n");
    CHECK(world.ok({"run", "--rm", "-v", world.project() + "/conf:/conf:ro", "-v",
                    world.project() + "/conf/a.txt:/b.txt", "tiny", "sh", "-c", "cat /conf/a.txt /b.txt"}) ==
          "hello\nhello");
    const Run missing =
        world.berth({"run", "--rm", "--mount", "type=bind,source=/no/such,target=/x", "tiny", "true"});
    CHECK(missing.exit_code == 125);
    CHECK_THAT(missing.err, ContainsSubstring("/no/such"));
    // docker's -v makes the folder
    world.ok({"run", "--rm", "-v", world.project() + "/made:/x", "tiny", "touch", "/x/y"});
    CHECK(path_exists(world.project() + "/made/y"));
}

TEST_CASE("a volume that is a file system of its own, or whose device is gone, is listed and inspected like "
          "others") {
    World world;
    world.ok({"volume", "create", "plain"});
    world.ok(
        {"volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m", "memory"});
    world.ok({"volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", "device=/no/such/folder",
              "gone"});
    CHECK(world.ok({"volume", "ls", "--format", "{{.Name}} {{.Driver}}"}) ==
          "gone local\nmemory local\nplain local");
    const std::string data = world.paths().volumes() + "/memory/_data";
    CHECK(world.ok({"volume", "inspect", "-f", "{{.Mountpoint}} {{.Options.o}}", "memory"}) ==
          data + " size=1m");
    CHECK(world.ok({"volume", "inspect", "-f", "{{.Mountpoint}}", "gone"}) == "/no/such/folder");
}
