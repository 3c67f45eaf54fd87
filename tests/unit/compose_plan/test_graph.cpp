#include "tests/golden/plan/plan_world.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

TEST_CASE("a circle of dependencies names the services and the line of each edge") {
    World world;
    for (const auto* name : {"a", "b", "c", "d"})
        world.service(name);
    world.needs("a", "b");
    world.needs("b", "c");
    world.needs("c", "a");
    world.needs("d", "a");
    const auto graph = Graph::make(world.project);
    REQUIRE_FALSE(graph);
    const auto& error = graph.error();
    CHECK(error.message() == "dependency cycle: a -> b -> c -> a");
    CHECK(error.at().line == 15);
    REQUIRE(error.notes().size() == 3);
    CHECK(error.notes()[1].text == "'b' depends on 'c'");
    CHECK(error.notes()[1].at.line == 25);
    CHECK(error.notes()[2].at.line == 35);
}

TEST_CASE("a circle that goes through network_mode is found, too") {
    World world;
    world.service("a").network_mode = "service:b";
    world.service("b");
    world.needs("b", "a");
    const auto graph = Graph::make(world.project);
    REQUIRE_FALSE(graph);
    CHECK(graph.error().message().find("a -> b -> a") != std::string::npos);
}

TEST_CASE(
    "a dependency that is not in the project is refused where it is written, unless it is not required") {
    World world;
    world.service("web");
    world.service("redis");
    world.needs("web", "redsi");
    auto graph = Graph::make(world.project);
    REQUIRE_FALSE(graph);
    CHECK(graph.error().at().line == 15);
    CHECK(graph.error().hint() == "did you mean 'redis'?");
    world.project.disabled_services["redsi"].name = "redsi";
    graph = Graph::make(world.project);
    REQUIRE_FALSE(graph);
    CHECK(graph.error().message().find("no active profile") != std::string::npos);
    world.project.services["web"].depends_on.front().required = false;
    graph = Graph::make(world.project);
    REQUIRE(graph);
    CHECK(graph->dependencies("web").empty());
}

TEST_CASE("the order has what is needed first and is by name otherwise") {
    const auto world = shop();
    const auto graph = Graph::make(world.project);
    REQUIRE(graph);
    CHECK(graph->order() == std::vector<std::string>{"cache", "db", "migrate", "app", "web", "worker"});
    CHECK(graph->dependents("db") == std::vector<std::string>{"app", "migrate"});
}

TEST_CASE("selecting takes what is needed, or not, and refuses unknown names") {
    const auto world = shop();
    const auto graph = Graph::make(world.project);
    REQUIRE(graph);
    CHECK(*graph->select({"app"}, true) == std::vector<std::string>{"db", "migrate", "app"});
    CHECK(*graph->select({"app"}, false) == std::vector<std::string>{"app"});
    CHECK(graph->select({}, false)->size() == 6);
    const auto unknown = graph->select({"aap"}, true);
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code() == ErrorCode::not_found);
    CHECK(unknown.error().hint() == "did you mean 'app'?");
}

TEST_CASE("two hundred services in a chain are ordered") {
    World world;
    for (int i = 0; i < 200; ++i)
        world.service("s" + std::to_string(i));
    for (int i = 1; i < 200; ++i)
        world.needs("s" + std::to_string(i), "s" + std::to_string(i - 1));
    const auto graph = Graph::make(world.project);
    REQUIRE(graph);
    CHECK(graph->order().back() == "s199");
}
