#include "tests/unit/compose_load/project_folder.hpp"

using namespace berth::compose;
using namespace berth::compose::test;

namespace {

Service merged(const std::string& base, const std::string& over) {
    ProjectFolder folder;
    folder.write("base.yaml", base);
    folder.write("over.yaml", over);
    folder.options.files = {"base.yaml", "over.yaml"};
    return folder.project().services.at("web");
}

std::string web(const std::string& body) {
    return "services:\n  web:\n    image: nginx\n" + body;
}

} // namespace

TEST_CASE("scalars are replaced, mappings merged, lists appended") {
    const auto service =
        merged(web("    user: a\n    cap_add: [A, B]\n    healthcheck: {test: [CMD, a], interval: 5s}\n"),
               web("    user: b\n    cap_add: [B, C]\n    healthcheck: {test: [CMD, b]}\n"));
    CHECK(service.user == "b");
    CHECK(service.cap_add == std::vector<std::string>{"A", "B", "C"});
    CHECK(service.healthcheck->test == std::vector<std::string>{"CMD", "b"});
    CHECK(service.healthcheck->interval == std::chrono::seconds(5));
}

TEST_CASE("environment in both forms is one mapping, and the last file wins") {
    const auto service =
        merged(web("    environment: [A=1, B=2, C=3]\n"), web("    environment: {B: 20, C: null, D: 4}\n"));
    CHECK(*service.environment.at("A") == "1");
    CHECK(*service.environment.at("B") == "20");
    CHECK_FALSE(service.environment.at("C"));
    CHECK(*service.environment.at("D") == "4");
}

TEST_CASE("command and entrypoint are replaced, not appended") {
    const auto service = merged(web("    command: [a, b]\n    entrypoint: [x]\n"),
                                web("    command: c\n    entrypoint: []\n"));
    CHECK(*service.command == std::vector<std::string>{"c"});
    CHECK(service.entrypoint->empty());
}

TEST_CASE("ports and volumes are unique by what they take") {
    const auto service = merged(web("    ports: ['80:80', '81:81']\n    volumes: ['./a:/data', './b:/b']\n"),
                                web("    ports: ['80:80', '82:82']\n    volumes: ['./c:/data:ro']\n"));
    REQUIRE(service.ports.size() == 3);
    CHECK(service.ports[2].published == "82");
    REQUIRE(service.volumes.size() == 2);
    CHECK(contains(service.volumes[0].source, "/c"));
    CHECK(service.volumes[0].read_only);
}

TEST_CASE("logging is merged for one driver and replaced for another") {
    const std::string base =
        web("    logging: {driver: json-file, options: {max-size: 1m, max-file: '2'}}\n");
    CHECK(merged(base, web("    logging: {options: {max-size: 9m}}\n")).logging_options.at("max-file") ==
          "2");
    CHECK(
        merged(base, web("    logging: {driver: local, options: {max-size: 9m}}\n")).logging_options.size() ==
        1);
}

TEST_CASE("depends_on and networks take lists and mappings together") {
    ProjectFolder folder;
    folder.write(
        "a.yaml",
        "services:\n  web: {image: x, depends_on: [db], networks: [n]}\n  db: {image: y}\nnetworks: {n: }\n");
    folder.write("b.yaml", "services:\n  web:\n    depends_on: {db: {condition: service_healthy}}\n    "
                           "networks: {n: {aliases: [w]}}\n");
    folder.options.files = {"a.yaml", "b.yaml"};
    const auto service = folder.project().services.at("web");
    REQUIRE(service.depends_on.size() == 1);
    CHECK(service.depends_on[0].condition == DependencyCondition::healthy);
    CHECK(service.networks[0].aliases == std::vector<std::string>{"w"});
}

TEST_CASE("!reset removes and !override replaces") {
    const auto service = merged(
        web("    ports: ['80:80']\n    environment: {A: 1, B: 2}\n    dns: [1.1.1.1]\n    cap_add: [A]\n"),
        web("    ports: !reset []\n    environment: {A: !reset null}\n    dns: !override [8.8.8.8]\n    "
            "cap_add: [!reset A, B]\n"));
    CHECK(service.ports.empty());
    CHECK(service.environment.count("A") == 0);
    CHECK(*service.environment.at("B") == "2");
    CHECK(service.dns == std::vector<std::string>{"8.8.8.8"});
    CHECK(service.cap_add == std::vector<std::string>{"B"});
}

TEST_CASE("kinds that cannot be merged are an error at the value that overrides") {
    ProjectFolder folder;
    folder.write("a.yaml", web("    ports: ['80:80']\n"));
    folder.write("b.yaml", web("    ports: {a: b}\n"));
    folder.options.files = {"a.yaml", "b.yaml"};
    const auto errors = folder.errors();
    REQUIRE(errors.size() == 1);
    CHECK(contains(errors[0], "b.yaml:4:12: services.web.ports: a mapping cannot replace a list"));
}

