// compose build: its flags, and what of a build section they meet.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"
#include "tests/system/cli/server.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string k_two = "services:\n"
                          "  web:\n    image: web\n    depends_on: [db]\n    build:\n      context: .\n      "
                          "args: {WHO: file}\n      target: last\n"
                          "  db:\n    image: db\n    build:\n      dockerfile_inline: |\n        FROM tiny\n "
                          "       RUN echo db > /db\n"
                          "  ready:\n    image: tiny\n";

void write_two(World& world) {
    world.tiny_image();
    world.write("compose.yaml", k_two);
    world.write(
        "Dockerfile",
        "FROM tiny AS first\nARG WHO\nRUN cat /proc/sys/kernel/random/uuid > /first\nFROM first AS last\nARG "
        "WHO\nRUN echo $WHO > /who; cat /proc/sys/kernel/random/uuid > /last; ulimit -n > /files\n");
}

} // namespace

TEST_CASE("compose build: what cannot be is refused with words, and nothing is built") {
    World world;
    write_two(world);
    struct Case {
        std::vector<std::string> flags;
        const char* says;
    };
    for (const auto& bad : {Case{{"--builder", "other"}, "default"},
                            Case{{"--ssh", "default=/no/such/socket"}, "/no/such/socket"},
                            Case{{"--build-arg", "=x"}, "empty key"}, Case{{"--memory", "much"}, "much"},
                            Case{{"--provenance", "true"}, "attestations"}, Case{{"nobody"}, "nobody"},
                            Case{{"--progress", "loud"}, "loud"}}) {
        auto words = bad.flags;
        words.insert(words.begin(), "build");
        const Run result = world.compose(words);
        CAPTURE(bad.says, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK(world.berth({"image", "inspect", "db"}).exit_code == 1);
    }
}

TEST_CASE("compose build: services, dependencies, arguments, cache and quiet") {
    World world;
    write_two(world);
    world.compose_ok({"build", "web", "--build-arg", "WHO=flag", "--builder", "default", "--memory", "64m"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/who"}) == "flag");
    CHECK(world.berth({"image", "inspect", "db"}).exit_code == 1);
    const Run quiet = world.compose({"build", "-q", "--with-dependencies", "web"});
    CHECK(quiet.exit_code == 0);
    CHECK(quiet.err.empty());
    CHECK(world.ok({"run", "--rm", "db", "cat", "/db"}) == "db");
    CHECK(world.ok({"run", "--rm", "web", "cat", "/who"}) == "file");
    const auto first = world.ok({"run", "--rm", "web", "cat", "/first"});
    world.compose_ok({"build"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/first"}) == first);
    world.compose_ok({"build", "--no-cache"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/first"}) != first);
    CHECK_THAT(world.compose({"build", "ready"}).err, ContainsSubstring("no services to build"));
}

TEST_CASE("compose build: ulimits and no_cache_filter of the file") {
    World world;
    write_two(world);
    world.write("compose.yaml",
                "services:\n  web:\n    image: web\n    build:\n      context: .\n      no_cache_filter: "
                "[last]\n      ulimits:\n        nofile: {soft: 70, hard: 80}\n");
    const Run built = world.compose({"build"});
    CHECK(built.exit_code == 0);
    CHECK_THAT(built.err, !ContainsSubstring("warning"));
    const auto first = world.ok({"run", "--rm", "web", "cat", "/first"}),
               last = world.ok({"run", "--rm", "web", "cat", "/last"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/files"}) == "70");
    world.compose_ok({"build"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/first"}) == first);
    CHECK(world.ok({"run", "--rm", "web", "cat", "/last"}) != last);
}

TEST_CASE("compose build --check and --print build nothing") {
    World world;
    write_two(world);
    const Run clean = world.compose({"build", "--check"});
    CHECK(clean.exit_code == 0);
    CHECK_THAT(clean.out, ContainsSubstring("Check complete, no warnings found."));
    world.write("Dockerfile", "FROM tiny as first\nFROM first AS last\n");
    const Run found = world.compose({"build", "--check", "web"});
    CHECK(found.exit_code == 1);
    CHECK_THAT(found.out, ContainsSubstring("FromAsCasing"));
    world.write(
        "compose.yaml",
        k_two +
            "  top:\n    build:\n      context: .\n      additional_contexts: {base: 'service:db', tools: "
            "./tools}\n      ssh: [default]\n      extra_hosts: ['a:1.2.3.4']\n      ulimits: {nofile: 5}\n");
    const auto bake = world.compose_ok({"build", "--print", "--no-cache"});
    CHECK_THAT(bake, ContainsSubstring("\"group\": {") &&
                         ContainsSubstring("\"dockerfile-inline\": \"FROM tiny\\nRUN echo db > /db\\n\"") &&
                         ContainsSubstring("\"base\": \"target:db\"") &&
                         ContainsSubstring("\"tools\": \"" + world.project() + "/tools\"") &&
                         ContainsSubstring("\"target\": \"last\"") &&
                         ContainsSubstring("\"no-cache\": true") && ContainsSubstring("\"WHO\": \"file\"") &&
                         ContainsSubstring("\"nofile=5:5\"") && ContainsSubstring("\"a\": \"1.2.3.4\"") &&
                         ContainsSubstring("\"type=docker\""));
    CHECK_THAT(bake, !ContainsSubstring("ready"));
    CHECK(world.berth({"image", "inspect", "db"}).exit_code == 1);
}

TEST_CASE("compose build --push: what has an image name goes to its registry") {
    World world;
    world.tiny_image();
    world.write("registry.yml", "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " +
                                    world.project() + "/blobs}}\nhttp: {addr: '127.0.0.1:5000'}\n");
    world.write("compose.yaml",
                "services:\n  web:\n    image: 127.0.0.1:5000/web:1\n    build:\n      dockerfile_inline: "
                "|\n        FROM tiny\n        RUN echo web > /web\n      tags: ['127.0.0.1:5000/web:2']\n"
                "  plain:\n    build:\n      dockerfile_inline: FROM tiny\n");
    CHECK_THAT(world.compose({"build", "--push"}).err, ContainsSubstring("127.0.0.1:5000"));
    const Server registry("docker-registry", {"serve", world.project() + "/registry.yml"}, 5000);
    world.compose_ok({"build", "--push"});
    CHECK_THAT(host("curl", {"-s", "http://127.0.0.1:5000/v2/web/tags/list"}).out,
               ContainsSubstring("\"1\"") && ContainsSubstring("\"2\""));
    world.ok({"image", "inspect", "proj-plain"});
}
