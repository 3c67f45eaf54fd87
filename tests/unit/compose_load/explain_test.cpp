#include "tests/unit/compose_load/project_folder.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

std::vector<ExplainedValue> explain(ProjectFolder& folder, const std::string& key) {
    folder.options.explain = key;
    auto result = folder.load();
    for (const auto& error : result.diagnostics.errors)
        UNSCOPED_INFO(error.to_string());
    REQUIRE(result.project);
    return std::move(result.explained);
}

ExplainedValue explain_one(ProjectFolder& folder, const std::string& key) {
    auto values = explain(folder, key);
    REQUIRE(values.size() == 1);
    CHECK(values[0].path == key);
    return values[0];
}

std::string text_of(const Json& value) {
    return value.to_text();
}

} // namespace

TEST_CASE("explain: a value, its place, the variable and what it replaced") {
    ProjectFolder folder;
    folder.write(".env", "# first\nDB_PASSWORD=secret\n");
    folder.write("compose.yaml",
                 "services:\n  db:\n    image: x\n    environment:\n      PASSWORD: changeme\n");
    folder.write("compose.override.yaml",
                 "services:\n  db:\n    environment:\n      PASSWORD: ${DB_PASSWORD}\n");
    const auto value = explain_one(folder, "services.db.environment.PASSWORD");
    CHECK(text_of(value.value) == "\"secret\"");
    CHECK(contains(value.now.at.to_string(), "compose.override.yaml:4:17"));
    REQUIRE(value.now.variables.size() == 1);
    CHECK(value.now.variables[0].name == "DB_PASSWORD");
    CHECK(value.now.variables[0].origin == ".env:2");
    REQUIRE(value.replaced.size() == 1);
    CHECK(value.replaced[0].text == "changeme");
    CHECK(contains(value.replaced[0].at.to_string(), "compose.yaml:5:17"));
}

TEST_CASE("explain: the shell and defaults as sources") {
    ProjectFolder folder;
    folder.options.environment = {{"TAG", "2"}};
    folder.write("compose.yaml",
                 "services:\n  a:\n    image: a:${TAG:-1}\n    user: ${WHO:-me}\n    environment: [TAG]\n");
    CHECK(explain_one(folder, "services.a.image").now.variables.at(0).origin == "shell");
    CHECK(explain_one(folder, "services.a.user").now.variables.at(0).origin == "default");
    CHECK(explain_one(folder, "services.a.environment.TAG").now.variables.at(0).origin == "shell");
}

TEST_CASE("explain: extends, include and env files") {
    ProjectFolder folder;
    folder.write("base.yaml", "services:\n  base:\n    image: old\n    working_dir: /base\n");
    folder.write("part/side.yaml", "services:\n  side:\n    image: side\n");
    folder.write("one.env", "A=1\nB=1\n");
    folder.write("two.env", "B=2\n");
    folder.write("compose.yaml",
                 "include: [part/side.yaml]\nservices:\n  a:\n    extends: {file: base.yaml, service: base}\n"
                 "    image: new\n    env_file: [one.env, two.env]\n    environment: {A: own}\n");
    const auto image = explain_one(folder, "services.a.image");
    CHECK(image.replaced.at(0).text == "old");
    CHECK(contains(image.replaced.at(0).at.to_string(), "base.yaml:3:12"));
    CHECK(contains(explain_one(folder, "services.a.working_dir").now.at.to_string(), "base.yaml:4:18"));
    CHECK(contains(explain_one(folder, "services.side.image").now.at.to_string(), "part/side.yaml:3:12"));
    const auto own = explain_one(folder, "services.a.environment.A");
    CHECK(contains(own.now.at.to_string(), "compose.yaml:7:22"));
    CHECK(contains(own.replaced.at(0).at.to_string(), "one.env:1:1"));
    const auto later = explain_one(folder, "services.a.environment.B");
    CHECK(contains(later.now.at.to_string(), "two.env:1:1"));
    CHECK(contains(later.replaced.at(0).at.to_string(), "one.env:2:1"));
}

TEST_CASE("explain: merge keys") {
    ProjectFolder folder;
    folder.write(
        "compose.yaml",
        "x-a: &a\n  image: from-anchor\n  user: \"1\"\nservices:\n  s:\n    <<: *a\n    user: \"2\"\n");
    const auto image = explain_one(folder, "services.s.image");
    CHECK(contains(image.now.at.to_string(), "compose.yaml:2:10"));
    REQUIRE(image.now.merged_by.size() == 1);
    CHECK(contains(image.now.merged_by[0].to_string(), "compose.yaml:6:5"));
    CHECK(explain_one(folder, "services.s.user").replaced.at(0).text == "1");
}

TEST_CASE("explain: !reset and !override") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "services:\n  s:\n    image: x\n    ports: [\"80:80\"]\n    environment: {A: 1, B: 2}\n");
    folder.write("compose.override.yaml",
                 "services:\n  s:\n    ports: !reset []\n    environment: !override {C: 3}\n");
    const auto gone = explain_one(folder, "services.s.ports");
    CHECK(gone.removed);
    CHECK(contains(gone.now.at.to_string(), "compose.override.yaml:3:12"));
    CHECK(contains(gone.replaced.at(0).at.to_string(), "compose.yaml:4:12"));
    const auto over = explain_one(folder, "services.s.environment.C");
    CHECK(over.replaced.at(0).text == "a mapping with 2 keys");
    CHECK(contains(over.replaced.at(0).at.to_string(), "compose.yaml:5:18"));
}

TEST_CASE("explain: a short form, and what a later one of its key replaced") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "services:\n  s:\n    image: x\n    volumes: [\"a:/d\"]\nvolumes: {a: , b: }\n");
    folder.write("compose.override.yaml", "services:\n  s:\n    volumes: [\"b:/d\"]\n");
    const auto value = explain_one(folder, "services.s.volumes[0].source");
    CHECK(text_of(value.value) == "\"b\"");
    CHECK(value.now.implied);
    CHECK(contains(value.now.at.to_string(), "compose.override.yaml:3:15"));
    CHECK(value.replaced.at(0).text == "a:/d");
}

TEST_CASE("explain: a subtree, keys with dots, inactive profiles, the project's name") {
    ProjectFolder folder;
    folder.write(
        "compose.yaml",
        "services:\n  s:\n    image: x\n    command: run it\n    labels: {com.example: 1, com.example.b: 2}\n"
        "  off: {image: y, profiles: [p]}\n");
    CHECK(text_of(explain_one(folder, "services.s.labels.com.example.b").value) == "\"2\"");
    CHECK(text_of(explain_one(folder, "services.s.labels.com.example").value) == "\"1\"");
    CHECK(text_of(explain_one(folder, "services.s.command").value) == "[\"run\",\"it\"]");
    CHECK(text_of(explain_one(folder, "services.off.image").value) == "\"y\"");
    CHECK(explain(folder, "services.s").size() == 5); // with the default network
    CHECK(explain_one(folder, "name").now.variables.at(0).origin == "-p");
}

TEST_CASE("explain: an unknown key names a near one") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  web:\n    image: x\n    ports: [\"80:80\"]\n");
    const auto error_for = [&](const std::string& key) {
        folder.options.explain = key;
        return folder.errors().at(0);
    };
    CHECK(contains(error_for("services.wep.image"), "did you mean 'web'?"));
    CHECK(contains(error_for("services.web.imagge"), "did you mean 'image'?"));
    CHECK(contains(error_for("services.web.ports[1]"), "'services.web.ports' is a list of 1"));
    CHECK(contains(error_for("services.web.image.tag"), "'services.web.image' has nothing below it"));
}
