// Files that somebody made to use up memory or time: each ends in a few errors, soon. What is bounded here
// would run for minutes, or out of memory, without its limit.
#include "tests/unit/compose_load/project_folder.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

std::string repeat(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i)
        out += text;
    return out;
}

} // namespace

TEST_CASE("of a hundred thousand mistakes the first 200 are shown, and how many there are") {
    ProjectFolder folder;
    std::string text = "services:\n";
    for (int i = 0; i < 20'000; ++i)
        text += concat("  s", i, ": {imagee: x}\n");
    folder.write("compose.yaml", text);
    const auto errors = folder.errors();
    REQUIRE(errors.size() == 201);
    CHECK(contains(errors[0], "compose.yaml:2:"));
    CHECK(contains(errors[200], "compose.yaml:202:"));
    CHECK(contains(errors[200], "19800 more errors from here on are not shown"));
    folder.write("compose.yaml", "services: {a: {image: x, labels: {" + repeat("k: v,", 20'000) + "}}}\n");
    CHECK(folder.errors().size() <= 201);
}

TEST_CASE(
    "mappings of many keys are merged, extended, included and filled from files without n times n steps") {
    ProjectFolder folder;
    std::string many = "services:\n  b: {image: x}\n", labels, environment;
    for (int i = 0; i < 20'000; ++i) {
        many += concat("  s", i, ": {extends: b}\n");
        labels += concat("k", i, ": 1,");
        environment += concat("A", i, "=$A", i - 1, "\n");
    }
    folder.write("many.yaml", many);
    folder.write("compose.yaml",
                 "include: [many.yaml, many.yaml]\nservices: {a: {image: x, env_file: e.env, labels: {" +
                     labels + "}}}\n");
    folder.write("compose.override.yaml", "services: {a: {labels: {" + labels + "}}}\n");
    folder.write("e.env", environment);
    const auto project = folder.project();
    CHECK(project.services.size() == 20'002);
    CHECK(project.services.at("a").labels.size() == 20'000);
    CHECK(project.services.at("a").environment.size() == 20'000);
}

TEST_CASE("variables that double each other end at 16 MiB a value and 64 MiB in all") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services: {a: {image: x}}\n");
    folder.write(".env", "A=1\n" + repeat("A=$A$A\n", 40));
    CHECK(contains(folder.errors().at(0), ".env:26:1: its variables make it longer than 16777216 bytes"));
    folder.write(".env", "A=" + std::string(1 << 20, 'x') + "\n");
    folder.write("compose.yaml", "services: {a: {image: x, labels: {l: \"" + repeat("$A", 20) + "\"}}}\n");
    CHECK(contains(folder.errors().at(0), "its variables make it longer"));
    folder.write("compose.yaml", "services: {a: {image: x, command: [" + repeat("$A,", 100) + "]}}\n");
    const auto errors = folder.errors();
    REQUIRE(errors.size() == 1);
    CHECK(contains(errors[0], "variables make more than 67108864 bytes of all values"));
    folder.write("compose.yaml", "services: {a: {image: \"x" + repeat("${A:+}", 100'000) + "\"}}\n");
    CHECK(folder.errors().empty()); // and does not hold A for each use
}

TEST_CASE("a chain of extends, includes in includes and ranges of ports have an end") {
    ProjectFolder folder;
    std::string chain = "services:\n";
    for (int i = 0; i < 20'000; ++i)
        chain += concat("  s", i, ": {extends: s", i + 1, "}\n");
    folder.write("compose.yaml", chain + "  s20000: {image: x}\n");
    CHECK(contains(folder.errors().at(0), "a chain of more than 1000 extends"));
    for (int i = 0; i < 200; ++i)
        folder.write(concat("i", i, ".yaml"), concat("include: [i", i + 1, ".yaml, i", i + 1, ".yaml]\n"));
    folder.write("i200.yaml", "services: {a: {image: x}}\n");
    folder.write("compose.yaml", "include: [i0.yaml]\n");
    CHECK(contains(folder.errors().at(0), "more than 1000 files are included, or 100 one in the other"));
    std::string ports = "services:\n";
    for (int i = 0; i < 20; ++i)
        ports += concat("  s", i, ": {image: x, ports: [\"1-65535:1-65535\"]}\n");
    folder.write("compose.yaml", ports);
    CHECK(contains(folder.errors().at(0), "the port ranges of all services are more than 300000 ports"));
}

TEST_CASE("a key with more than 10,000 values below it is not explained") {
    ProjectFolder folder;
    folder.write("compose.yaml", "x-a: [" + repeat("1,", 20'000) + "]\nservices: {a: {image: x}}\n");
    folder.options.explain = "x-a";
    CHECK(contains(folder.errors().at(0), "name a smaller part of the model"));
    std::vector<MentionedVariable> found;
    folder.write("compose.yaml",
                 "services: {a: {image: \"" + repeat("${A:-", 10'000) + repeat("}", 10'000) + "\"}}\n");
    Diagnostics diagnostics;
    CHECK(list_variables(folder.options, diagnostics).size() == 1);
}
