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
