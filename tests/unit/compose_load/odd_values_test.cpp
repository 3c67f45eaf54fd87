// What real files have in them that nobody would write on purpose: mostly what is left where a variable is
// not set. Such a file is read as the reference reads it.
#include "tests/unit/compose_load/project_folder.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

LoadResult load_text(const std::string& text) {
    ProjectFolder folder;
    folder.write("compose.yaml", text);
    return folder.load();
}
std::string json_of(const std::string& text) {
    const auto result = load_text(text);
    for (const auto& error : result.diagnostics.errors)
        UNSCOPED_INFO(error.to_string());
    REQUIRE(result.project);
    return result.canonical.to_text();
}

} // namespace

TEST_CASE("a container name is read when a name stands in it; up wants a whole one") {
    for (const auto* name : {"${X}-web", "db:latest", "/web", "a web"})
        CHECK(load_text(concat("services: {a: {image: x, container_name: \"", name, "\"}}\n")).project);
    for (const auto* name : {"${X}", "-", "w", "_w", "é"})
        CHECK_FALSE(load_text(concat("services: {a: {image: x, container_name: \"", name, "\"}}\n")).project);
}

TEST_CASE("short volumes: of two empty variables a colon is left, and options of the other kind stay") {
    CHECK(contains(json_of("services: {a: {image: x, volumes: [\"${X}:${Y}\"]}}\n"),
                   R"({"type":"volume","target":":"})"));
    const auto json = json_of("services: {a: {image: x, volumes: [\"data:/d:z\", \"./b:/b:nocopy,ro,rw\"]}}\n"
                              "volumes: {data: }\n");
    CHECK(contains(json, R"("target":"/d","bind":{"selinux":"z"},"volume":{}})"));
    CHECK(contains(json, R"("bind":{"create_host_path":true},"volume":{"nocopy":true}})"));
    CHECK_FALSE(contains(json, "read_only"));
}

TEST_CASE(
    "an empty search domain is kept in the model, an empty name server is not; no container gets either") {
    const auto result = load_text("services: {a: {image: x, dns: \"${X}\", dns_search: \"${X}\"}}\n");
    REQUIRE(result.project);
    CHECK(contains(result.canonical.to_text(), R"("dns_search":[""])"));
    CHECK_FALSE(contains(result.canonical.to_text(), R"("dns":)"));
    CHECK(result.project->services.at("a").dns_search.empty());
}

TEST_CASE("a limit of 0 is two of 0, which only YAML writes") {
    const auto result =
        load_text("services: {a: {image: x, ulimits: {core: 0, nproc: {soft: 0, hard: 5}}}}\n");
    REQUIRE(result.project);
    CHECK(contains(result.canonical.to_text(), R"("ulimits":{"core":{},"nproc":{"hard":5}})"));
    CHECK(contains(to_yaml(result.document), "core:\n        soft: 0\n        hard: 0\n"));
}

TEST_CASE("the devices of block I/O are written with all their members, given or not") {
    const auto json =
        json_of("services: {a: {image: x, blkio_config: {weight_device: [{path: /dev/a}, {weight: 3}], "
                "device_read_bps: [{path: /dev/b, rate: 1m}, {path: /dev/c, rate: 0}]}}}\n");
    CHECK(contains(json, R"("weight_device":[{"Path":"/dev/a","Weight":0},{"Path":"","Weight":3}])"));
    CHECK(contains(json, R"([{"Path":"/dev/b","Rate":"1048576"},{"Path":"/dev/c","Rate":"0"}])"));
}

TEST_CASE("a project's name of variables that are not set is refused: another project would be meant") {
    ProjectFolder folder;
    folder.options.project_name.clear();
    folder.write("compose.yaml", "name: ${X}\nservices: {a: {image: x}}\n");
    CHECK(contains(folder.errors().at(0), "compose.yaml:1:7: invalid project name ''"));
    folder.write("compose.yaml", "name: \"\"\nservices: {a: {image: x}}\n");
    CHECK(folder.errors().empty());
}

TEST_CASE("the project's folder is that of the first file that is one") {
    ProjectFolder folder;
    folder.write("sub/compose.yaml", "services: {a: {build: .}}\n");
    folder.write("sub/again.yaml", "services: {b: {image: x}}\n");
    folder.options.files = {"sub/again.yaml", "sub/compose.yaml"};
    CHECK(folder.project().directory == folder.path() + "/sub");
}

