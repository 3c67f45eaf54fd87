#include "tests/golden/plan/plan_world.hpp"
#include "tests/support/catch.hpp"

#include "runtime/base/file.hpp"

#include <cstdlib>

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

void check(const std::string& name, const Result<Plan>& plan) {
    if (!plan) FAIL(plan.error().to_string());
    std::string text = plan->to_string();
    for (const auto& warning : plan->warnings)
        text += concat("warning: ", warning, "\n");
    const auto path = concat(BERTH_SOURCE_DIR, "/tests/golden/plan/expected/", name, ".txt");
    if (std::getenv("BERTH_UPDATE_GOLDEN") != nullptr) {
        const auto written = write_atomic(path, text, 0644);
        REQUIRE(written);
    }
    const auto expected = read_file(path);
    INFO(path);
    REQUIRE(expected);
    CHECK(text == *expected);
    // Every node names only nodes before it.
    for (const auto& node : plan->nodes)
        for (const auto before : node.after)
            CHECK(before < node.id);
}

Result<Plan> up(const World& world) {
    return plan_up(world.project, world.observed, world.up);
}

} // namespace

TEST_CASE("a first up makes networks and volumes, creates at once, and starts by what is needed") {
    check("up_first", up(shop()));
}

TEST_CASE("an up of what is right makes no operation") {
    auto world = shop();
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    auto& migrate = world.at("migrate");
    migrate.status = decltype(migrate.status)::running;
    const auto plan = up(world);
    REQUIRE(plan);
    CHECK(plan->to_string().empty());
}

TEST_CASE("images that are not there are pulled or built before their containers are created") {
    auto world = shop();
    world.up.image_ids.erase("db");
    world.up.image_ids.erase("app");
    world.project.services["app"].build.emplace();
    check("up_images_missing", up(world));
}

TEST_CASE("two services of one image: the one that can build it does, the other waits") {
    World world;
    world.service("a").image = "common";
    world.service("b").image = "common";
    world.project.services["b"].build.emplace();
    world.up.image_ids.clear();
    check("up_shared_image", up(world));
}

TEST_CASE("--build builds what has a build section and --pull always pulls the rest") {
    auto world = shop();
    world.project.services["app"].build.emplace();
    world.project.services["app"].image.clear();
    world.up.build = true;
    world.up.pull = "always";
    check("up_build_pull", up(world));
}

TEST_CASE("only the changed service is re-created, and keeps its address") {
    auto world = shop();
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    world.project.services["web"].environment["DEBUG"] = "1";
    check("up_one_changed", up(world));
}

TEST_CASE("a newer image re-creates; those that depend on it wait for it to be healthy, if they start too") {
    auto world = shop();
    world.is_up();
    world.up.image_ids["db"] = "sha256:newer";
    world.at("app").status = decltype(ObservedContainer::status)::exited;
    check("up_newer_image", up(world));
}

TEST_CASE("depends_on with restart: true restarts the dependent") {
    auto world = shop();
    world.project.services["app"].depends_on.front().restart = true;
    world.is_up();
    world.up.image_ids["db"] = "sha256:newer";
    check("up_restart_dependents", up(world));
}

TEST_CASE("what shares a namespace with a re-created service is re-created after it") {
    World world;
    world.service("db");
    auto& sidecar = world.service("sidecar");
    sidecar.network_mode = "service:db";
    sidecar.networks.clear();
    world.is_up();
    world.project.services["db"].environment["X"] = "1";
    check("up_shared_namespace", up(world));
}

TEST_CASE("scaling up takes the next numbers, scaling down the highest") {
    auto world = shop();
    world.project.services["worker"].scale = 3;
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    world.up.scale["worker"] = 1;
    world.up.scale["cache"] = 2;
    check("up_scale", up(world));
}

