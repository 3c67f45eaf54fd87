// The table of the schema against the list of attributes that the specification had when it was made: a new
// attribute fails here until somebody decides what becomes of it.
#include "compose/load/schema.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <set>

using namespace berth::compose::load;

namespace {

bool has(const std::string& path) {
    const auto all = all_schema_paths();
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.path == path; });
}

} // namespace

TEST_CASE("no path stands twice in the schema") {
    std::set<std::string> seen;
    for (const auto& entry : all_schema_paths())
        CHECK(seen.insert(entry.path).second);
}

TEST_CASE("every attribute that one container needs is carried through") {
    for (const auto* path :
         {"services.*.image", "services.*.build.args", "services.*.ports[].published",
          "services.*.volumes[].bind.selinux", "services.*.depends_on.*.condition",
          "services.*.healthcheck.start_interval", "services.*.deploy.resources.limits.pids",
          "services.*.networks.*.ipv4_address", "services.*.develop.watch[].exec.command",
          "networks.*.ipam.config[].aux_addresses", "volumes.*.driver_opts", "secrets.*.environment",
          "configs.*.content", "models.*.model", "include[].env_file"})
        CHECK(has(path));
}

TEST_CASE("the number of attributes is known") {
    CHECK(project_shape().fields.size() == 9);
    CHECK(service_shape().fields.size() == 93);
    CHECK(build_shape().fields.size() == 25);
    CHECK(deploy_shape().fields.size() == 9);
    CHECK(network_shape().fields.size() == 10);
    CHECK(volume_shape().fields.size() == 5);
    CHECK(secret_shape().fields.size() == 8);
    CHECK(config_shape().fields.size() == 7);
    CHECK(model_shape().fields.size() == 4);
}
