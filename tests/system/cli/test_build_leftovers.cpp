// What a build leaves behind: nothing but its result, its cache, and of both only what can be found and taken away again.
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::size_t entries(const std::string& folder) {
    const auto names = list_dir(folder);
    return names ? names->size() : 0;
}

} // namespace

TEST_CASE("build: of one that is killed, its step ends with it, and the next build takes its secrets away") {
    World world;
    world.tiny_image();
    world.write("token", "top secret");
    // A step that says nothing more, and one whose words find nobody.
    const std::string rest = GENERATE("exec sleep 1000", "while sleep 0.01; do echo more; done");
    world.write("Dockerfile", "FROM tiny\nRUN --mount=type=secret,id=token echo RUNNING; " + rest + "\n");
    const Run killed =
        host("sh", {"-c", "cd " + world.project() + "; export BERTH_DATA_ROOT=" + world.paths().data_root() +
                              " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                              "; " BERTH_PROGRAM
                              " build --progress=plain --secret id=token,src=token . >said 2>&1 & "
                              "while ! grep -q '| RUNNING' said; do kill -0 $! || exit 1; done; kill -9 $!"});
    INFO(killed.err);
    REQUIRE(killed.exit_code == 0);
    const auto id = world.ok({"ps", "-aq"});
    REQUIRE(id.size() == 12);
    CHECK(world.ok({"wait", id}) == "137");
    CHECK(entries(world.paths().exec_root() + "/build-secrets") == 1);
    world.write("Dockerfile", "FROM tiny\nRUN true\n");
    world.ok({"build", "-q", "."});
    CHECK(entries(world.paths().exec_root() + "/build-secrets") == 0);
    CHECK(entries(world.paths().exec_root() + "/build-locks") == 0);
    CHECK(world.ok({"ps", "-aq"}).empty());
    CHECK(entries(world.paths().images() + "/tmp") == 0);
}

TEST_CASE("build: steps that ran again keep no layer of the time before once nothing has it") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN cat /proc/sys/kernel/random/uuid > /id\nRUN echo 2 > /two\n");
    for (int i = 0; i < 3; ++i)
        world.ok({"build", "-q", "--no-cache", "-t", "made", "."});
    world.ok({"image", "prune", "-f"});
    world.ok({"rmi", "made"});
    // Each layer that the cache wants kept has a record by which it is found, and goes with it.
    CHECK(entries(world.paths().build() + "/layers") == entries(world.paths().build() + "/steps"));
    world.ok({"builder", "prune", "-af"});
    CHECK(entries(world.paths().build() + "/layers") == 0);
    CHECK(entries(world.paths().images() + "/layers") == 1); // tiny's
}

TEST_CASE("build: an image prune beside a build takes no layer from it") {
    World world;
    world.tiny_image();
    world.ok({"tag", "tiny", "base:1"});
    const Run both = host(
        "sh",
        {"-c", "cd " + world.project() + "; export BERTH_DATA_ROOT=" + world.paths().data_root() +
                   " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                   "; printf 'FROM base:1\\nRUN echo RUNNING; sleep 2; echo a > /a\\nRUN cat /a > /b\\n' > "
                   "Dockerfile; " BERTH_PROGRAM " build --no-cache --progress=plain -t made . >said 2>&1 & "
                   "while ! grep -q '| RUNNING' said; do kill -0 $! || exit 1; done; " BERTH_PROGRAM
                   " image prune -af >/dev/null && wait $!"});
    INFO(both.err);
    CHECK(both.exit_code == 0);
    CHECK(world.ok({"run", "--rm", "--network", "none", "made", "cat", "/b"}) == "a");
}

TEST_CASE(
    "save and export: a link beside the output is not followed, and what it stands for not written to") {
    World world;
    world.tiny_image();
    world.write("victim", "precious");
    REQUIRE(host("ln", {"-s", world.project() + "/victim", world.project() + "/out.tar.partial"}).exit_code ==
            0);
    world.ok({"save", "-o", "out.tar", "tiny"});
    CHECK(read_file(world.project() + "/victim").value() == "precious");
    CHECK(host("stat", {"-c", "%F %a", world.project() + "/out.tar"}).out == "regular file 600\n");
    CHECK_THAT(world.ok({"load", "-i", "out.tar"}), ContainsSubstring("tiny:latest"));
    CHECK(entries(world.project()) == 3);
}

TEST_CASE("build: outputs without a destination, a Dockerfile in small letters, an archive's own modes") {
    World world;
    world.tiny_image();
    REQUIRE(host("sh", {"-c", "cd " + world.project() +
                                  "; mkdir t; echo x > t/f; chmod 640 t/f; tar -cf in.tar -C t f"})
                .exit_code == 0);
    world.write("dockerfile", "FROM tiny\nADD --chmod=777 in.tar /d/\nADD --chmod=700 dockerfile /e\n");
    world.ok({"build", "-q", "-t", "small", "."});
    CHECK(world.ok({"run", "--rm", "--network", "none", "small", "stat", "-c", "%a", "/d/f", "/e"}) ==
          "640\n700");
    const auto archive = world.ok({"build", "-q", "-o", "type=tar", "."});
    CHECK_THAT(archive, ContainsSubstring("d/f"));
    CHECK_THAT(world.ok({"build", "-q", "-o", "type=oci", "."}), ContainsSubstring("oci-layout"));
}

TEST_CASE("compose build: a secret has the id that its target says") {
    World world;
    world.tiny_image();
    world.write("token", "from a file");
    world.write("compose.yaml", "services:\n  app:\n    image: app:1\n    build:\n      context: .\n"
                                "      secrets: [{source: token, target: envs}, token]\n"
                                "secrets: {token: {file: token}}\n");
    world.write("Dockerfile",
                "FROM tiny\nRUN --mount=type=secret,id=envs,required --mount=type=secret,id=token,required "
                "cat /run/secrets/envs /run/secrets/token > /said\n");
    world.compose_ok({"build"});
    CHECK(world.ok({"run", "--rm", "--network", "none", "app:1", "cat", "/said"}) ==
          "from a filefrom a file");
    CHECK_THAT(world.compose_ok({"build", "--print"}), ContainsSubstring("id=envs,type=file"));
}