TEST_CASE("variables of env files: the environment, then earlier lines, then the files before") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services: {a: {image: 'x:${OUT}', env_file: [3.env, 4.env], "
                                 "label_file: [5.env, 6.env]}}\n");
    folder.write("1.env", "A=1\nB=1\n");
    folder.write("2.env", "A=2\nOUT=$A-$B\n");
    folder.write("3.env", "C=3\nD=3\n");
    folder.write("4.env", "C=4\nSEEN=$C-$D-$A\n");
    folder.write("5.env", "E=5\n");
    folder.write("6.env", "E=6\nSEEN=$E-$A\n"); // labels: the files before come first
    folder.options.env_files = {"1.env", "2.env"};
    const auto project = folder.project();
    const auto& service = project.services.at("a");
    CHECK(service.image == "x:2-1");
    CHECK(service.environment.at("SEEN") == "4-3-2");
    CHECK(service.labels.at("SEEN") == "5-");
}

TEST_CASE("what only the engine would refuse: config prints it and warns, every other command stops") {
    ProjectFolder folder;
    for (const auto* attribute :
         {"restart: alwas", "restart: \"on-failure:x\"", "ulimits: {nofle: 1}", "ports: [{target: 70000}]",
          "ports: [{target: 80, published: x}]", "secrets: [s]"}) {
        INFO(attribute);
        folder.write("compose.yaml", concat("services: {a: {image: x, ", attribute,
                                            "}}\nsecrets: {s: {external: true, file: f}}\n"));
        folder.options.engine_rules = true;
        const auto refused = folder.load();
        CHECK_FALSE(refused.project);
        folder.options.engine_rules = false;
        const auto shown = folder.load();
        REQUIRE(shown.project);
        bool told = false;
        for (const auto& warning : shown.diagnostics.warnings)
            told = told || warning.message() == refused.diagnostics.errors.at(0).message();
        CHECK(told);
    }
}

TEST_CASE("numbers, addresses and rules that the reference checks in config too") {
    for (const auto* attribute :
         {"oom_score_adj: 2000", "healthcheck: {retries: -1}", "ports: [\"80:0\"]",
          "ports: [{target: 80, host_ip: host}]", "develop: {watch: [{path: x, action: sync}]}"}) {
        INFO(attribute);
        CHECK_FALSE(load_text(concat("services: {a: {image: x, ", attribute, "}}\n")).project);
    }
    CHECK(contains(json_of("services: {a: {image: x, ports: [\"80:80/\"]}}\n"), R"("protocol":"tcp")"));
}

TEST_CASE("an empty network mode asks for no network, an empty profile is that of who asks for none") {
    CHECK_FALSE(contains(json_of("services: {a: {image: x, network_mode: \"${X}\"}}\n"), "networks"));
    ProjectFolder folder;
    folder.write("compose.yaml", "services: {a: {image: x, profiles: [\"${X}\"]}}\n");
    CHECK(folder.project().services.count("a") == 1);
    folder.options.profiles = {"p"};
    CHECK(folder.project().services.count("a") == 0);
}

TEST_CASE("without interpolation or normalisation: the forms that the reference gives") {
    ProjectFolder folder;
    folder.options.environment = {{"SET", "1"}};
    folder.write("compose.yaml", "services:\n  a: {image: x, gpus: all, environment: [SET, UNSET], "
                                 "build: {context: ., sbom: true, args: [SET, UNSET]},\n"
                                 "    develop: {watch: [{path: ., action: rebuild, include: \"*.go\"}]}}\n");
    folder.write("compose.override.yaml", "services: {a: {environment: {Z: 1, B: , SET: 2}}}\n");
    folder.options.interpolate = false;
    auto json = folder.load().canonical.to_text();
    for (const auto* part : {R"("gpus":[{"count":"all"}])", R"("environment":["SET=2","UNSET","B","Z=1"])",
                             R"("sbom":"true")", R"("args":["SET=1"])", R"("include":["*.go"])"})
        CHECK(contains(json, part));
    folder.options.interpolate = true;
    folder.options.normalize = false;
    folder.write("compose.override.yaml", "services: {a: {init: true}}\n");
    json = folder.load().canonical.to_text();
    CHECK(contains(json, R"("SET":"1")"));
    CHECK(contains(json, R"("count":-1)"));
}

TEST_CASE("YAML: extensions in the order of all keys, escapes for what the reference cannot print") {
    const auto result =
        load_text("x-z: 1\nx-a: \"\\U0001F527\\n\\a\\x7f\\ufeff\\u2028é\"\nservices: {a: {image: x}}\n");
    REQUIRE(result.project);
    CHECK(contains(to_yaml(result.document), "\nx-a: \"\\U0001F527\\n\\a\\x7F\\uFEFF\\Lé\"\nx-z: 1\n"));
}
