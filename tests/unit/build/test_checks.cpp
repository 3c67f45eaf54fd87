#include "runtime/build/checks.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/build/dockerfile_text.hpp"

using namespace berth;
using namespace berth::build;

namespace {

// "rule line" of everything that is found.
std::vector<std::string> check(const std::string& text, const std::string& options = {},
                               const std::string& ignored = {},
                               const std::map<std::string, std::string>& args = {}) {
    const auto file = parse_good(text);
    GraphInput wanted;
    wanted.platform = host_platform();
    wanted.args = args;
    const auto graph = make_graph(file, wanted);
    REQUIRE(graph.has_value());
    const auto ignore = IgnoreRules::parse(ignored, ".dockerignore");
    REQUIRE(ignore.has_value());
    const auto parsed = parse_check_options(options.empty() ? file.check : options);
    REQUIRE(parsed.has_value());
    CheckInput input{file, *graph, *ignore, args, *parsed, true, {}};
    input.config_of = [](const std::string& image) -> std::optional<image::RunConfig> {
        if (image != "known") return std::nullopt;
        image::RunConfig config;
        config.env = {"PATH=/bin", "HOME_DIR=/home"};
        config.shell = {"/bin/ash", "-c"};
        return config;
    };
    std::vector<std::string> out;
    for (const auto& warning : run_checks(input))
        out.push_back(concat(warning.rule, " ", warning.first_line));
    return out;
}
using Found = std::vector<std::string>;

} // namespace

TEST_CASE("check options that are none are refused", "[build]") {
    for (const char* bad : {"skip", "skp=all", "error=perhaps", "skip=A;;"})
        CHECK_FALSE(parse_check_options(bad).has_value());
    const auto options = parse_check_options("skip=FromAsCasing, StageNameCasing;error=true");
    REQUIRE(options.has_value());
    CHECK(options->error);
    CHECK_FALSE(options->wants("StageNameCasing"));
    CHECK(options->wants("UndefinedVar"));
    CHECK_FALSE(options->wants("InvalidDefinitionDescription")); // experimental: only when asked for
}

TEST_CASE("a clean Dockerfile has nothing to be told of", "[build]") {
    CHECK(check("ARG TAG=1\nFROM known:${TAG} AS base\nWORKDIR /srv\nARG X\nCOPY $X /x\nFROM base\nENV "
                "A=b\nCMD [\"sh\"]\n") == Found{});
    CHECK(check("FROM known\nCMD run it\nENV P=$HOME_DIR\n") ==
          Found{}); // its image has a shell, and the variable
}

