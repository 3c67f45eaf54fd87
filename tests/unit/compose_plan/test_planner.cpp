#include "tests/golden/plan/plan_world.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

TEST_CASE("an external network that is not there is told with its line, when names were looked up") {
    World world;
    world.service("web");
    world.project.networks["default"].external = true;
    auto plan = plan_up(world.project, world.observed, world.up);
    CHECK(plan);
    world.observed.names_known = true;
    plan = plan_up(world.project, world.observed, world.up);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == ErrorCode::not_found);
    CHECK(plan.error().at().line == 90);
}

TEST_CASE("a network of the name that another made is not taken over") {
    World world;
    world.service("web");
    world.observed.networks.push_back({"n", "shop_default", "", ""});
    const auto plan = plan_up(world.project, world.observed, world.up);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == ErrorCode::already_exists);
}

TEST_CASE("a container_name that no container can have is refused before anything is made") {
    World world;
    for (const auto* name : {"-web", "db:latest", "w", "a web"}) {
        world.service("web").container_name = name;
        const auto plan = plan_up(world.project, world.observed, world.up);
        REQUIRE_FALSE(plan);
        CHECK(plan.error().code() == ErrorCode::invalid_input);
        CHECK(plan.error().at().line == 10);
    }
}

TEST_CASE("a service with container_name cannot be scaled") {
    World world;
    world.service("web").container_name = "front";
    world.up.scale["web"] = 2;
    const auto plan = plan_up(world.project, world.observed, world.up);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().at().line == 10);
}

TEST_CASE("scaling an unknown service or to a negative number is refused") {
    World world;
    world.service("web");
    world.up.scale["wbe"] = 2;
    CHECK_FALSE(plan_up(world.project, world.observed, world.up));
    world.up.scale = {{"web", -1}};
    CHECK_FALSE(plan_up(world.project, world.observed, world.up));
}

TEST_CASE("a pull policy that cannot be followed is refused") {
    World world;
    world.service("web").pull_policy = "weekly";
    const auto plan = plan_up(world.project, world.observed, world.up);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == ErrorCode::unsupported);
}

TEST_CASE("--no-recreate keeps what has changed") {
    auto world = shop();
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    world.project.services["web"].environment["A"] = "b";
    world.project.networks["default"].internal = true;
    world.up.no_recreate = true;
    const auto plan = plan_up(world.project, world.observed, world.up);
    REQUIRE(plan);
    CHECK(plan->empty());
}

TEST_CASE("starting a service that was never created is an error") {
    auto world = shop();
    const auto plan = plan_start(world.project, world.observed, {});
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == ErrorCode::not_found);
}

TEST_CASE("verbs on a service that does not exist are refused, with the near name") {
    auto world = shop();
    world.is_up();
    ServiceOptions options;
    options.services = {"wbe"};
    for (const auto& verb :
         {plan_stop, plan_start, plan_restart, plan_kill, plan_rm, plan_pause, plan_unpause}) {
        const auto plan = verb(world.project, world.observed, options);
        REQUIRE_FALSE(plan);
        CHECK(plan.error().hint() == "did you mean 'web'?");
    }
}

TEST_CASE("down --rmi takes only its two words") {
    const auto world = shop();
    DownOptions options;
    options.rmi = "some";
    CHECK_FALSE(plan_down(world.project, world.observed, options));
}

TEST_CASE("the configuration hash sees what a container is made from, and nothing else") {
    auto world = shop();
    auto& web = world.project.services["web"];
    const auto before = config_hash(world.project, web);
    SECTION("scale, dependencies, profiles and build are not in it") {
        web.scale = 5;
        web.depends_on.clear();
        web.profiles = {"x"};
        web.build.emplace();
        web.pull_policy = "always";
        CHECK(config_hash(world.project, web) == before);
    }
    SECTION("an environment variable is") {
        web.environment["A"] = "1";
    }
    SECTION("an unset variable is not an empty one") {
        web.environment["A"] = std::nullopt;
        const auto unset = config_hash(world.project, web);
        web.environment["A"] = "";
        CHECK(config_hash(world.project, web) != unset);
    }
    SECTION("a cleared command is not the image's") {
        web.command.emplace();
    }
    SECTION("another name of the network is") {
        world.project.networks["default"].name = "other";
    }
    SECTION("a config's content is") {
        world.project.configs["c"].content = "a";
        web.configs.push_back({"c", "/c", {}, {}, {}, {}});
        const auto first = config_hash(world.project, web);
        world.project.configs["c"].content = "b";
        CHECK(config_hash(world.project, web) != first);
    }
    SECTION("words of a list are not run together") {
        web.cap_add = {"A", "B"};
        const auto first = config_hash(world.project, web);
        web.cap_add = {"AB"};
        CHECK(config_hash(world.project, web) != first);
    }
}

TEST_CASE("planning two hundred services grows with their number, not with its square") {
    World world;
    for (int i = 0; i < 200; ++i)
        world.service("s" + std::to_string(i));
    world.is_up();
    world.up.force_recreate = true;
    const auto plan = plan_up(world.project, world.observed, world.up);
    REQUIRE(plan);
    std::size_t edges = 0;
    for (const auto& node : plan->nodes)
        edges += node.after.size();
    CHECK(plan->nodes.size() == 800);
    CHECK(edges < 2000);
}
