#include "tests/support/world.hpp"
#include "tests/unit/image/fake_registry.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;
using image::test::Answer;
using image::test::FakeRegistry;
using image::test::Request;

TEST_CASE("search: what cannot be asked for, and registries that do not answer") {
    World world;
    CHECK(world.berth({"search"}).exit_code == 1);
    CHECK(world.berth({"search", "--limit", "101", "x"}).exit_code != 0);
    CHECK_THAT(world.berth({"search", "--limit", "101", "x"}).err,
               ContainsSubstring("outside the range of [1, 100]"));
    CHECK(world.berth({"search", "https://example.com/x"}).exit_code != 0);
    CHECK(world.berth({"search", "-f", "colour=red", "x"}).exit_code != 0);
    CHECK(world.berth({"search", "-f", "is-official=perhaps", "x"}).exit_code != 0);
    CHECK(world.berth({"search", "127.0.0.1:1/x"}).exit_code == 1);
    const FakeRegistry closed([](const Request&) {
        return Answer{401, R"({"errors":[{"message":"no\u001b[31m"}]})", ""};
    });
    const Run refused = world.berth({"search", closed.host() + "/x"});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, ContainsSubstring("denies") && !ContainsSubstring("\x1b"));
    const FakeRegistry odd([](const Request&) { return Answer{200, "<html>", ""}; });
    CHECK(world.berth({"search", odd.host() + "/x"}).exit_code == 1);
}

TEST_CASE("search: the old search of a registry, with docker's columns, filters and formats") {
    World world;
    std::string asked;
    const FakeRegistry fake([&](const Request& request) {
        if (request.path.starts_with("/v2/")) return Answer{200, "{}", ""};
        asked = request.path;
        return Answer{200,
                      R"({"num_results":2,"query":"web","results":[
        {"name":"web","description":"serves\nthings \u001b[31mand says much more about it than fits","star_count":20,"is_official":true,"is_automated":false},
        {"name":"me/web","description":"mine","star_count":3,"is_official":false,"is_automated":true}]})",
                      ""};
    });
    const auto term = fake.host() + "/we b";
    CHECK(world.ok({"search", term}) ==
          "NAME      DESCRIPTION                                     STARS     OFFICIAL\n"
          "web       serves things [31mand says much more about i…   20        [OK]\n"
          "me/web    mine                                            3         ");
    CHECK(asked == "/v1/search?q=we%20b&n=25");
    CHECK(world.ok({"search", "--limit", "1", "--format", "{{.Name}}", term}) == "web");
    CHECK(asked == "/v1/search?q=we%20b&n=1");
    CHECK(world.ok({"search", "-f", "stars=5", "--format", "{{.Name}} {{.StarCount}}", term}) == "web 20");
    CHECK(world.ok({"search", "-f", "is-official=false", "--format", "{{.Name}}", term}) == "me/web");
    CHECK(world.ok({"search", "--no-trunc", "--format", "{{.Description}}", term}) ==
          "serves things [31mand says much more about it than fits\nmine");
    CHECK_THAT(world.ok({"search", "--format", "json", term}),
               ContainsSubstring(R"("IsOfficial":"true","Name":"web","StarCount":"20")"));
}

TEST_CASE("search: out of the catalogue of a registry that has no search") {
    World world;
    const FakeRegistry fake([](const Request& request) {
        if (request.path == "/v2/_catalog?n=1000")
            return Answer{200, R"({"repositories":["team/web","team/db"]})",
                          "Link: </v2/_catalog?last=team%2Fdb&n=1000>; rel=\"next\"\r\n"};
        if (request.path.starts_with("/v2/_catalog?last="))
            return Answer{200, R"({"repositories":["web-old","x"]})", ""};
        return Answer{404, "", ""};
    });
    CHECK(world.ok({"search", "--format", "{{.Name}}", fake.host() + "/web"}) == "team/web\nweb-old");
    CHECK(world.ok({"search", "--limit", "1", "--format", "{{.Name}}", fake.host() + "/web"}) == "team/web");
    CHECK(world.ok({"search", fake.host() + "/nothing"}) == "NAME      DESCRIPTION   STARS     OFFICIAL");
}