TEST_CASE("a network that changed is made anew between stopping and starting what is on it") {
    World world;
    world.service("db");
    world.service("web");
    world.needs("web", "db");
    world.is_up();
    world.project.networks["default"].internal = true;
    check("up_network_changed", up(world));
}

TEST_CASE("stopped containers are started, not created again") {
    auto world = shop();
    world.is_up();
    for (auto& container : world.observed.containers)
        container.status = decltype(container.status)::exited;
    check("up_stopped", up(world));
}

TEST_CASE("orphans are told of, or removed with --remove-orphans") {
    auto world = shop();
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    world.container("old");
    check("up_orphans", up(world));
    world.up.remove_orphans = true;
    check("up_remove_orphans", up(world));
}

TEST_CASE("a replacement that was interrupted is finished") {
    World world;
    world.service("web");
    world.is_up();
    world.container("web");
    auto& old = world.observed.containers.back();
    old.id = "old000000000000000";
    old.name = "old000000000_shop-web-1";
    world.observed.containers.front().status = decltype(ObservedContainer::status)::created;
    check("up_interrupted", up(world));
}

TEST_CASE("up of one service takes what it needs; --no-deps does not; create starts nothing") {
    auto world = shop();
    world.up.services = {"app"};
    check("up_targeted", up(world));
    world.up.no_deps = true;
    check("up_no_deps", up(world));
    check("create", plan_create(world.project, world.observed, world.up));
}

TEST_CASE("--force-recreate is for the targeted ones, --always-recreate-deps for the others") {
    auto world = shop();
    world.is_up();
    world.at("db").health = decltype(ObservedContainer::health)::healthy;
    world.up.services = {"worker"};
    world.up.force_recreate = true;
    check("up_force_targeted", up(world));
    world.up.always_recreate_deps = true;
    world.up.renew_anon_volumes = true;
    check("up_force_all", up(world));
}

TEST_CASE("--wait waits for all that is not ready yet") {
    auto world = shop();
    world.up.wait = true;
    check("up_wait", up(world));
}

TEST_CASE("down stops dependents first and removes what the project made") {
    auto world = shop();
    world.is_up();
    DownOptions options;
    check("down", plan_down(world.project, world.observed, options));
    options.volumes = true;
    options.rmi = "all";
    check("down_all", plan_down(world.project, world.observed, options));
}

TEST_CASE("down without a compose file goes by the labels") {
    auto world = shop();
    world.is_up();
    Project name_only;
    name_only.name = "shop";
    check("down_by_name", plan_down(name_only, world.observed, {}));
}

TEST_CASE("down of one service leaves the network to the others; an orphan keeps it") {
    auto world = shop();
    world.is_up();
    DownOptions options;
    options.services = {"web"};
    check("down_service", plan_down(world.project, world.observed, options));
    auto& old = world.container("old");
    old.networks = {"shop_default"};
    check("down_orphan_stays", plan_down(world.project, world.observed, {}));
}

TEST_CASE("stop, start, restart, kill, rm, pause, unpause") {
    auto world = shop();
    world.is_up();
    const auto& project = world.project;
    check("stop", plan_stop(project, world.observed, {}));
    ServiceOptions web;
    web.services = {"web"};
    check("stop_one", plan_stop(project, world.observed, web));
    check("restart", plan_restart(project, world.observed, {}));
    check("restart_one", plan_restart(project, world.observed, web));
    check("kill", plan_kill(project, world.observed, web));
    check("pause", plan_pause(project, world.observed, web));
    world.at("web").status = decltype(ObservedContainer::status)::paused;
    check("unpause", plan_unpause(project, world.observed, {}));
    ServiceOptions rm;
    rm.stop = true;
    rm.volumes = true;
    check("rm_stop", plan_rm(project, world.observed, rm));
    for (auto& container : world.observed.containers)
        container.status = decltype(container.status)::exited;
    check("rm", plan_rm(project, world.observed, {}));
    check("start", plan_start(project, world.observed, {}));
}
