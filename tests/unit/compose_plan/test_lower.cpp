#include "compose/plan/lower.hpp"
#include "tests/golden/plan/plan_world.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

Result<ContainerRequest> lower(const World& world, const std::string& name, LowerOptions options = {}) {
    return lower_service(world.project, world.project.services.at(name), options);
}

} // namespace

TEST_CASE("what cannot be done is refused with its place, not passed over") {
    World world;
    auto& web = world.service("web");
    SECTION("a logging driver") {
        web.logging_driver = "syslog";
    }
    SECTION("an external link without a name") {
        web.external_links = {"other:"};
    }
    SECTION("an sctp port") {
        web.ports.push_back({"", "80", 80, "sctp", "", {}, {}, place(10)});
    }
    SECTION("a port range upside down") {
        web.ports.push_back({"", "90-80", 80, "tcp", "", {}, {}, place(10)});
    }
    SECTION("a restart policy") {
        web.restart = "sometimes";
    }
    SECTION("a count where none belongs") {
        web.restart = "always:3";
    }
    SECTION("cpus that are no number") {
        web.cpus = "many";
    }
    SECTION("a device without a path") {
        web.devices = {"vendor.com/gpu=all"};
    }
    SECTION("a named pipe") {
        ServiceMount pipe;
        pipe.type = MountType::npipe;
        pipe.at = place(10);
        web.volumes.push_back(pipe);
    }
    SECTION("an external secret") {
        world.project.secrets["s"].external = true;
        world.project.secrets["s"].at = place(10);
        web.secrets.push_back({"s", {}, {}, {}, {}, place(10)});
    }
    SECTION("a secret whose variable is not set") {
        world.project.secrets["s"].environment = "NOT_SET";
        world.project.secrets["s"].at = place(10);
        web.secrets.push_back({"s", {}, {}, {}, {}, place(10)});
    }
    SECTION("the network of a service without a container") {
        web.network_mode = "service:db";
        web.networks.clear();
    }
    const auto request = lower(world, "web");
    REQUIRE_FALSE(request);
    CHECK(request.error().at().line == 10);
}

TEST_CASE("names and labels are docker compose's") {
    auto world = shop();
    const auto request = lower(world, "app");
    REQUIRE(request);
    CHECK(request->spec.name == "shop-app-1");
    const auto& labels = request->spec.labels;
    CHECK(labels.at(k_label_project) == "shop");
    CHECK(labels.at(k_label_service) == "app");
    CHECK(labels.at(k_label_number) == "1");
    CHECK(labels.at(k_label_oneoff) == "False");
    CHECK(labels.at(k_label_depends_on) ==
          "db:service_healthy:false,migrate:service_completed_successfully:false");
    CHECK(labels.at(k_label_config_files) == "/srv/shop/compose.yaml");
    CHECK(labels.at(k_label_config_hash).size() == 64);
}

TEST_CASE("a published range keeps both ends, so that any free port is taken") {
    World world;
    world.service("web").ports.push_back({"127.0.0.1", "8000-8010", 80, "tcp", "", {}, {}, {}});
    const auto request = lower(world, "web");
    REQUIRE(request);
    REQUIRE(request->spec.network.asked_ports.size() == 1);
    CHECK(request->spec.network.asked_ports[0].host_port == 8000);
    CHECK(request->spec.network.asked_ports[0].host_port_end == 8010);
}

TEST_CASE("networks come by priority, with the service's name, aliases and links as names") {
    World world;
    world.network("front");
    auto& web = world.service("web");
    web.networks.push_back({"front", {"www"}, {}, "172.20.0.9", {}, {}, {}, 10, 0, {}, {}});
    auto& app = world.service("app");
    app.networks.front().network = "front";
    app.links = {"web:frontend"};
    LowerOptions options;
    options.preferred_ipv4["shop_default"] = "172.18.0.7";
    const auto request = lower(world, "web", options);
    REQUIRE(request);
    REQUIRE(request->endpoints.size() == 2);
    CHECK(request->endpoints[0].network == "shop_front");
    CHECK(request->endpoints[0].aliases == std::vector<std::string>{"web", "www", "frontend"});
    CHECK(request->endpoints[0].ipv4 == "172.20.0.9");
    CHECK(request->endpoints[1].preferred_ipv4 == "172.18.0.7");
}

TEST_CASE("a one-off container has no restart policy, and ports and aliases only when asked") {
    World world;
    auto& web = world.service("web");
    web.restart = "always";
    web.ports.push_back({"", "80", 80, "tcp", "", {}, {}, {}});
    LowerOptions options;
    options.oneoff = true;
    options.service_ports = false;
    options.use_aliases = false;
    const auto request = lower(world, "web", options);
    REQUIRE(request);
    CHECK(request->spec.restart.kind == monitor::RestartKind::no);
    CHECK(request->spec.network.asked_ports.empty());
    CHECK(request->endpoints[0].aliases.empty());
    CHECK(request->spec.labels.at(k_label_oneoff) == "True");
}

