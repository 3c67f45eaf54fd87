// compose config beyond the model itself: where values come from, and errors for programs.
#include "runtime/base/concat.hpp"
#include "runtime/base/json.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("config --explain: the chain of one value, for people and for programs") {
    World world;
    world.write("compose.yaml",
                "services:\n  db:\n    image: x\n    environment:\n      PASSWORD: changeme\n");
    world.write("compose.override.yaml",
                "services:\n  db:\n    environment:\n      PASSWORD: ${DB_PASSWORD}\n");
    world.write(".env", "\nDB_PASSWORD=secret\n");
    CHECK(world.compose_ok({"config", "--explain", "services.db.environment.PASSWORD"}) ==
          "services.db.environment.PASSWORD: \"secret\"\n"
          "   written at compose.override.yaml:4:17\n"
          "    4 |       PASSWORD: ${DB_PASSWORD}\n"
          "      |                 ^~~~~~~~~~~~~~\n"
          "   variable DB_PASSWORD = \"secret\" from .env:2\n"
          "   replaces \"changeme\" written at compose.yaml:5:17");
    const auto json =
        parse_json(world.compose_ok({"config", "--format", "json", "--explain", "services.db.image"}));
    REQUIRE(json);
    const auto& first = json->as_array()->at(0);
    CHECK(*first.find("value") == Json("x"));
    CHECK(*first.find("line") == Json(3));
    const Run unknown = world.compose({"config", "--explain", "services.db.environment.PASWORD"});
    CHECK(unknown.exit_code == 1);
    CHECK_THAT(unknown.err, ContainsSubstring("did you mean 'PASSWORD'?"));
    CHECK_THAT(world.compose_ok({"config", "--variables"}),
               ContainsSubstring("SOURCE") && ContainsSubstring(".env:2"));
}

TEST_CASE("config --format json: errors are JSON too, a circle included") {
    World world;
    world.write("compose.yaml", "services:\n  a: {imagee: x}\n");
    const Run wrong = world.compose({"config", "--format", "json"});
    CHECK(wrong.exit_code == 1);
    CHECK(wrong.out.empty());
    auto json = parse_json(wrong.err);
    REQUIRE(json);
    const auto& error = json->find("errors")->as_array()->at(0);
    CHECK(*error.find("path") == Json("services.a.imagee"));
    CHECK(*error.find("column") == Json(7));
    CHECK(*error.find("hint") == Json("did you mean 'image'?"));
    world.write("compose.yaml",
                "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n");
    const Run circle = world.compose({"config", "--format", "json"});
    CHECK(circle.exit_code == 1);
    json = parse_json(circle.err);
    REQUIRE(json);
    CHECK_THAT(*json->find("errors")->as_array()->at(0).find("message")->as_string(),
               ContainsSubstring("a -> b -> a"));
}

TEST_CASE("config with services: they, what they depend on, and what those use") {
    World world;
    world.write("compose.yaml",
                "services:\n  m: {image: m, depends_on: [z]}\n  z: {image: z, volumes: [\"used:/d\"]}\n"
                "  a: {image: z, env_file: a.env, models: [small]}\n"
                "volumes: {used: {}, other: {}}\nmodels: {small: {model: ai/s}, big: {model: ai/b}}\n");
    world.write("a.env", "A=1\n");
    CHECK_THAT(world.compose_ok({"config", "m"}), ContainsSubstring("  z:\n") && ContainsSubstring("used:") &&
                                                      !ContainsSubstring("  a:\n") &&
                                                      !ContainsSubstring("other:"));
    CHECK(world.compose_ok({"config", "--images", "m"}) == "m\nz");
    CHECK(world.compose_ok({"config", "--images"}) == "z\nm\nz"); // one a service
    CHECK(world.compose_ok({"config", "--models"}) == "ai/s");
    CHECK_THAT(world.compose_ok({"config", "a"}),
               ContainsSubstring("A: \"1\"") && !ContainsSubstring("env_file"));
    CHECK_THAT(world.compose_ok({"config", "--no-env-resolution", "a"}),
               !ContainsSubstring("A: \"1\"") && ContainsSubstring("env_file"));
}

