#include "runtime/build/stages.hpp"
#include "tests/unit/build/dockerfile_text.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

namespace {
Result<StageGraph> graph_of(const Dockerfile& file, const std::string& target = "",
                            std::map<std::string, std::string> args = {}) {
    GraphInput input;
    input.target = target;
    input.args = std::move(args);
    input.platform = host_platform();
    return make_graph(file, input);
}
std::string graph_error(const std::string& text, const std::string& target = "") {
    const auto file = parse_good(text);
    const auto graph = graph_of(file, target);
    return graph ? "no error" : graph.error().to_string();
}
} // namespace

TEST_CASE("a graph that cannot be built is an error at its line", "[build]") {
    CHECK_THAT(graph_error("RUN x\n"), ContainsSubstring("Dockerfile:1:1: RUN stands before the first FROM"));
    CHECK_THAT(graph_error("ARG a\n"), ContainsSubstring("has no FROM"));
    CHECK_THAT(graph_error("FROM $X\n"), ContainsSubstring("Dockerfile:1:6: FROM '$X' names no image"));
    CHECK_THAT(graph_error("FROM ${X:?wanted}\n"), ContainsSubstring("X: wanted"));
    CHECK_THAT(graph_error("FROM a AS x\nCOPY --from=x a b\n"),
               ContainsSubstring("2:13: stage 'x' cannot copy from itself"));
    CHECK_THAT(graph_error("FROM a\nCOPY --from=3 a b\n"),
               ContainsSubstring("there is no stage 3 before this one"));
    CHECK_THAT(graph_error("FROM a AS x\nCOPY --from=Y a b\nFROM a AS y\n"),
               ContainsSubstring("2:13: stage 'Y' is defined after this one, on line 3"));
    CHECK_THAT(graph_error("FROM a AS x\nRUN --mount=type=bind,from=y,target=/m true\nFROM a AS y\n"),
               ContainsSubstring("defined after this one"));
    CHECK_THAT(graph_error("FROM a AS build\n", "bild"), ContainsSubstring("did you mean build?"));
    CHECK_THAT(graph_error("FROM --platform=a/b/c/d a\n"), ContainsSubstring("is not a platform"));
}

TEST_CASE("stages that the target does not need are left out", "[build]") {
    const auto file =
        parse_good("FROM a AS one\nFROM b AS unused\nFROM c AS two\nRUN --mount=from=one,target=/x y\n"
                   "FROM two\nCOPY --from=0 a b\n");
    const auto graph = graph_of(file);
    REQUIRE(graph.has_value());
    CHECK(graph->target == 3);
    CHECK(graph->needed == std::set<std::size_t>{0, 2, 3});
    CHECK(graph->stages[3].base.kind == StageBase::Kind::stage);
    const auto other = graph_of(file, "unused");
    REQUIRE(other.has_value());
    CHECK(other->needed == std::set<std::size_t>{1});
}

TEST_CASE("a later stage of the same name wins, and a later name is an image", "[build]") {
    const auto file = parse_good("FROM a AS x\nFROM b AS x\nFROM x\nFROM later\nFROM c AS later\n");
    const auto graph = graph_of(file);
    REQUIRE(graph.has_value());
    CHECK(graph->stages[2].base.stage == 1);
    CHECK(graph->stages[3].base.kind == StageBase::Kind::image);
}

TEST_CASE("arguments before FROM reach FROM, the command line's first", "[build]") {
    const auto file = parse_good("ARG BASE=alpine\nARG TAG\nFROM $BASE:${TAG:-latest}\n");
    CHECK(graph_of(file)->stages[0].base.name == "alpine:latest");
    CHECK(graph_of(file, "", {{"BASE", "debian"}, {"TAG", "12"}})->stages[0].base.name == "debian:12");
}

TEST_CASE("a stage is for the platform that it, or the one below, says", "[build]") {
    const auto file = parse_good(
        "FROM --platform=linux/arm64 a AS x\nFROM x AS y\nFROM b AS z\nFROM --platform=$BUILDPLATFORM x\n");
    const auto graph = graph_of(file);
    REQUIRE(graph.has_value());
    CHECK(graph->stages[1].platform.to_string() == "linux/arm64");
    CHECK(graph->stages[1].platform_said);
    CHECK(graph->stages[2].platform == host_platform());
    CHECK(graph->stages[3].platform == host_platform());
}

TEST_CASE("a named context stands in for an image, and for a stage with all of its steps", "[build]") {
    const auto file = parse_good("FROM a AS x\nRUN b\nFROM alpine:latest\nCOPY --from=x /a /b\n");
    GraphInput input;
    input.platform = host_platform();
    input.contexts = {"x", "alpine"};
    const auto graph = make_graph(file, input);
    REQUIRE(graph.has_value());
    CHECK(graph->stages[0].replaced);
    CHECK(graph->stages[0].steps.empty());
    CHECK(graph->stages[1].base.kind == StageBase::Kind::context);
    CHECK(graph->stages[1].base.name == "alpine");
}