TEST_CASE("each check finds its mistake", "[build]") {
    CHECK(check("FROM scratch as Base\n") == Found{"StageNameCasing 1", "FromAsCasing 1"});
    CHECK(check("FROM scratch AS one\nFROM scratch AS one\n") == Found{"DuplicateStageName 2"});
    CHECK(check("FROM scratch AS context\n") == Found{"ReservedStageName 1"});
    CHECK(check("FROM scratch\nMAINTAINER me\n") == Found{"MaintainerDeprecated 2"});
    CHECK(check("FROM scratch\ncopy a b\n") == Found{"ConsistentInstructionCasing 2"});
    CHECK(check("FROM scratch\nCOPY a \\\n\n b\n") == Found{"NoEmptyContinuation 4"});
    CHECK(check("FROM scratch\nENV a b\nLABEL c d\n") ==
          Found{"LegacyKeyValueFormat 2", "LegacyKeyValueFormat 3"});
    CHECK(check("FROM scratch\nCMD one\nCMD [\"two\"]\n") ==
          Found{"JSONArgsRecommended 2", "MultipleInstructionsDisallowed 2"});
    CHECK(check("FROM scratch\nWORKDIR here\nWORKDIR there\n") == Found{"WorkdirRelativePath 2"});
    CHECK(check("FROM scratch\nENV DB_PASSWORD=x KEYBOARD=y\nARG TOKEN_FILE\n") ==
          Found{"SecretsUsedInArgOrEnv 2"});
    CHECK(check("FROM scratch\nEXPOSE 80/TCP 127.0.0.1:80:80\n") ==
          Found{"ExposeProtoCasing 2", "ExposeInvalidFormat 2"});
    CHECK(check("FROM scratch\nCOPY $NOWHERE /x\nCOPY ${NOWHERE:-a} /x\n") == Found{"UndefinedVar 2"});
    CHECK(check("FROM unknown\nCOPY $OF_THE_IMAGE /x\n") == Found{}); // its variables cannot be known
    CHECK(check("FROM scratch:${TAG}x\n") == Found{"UndefinedArgInFrom 1"});
    CHECK(check("ARG NAME\nFROM $NAME\n", {}, {}, {{"NAME", "known"}}) == Found{"InvalidDefaultArgInFrom 2"});
    CHECK(check("FROM --platform=$TARGETPLATFORM scratch\n") == Found{"RedundantTargetPlatform 1"});
    CHECK(check("FROM --platform=" + host_platform().to_string() + " scratch\n") ==
          Found{"FromPlatformFlagConstDisallowed 1"});
    CHECK(check("FROM scratch AS one\nCOPY a/b /x\nFROM scratch\nCOPY --from=one a /x\nADD . /y\n", {},
                "a\n") == Found{"CopyIgnoredFile 2"});
    CHECK(check("FROM scratch\nCOPY a /x\n", {}, "*\n!b\n") == Found{}); // with "!" it cannot be told
    CHECK(check("# what it is\nFROM scratch AS one\n", "experimental=all") ==
          Found{"InvalidDefinitionDescription 2"});
    CHECK(check("# one is first\nFROM scratch AS one\n", "experimental=all") == Found{});
}

TEST_CASE("checks are switched off for the file or for one instruction", "[build]") {
    CHECK(check("# check=skip=MaintainerDeprecated\nFROM scratch\nMAINTAINER me\nENV a b\n") ==
          Found{"LegacyKeyValueFormat 4"});
    CHECK(check("FROM scratch\n# check=skip=all // once\nENV a b\nENV c d\n") ==
          Found{"LegacyKeyValueFormat 4"});
}

TEST_CASE("every rule that is told has a description and a page", "[build]") {
    CHECK(check_description("NoSuchRule").empty());
    CHECK_FALSE(check_description("FromAsCasing").empty());
    CHECK(check_url("FromAsCasing") == "https://docs.docker.com/go/dockerfile/rule/from-as-casing/");
}

TEST_CASE("the outline names what a target can be given", "[build]") {
    const auto file = parse_good(
        "# TAG of the base\nARG TAG=1\nARG OTHER=2\nFROM img:${TAG} AS tools\nARG LEVEL=3\n"
        "RUN --mount=type=secret,id=key,required true\n"
        "# app is what runs\nFROM scratch AS app\nCOPY --from=tools /x /x\nRUN --mount=type=ssh true\n"
        "FROM scratch AS unrelated\nARG NOT_MINE\n");
    GraphInput wanted;
    wanted.platform = host_platform();
    wanted.target = "app";
    const auto graph = make_graph(file, wanted);
    REQUIRE(graph.has_value());
    const auto outline = outline_of(file, *graph, "app", {{"LEVEL", "9"}});
    CHECK(outline.name == "app");
    CHECK(outline.description == "is what runs");
    REQUIRE(outline.arguments.size() == 2);
    CHECK(outline.arguments[0].name == "TAG");
    CHECK(outline.arguments[0].description == "of the base");
    CHECK(outline.arguments[1].value == "9");
    REQUIRE(outline.secrets.size() == 1);
    CHECK(outline.secrets[0].required);
    REQUIRE(outline.ssh.size() == 1);
    CHECK(outline.ssh[0].name == "default");
    const auto targets = targets_of(*graph);
    REQUIRE(targets.size() == 3);
    CHECK(targets[2].is_default);
    CHECK(targets[0].base == "img:${TAG}");
}