TEST_CASE("a file that is extended may reset what its own bases say") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  web:\n    extends: {file: base.yaml, service: mid}\n");
    folder.write("base.yaml", "services:\n"
                              "  root: {image: x, command: sleep 9, environment: {A: '1', B: '2'}}\n"
                              "  mid:\n    extends: root\n    command: !reset\n"
                              "    environment: !override {C: '3'}\n    user: !reset ''\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    const auto& web = result.project->services.at("web");
    CHECK(web.image == "x");
    CHECK_FALSE(web.command);
    CHECK(web.environment.size() == 1);
}

TEST_CASE("a secret's short form and the path where it lies are one target") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "services:\n  web:\n    image: x\n    secrets:\n      - key\n"
                 "      - {source: other, target: /run/secrets/key}\n      - {source: other, target: key2}\n"
                 "secrets:\n  key: {environment: HOME}\n  other: {environment: HOME}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    const auto& secrets = result.project->services.at("web").secrets;
    REQUIRE(secrets.size() == 2);
    CHECK(secrets[0].source == "other");
}

TEST_CASE("extends: chains, other files, their folders, and cycles") {
    ProjectFolder folder;
    folder.write(
        "compose.yaml",
        "services:\n  web:\n    extends: {file: lib/base.yaml, service: mid}\n    environment: {A: web}\n");
    folder.write("lib/base.yaml",
                 "services:\n  root: {image: base, environment: {A: root, B: root}, volumes: ['./x:/x']}\n"
                 "  mid: {extends: root, environment: {B: mid}, build: .}\n");
    const auto service = folder.project().services.at("web");
    CHECK(service.image == "base");
    CHECK(*service.environment.at("A") == "web");
    CHECK(*service.environment.at("B") == "mid");
    CHECK(service.volumes[0].source == folder.path() + "/lib/x");
    CHECK(service.build->context == folder.path() + "/lib");
    folder.write("compose.yaml", "services:\n  a: {extends: b, image: x}\n  b: {extends: a, image: x}\n");
    CHECK(contains(folder.errors().at(0), "circular extends: a -> b -> a"));
    folder.write("compose.yaml", "services:\n  a: {extends: bass, image: x}\n  base: {image: x}\n");
    CHECK(contains(folder.errors().at(0), "did you mean 'base'?"));
}

TEST_CASE("include: folders, own variables, overriding, and cycles") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "include: [sub/compose.yaml]\nservices:\n  web: {image: web, depends_on: [db]}\n");
    folder.write("compose.override.yaml", "services:\n  db: {user: me}\n");
    folder.write("sub/compose.yaml", "services:\n  db: {image: 'db:${TAG}', volumes: ['./d:/d']}\n");
    folder.write("sub/.env", "TAG=7\n");
    const auto db = folder.project().services.at("db");
    CHECK(db.image == "db:7");
    CHECK(db.user == "me");
    CHECK(db.volumes[0].source == folder.path() + "/sub/d");
    REQUIRE(berth::remove_file(folder.path() + "/compose.override.yaml"));
    folder.write("sub/compose.yaml", "include: [../compose.yaml]\nservices: {}\n");
    folder.write("compose.yaml", "include: [sub/compose.yaml]\nservices: {}\n");
    CHECK(contains(folder.errors().at(0), "include cycle"));
    folder.write("compose.yaml", "include:\n  - nowhere.yaml\nservices: {}\n");
    CHECK(contains(folder.errors().at(0), "compose.yaml:2:5"));
}

TEST_CASE("include: what two files define differently is a conflict, what they define alike is not") {
    ProjectFolder folder;
    folder.write("a.yaml", "services:\n  web: {image: one, ports: ['80:80'], build: .}\nnetworks: {n: }\n");
    folder.write("b.yaml", "services:\n  web: {image: two}\nvolumes: {v: {labels: {a: b}}}\n");
    folder.write("compose.yaml", "include: [a.yaml, b.yaml]\nvolumes:\n  v: {labels: {a: c}}\n");
    const auto errors = folder.errors();
    REQUIRE(errors.size() == 2);
    CHECK(contains(errors[0], "b.yaml:2:3: services.web: defined differently by an included file"));
    CHECK(contains(errors[0], "a.yaml:2:3: defined here too"));
    CHECK(contains(errors[0], "compose.yaml:1:19: included here"));
    CHECK(contains(errors[1], "b.yaml:3:11: volumes.v: defined differently"));
    // The same meaning in another form, and an empty definition of what has no attributes.
    folder.write("compose.yaml",
                 "include: [a.yaml, a.yaml]\nservices:\n  web:\n    image: one\n    build: {context: .}\n"
                 "    ports: [{target: 80, published: '80'}]\nnetworks: {n: {}}\n");
    CHECK(folder.errors().empty());
    folder.write("compose.yaml", "include: [{path: [a.yaml, b.yaml]}]\n"); // one over the other, as asked for
    CHECK(folder.project().services.at("web").image == "two");
}