TEST_CASE(
    "deploy limits win over the service's, and its restart condition is used when restart is not given") {
    World world;
    auto& web = world.service("web");
    web.mem_limit = 1;
    web.cpus = "0.5";
    web.deploy.limits.memory = 64 << 20;
    web.deploy.limits.cpus = "1.5";
    web.deploy.restart_condition = "on-failure";
    web.deploy.restart_max_attempts = 3;
    const auto request = lower(world, "web");
    REQUIRE(request);
    CHECK(request->spec.limits.memory == 64 << 20);
    CHECK(request->spec.limits.nano_cpus == 1'500'000'000);
    CHECK(request->spec.restart.kind == monitor::RestartKind::on_failure);
    CHECK(request->spec.restart.max_retries == 3);
}

TEST_CASE("volumes are named as on the host; external ones must be there") {
    World world;
    world.volume("data");
    world.volume("shared").external = true;
    world.project.volumes["shared"].name = "company";
    auto& web = world.service("web");
    for (const auto* key : {"data", "shared", ""}) {
        ServiceMount mount;
        mount.source = key;
        mount.target = std::string("/") + key + "x";
        web.volumes.push_back(mount);
    }
    web.tmpfs = {"/run:size=64m,mode=755"};
    const auto request = lower(world, "web");
    REQUIRE(request);
    REQUIRE(request->mounts.size() == 4);
    CHECK(request->mounts[0].source == "shop_data");
    CHECK(request->mounts[0].volume_labels.at(k_label_volume) == "data");
    CHECK(request->mounts[1].source == "company");
    CHECK(request->mounts[1].must_exist);
    CHECK(request->mounts[2].source.empty());
    CHECK(request->mounts[3].target == "/run");
    CHECK(request->mounts[3].options == std::vector<std::string>{"size=64m", "mode=755"});
}

TEST_CASE("configs and secrets: a file is mounted as it is, content and owners take a copy") {
    World world;
    world.project.environment["TOKEN"] = "t0p";
    world.project.configs["plain"].file = "/srv/shop/plain.conf";
    world.project.configs["inline"].content = "x=1";
    world.project.secrets["token"].environment = "TOKEN";
    world.project.secrets["key"].file = "/srv/shop/key";
    auto& web = world.service("web");
    web.configs = {{"plain", "/etc/plain.conf", {}, {}, {}, {}}, {"inline", {}, {}, {}, {}, {}}};
    web.secrets = {{"token", {}, {}, {}, {}, {}}, {"key", "private", "1000", "1000", 0400, {}}};
    const auto request = lower(world, "web");
    REQUIRE(request);
    REQUIRE(request->mounts.size() == 1);
    CHECK(request->mounts[0].source == "/srv/shop/plain.conf");
    CHECK(request->mounts[0].read_only);
    REQUIRE(request->files.size() == 3);
    CHECK(request->files[0].target == "/inline");
    CHECK(request->files[1].target == "/run/secrets/token");
    CHECK(request->files[1].content == "t0p");
    CHECK(request->files[2].target == "/run/secrets/private");
    CHECK(request->files[2].host_file == "/srv/shop/key");
    CHECK(request->files[2].uid == 1000);
    CHECK(request->files[2].mode == 0400);
}

TEST_CASE("a variable without a value is taken away, a disabled health check is not the image's either") {
    World world;
    auto& web = world.service("web");
    web.environment = {{"A", "1"}, {"B", std::nullopt}};
    web.healthcheck.emplace();
    web.healthcheck->disable = true;
    const auto request = lower(world, "web");
    REQUIRE(request);
    CHECK(request->environment == std::vector<std::string>{"A=1", "B"});
    CHECK(request->no_healthcheck);
    CHECK_FALSE(request->spec.healthcheck);
}

TEST_CASE("a service whose IPC namespace another one joins lets it in") {
    World world;
    world.service("db");
    world.service("web").ipc = "service:db";
    LowerOptions options;
    options.container_ids["db"] = "abc";
    CHECK(lower(world, "db")->spec.ipc_mode == "shareable");
    CHECK(lower(world, "web", options)->spec.ipc_mode == "container:abc");
    world.service("db").ipc = "private"; // said in so many words
    CHECK(lower(world, "db")->spec.ipc_mode == "private");
}

TEST_CASE("network modes: none, host, of a service, and without any network") {
    World world;
    auto& web = world.service("web");
    web.networks.clear();
    CHECK(lower(world, "web")->spec.network.mode == "none");
    web.network_mode = "host";
    CHECK(lower(world, "web")->spec.network.mode == "host");
    web.network_mode = "service:db";
    LowerOptions options;
    options.container_ids["db"] = "abc";
    CHECK(lower(world, "web", options)->spec.network.mode == "container:abc");
    web.network_mode = "bridge";
    const auto bridged = lower(world, "web");
    CHECK(bridged->spec.network.mode == "bridge");
    CHECK(bridged->endpoints.empty());
}

TEST_CASE("a network's labels and settings are carried over; what is not supported is refused") {
    World world;
    auto& network = world.project.networks["default"];
    network.ipam.push_back({"10.9.0.0/24", "10.9.0.1", {}, {}});
    network.internal = true;
    const auto config = lower_network(world.project, network);
    REQUIRE(config);
    CHECK(config->name == "shop_default");
    CHECK(config->subnets[0].subnet == "10.9.0.0/24");
    CHECK(config->labels.at(k_label_network) == "default");
    network.ipam[0].aux_addresses["x"] = "10.9.0.7";
    network.enable_ipv4 = true;
    CHECK(lower_network(world.project, network)->subnets[0].aux_addresses.at("x") == "10.9.0.7");
    network.driver_opts["com.docker.network.bridge.colour"] = "red";
    CHECK_FALSE(lower_network(world.project, network));
}