TEST_CASE("config's listings: one of them, of the whole project where they are no matter of services") {
    World world;
    world.write(
        "compose.yaml",
        "services:\n  a: {image: x, volumes: [\"used:/d\"]}\n"
        "  b: {image: y, profiles: [p], depends_on: {c: {condition: service_started, required: false}}}\n"
        "  c: {image: z, profiles: [q]}\nvolumes: {used: {}, other: {}}\n");
    CHECK(world.compose_ok({"config", "--services", "b"}) == "a");
    CHECK(world.compose_ok({"config", "--volumes", "b"}) == "used");
    CHECK(world.compose_ok({"config", "--volumes", "--services"}) == "a");
    CHECK(world.compose_ok({"config", "--images", "b"}) == "y");
    CHECK(world.compose_ok({"config", "--images", "--profiles"}) == "p\nq");
    // What is not selected is no dependency either.
    CHECK_THAT(world.compose_ok({"config", "b"}), !ContainsSubstring("depends_on"));
    CHECK_THAT(world.compose_ok({"--profile", "p", "config"}), ContainsSubstring("depends_on"));
}

TEST_CASE("config with digests: a model and a file that overrides it") {
    World world;
    const std::string digest(64, 'a');
    world.write("compose.yaml",
                "services:\n  a: {image: \"app:1@sha256:" + digest + "\"}\n  b: {build: .}\n");
    const std::string pinned = "docker.io/library/app@sha256:" + digest;
    CHECK_THAT(world.compose_ok({"config", "--resolve-image-digests"}),
               ContainsSubstring("image: " + pinned + "\n"));
    CHECK(world.compose_ok({"config", "--lock-image-digests"}) ==
          "services:\n  a:\n    image: " + pinned + "\n  b: {}");
    world.write("compose.yaml", "services:\n  a: {image: \"127.0.0.1:1/app:2\"}\n");
    const Run unknown = world.compose({"config", "--lock-image-digests"});
    CHECK(unknown.exit_code == 1);
    CHECK(unknown.out.empty());
    CHECK_THAT(unknown.err, ContainsSubstring("compose.yaml:2:14") &&
                                ContainsSubstring("resolve the digest of 127.0.0.1:1/app:2"));
    const Run as_json = world.compose({"config", "--resolve-image-digests", "--format", "json"});
    CHECK(as_json.exit_code == 1);
    const auto json = parse_json(as_json.err);
    REQUIRE(json);
    CHECK(*json->find("errors")->as_array()->at(0).find("line") == Json(2));
}

TEST_CASE("what compose/load's table calls refused: config keeps it, up stops at it and leaves nothing") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\n");
    struct Refused {
        const char *service, *says;
    };
    for (const auto& [service, says] :
         std::initializer_list<Refused>{{"cpu_count: 2", "cpu_count"},
                                        {"isolation: hyperv", "isolation"},
                                        {"storage_opt: {size: 1G}", "storage_opt"},
                                        {"use_api_socket: true", "use_api_socket"},
                                        {"build: {context: ., isolation: hyperv}", "build.isolation"}}) {
        INFO(service);
        world.write("compose.yaml", concat("services:\n  a: {image: ",
                                           std::string_view(service).find("build") == 0 ? "made" : "tiny",
                                           ", command: \"true\", ", service, "}\nnetworks: {n: {}}\n"));
        const Run config = world.compose({"config", "-q"});
        CHECK(config.exit_code == 0);
        CHECK(config.err.empty());
        const Run up = world.compose({"up", "-d"});
        CHECK(up.exit_code == 1);
        CHECK_THAT(up.err, ContainsSubstring(says) && ContainsSubstring("not supported"));
        CHECK(world.ok({"ps", "-aq"}).empty());
    }
}
