// compose config beyond the model itself: where values come from, and errors for programs.
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
