#include "tests/unit/build/dockerfile_text.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("mistakes are told with their place and what was meant", "[build]") {
    CHECK_THAT(first_error(""), ContainsSubstring("file with no instructions"));
    CHECK_THAT(first_error("# only\n"), ContainsSubstring("file with no instructions"));
    CHECK_THAT(first_error("FROM a\nCOPI a b\n"),
               ContainsSubstring("Dockerfile:2:1: unknown instruction 'COPI' (did you mean COPY?)"));
    CHECK_THAT(first_error("FROM a\nCOPY --chwon=a b c\n"),
               ContainsSubstring("Dockerfile:2:6: COPY has no flag '--chwon' (did you mean --chown?)"));
    CHECK_THAT(first_error("FROM a\nCOPY --from=x --from=y b c\n"),
               ContainsSubstring("2:15: --from is given twice"));
    CHECK_THAT(first_error("FROM a\nCOPY x\n"),
               ContainsSubstring("COPY takes at least one source and a destination"));
    CHECK_THAT(first_error("FROM a b\n"), ContainsSubstring("FROM takes an image"));
    CHECK_THAT(first_error("FROM a AS 1x\n"),
               ContainsSubstring("Dockerfile:1:11: '1x' is no name for a build stage"));
    CHECK_THAT(first_error("ENV PATH\n"), ContainsSubstring("ENV 'PATH' has no value"));
    CHECK_THAT(first_error("ENV a=b c\n"), ContainsSubstring("1:9: 'c' has no '='"));
    CHECK_THAT(first_error("CMD [\"a\", 1]\n"), ContainsSubstring("only strings"));
    CHECK_THAT(first_error("SHELL /bin/sh\n"), ContainsSubstring("SHELL takes a JSON array"));
    CHECK_THAT(first_error("HEALTHCHECK FOO x\n"), ContainsSubstring("'FOO' is no kind of HEALTHCHECK"));
    CHECK_THAT(first_error("HEALTHCHECK --interval=1us CMD x\n"), ContainsSubstring("shorter than 1ms"));
    CHECK_THAT(first_error("ONBUILD FROM a\n"), ContainsSubstring("FROM cannot be an ONBUILD trigger"));
    CHECK_THAT(first_error("ONBUILD COPY x\n"), ContainsSubstring("COPY takes at least one source"));
    CHECK_THAT(first_error("RUN --network=bridge x\n"), ContainsSubstring("no network mode for RUN"));
    CHECK_THAT(first_error("RUN\n"), ContainsSubstring("RUN needs a command"));
}

TEST_CASE("all mistakes of a file are found at once", "[build]") {
    Diagnostics diagnostics;
    (void)parse_dockerfile(text_file("FROM a\nFOO\nRUN --x y\nENV\n"), diagnostics);
    CHECK(diagnostics.errors.size() == 3);
}

TEST_CASE("the two forms of commands are told apart", "[build]") {
    const auto file =
        parse_good("FROM a\nRUN [\"a\", \"b c\"]\nRUN [not json\nCMD echo  two\nENTRYPOINT []\n");
    const auto& exec = std::get<Run>(file.instructions[1].body).command;
    CHECK(exec.exec);
    CHECK(exec.argv == std::vector<std::string>{"a", "b c"});
    const auto& shell = std::get<Run>(file.instructions[2].body).command;
    CHECK_FALSE(shell.exec);
    CHECK(shell.line == "[not json");
    CHECK(std::get<Command>(file.instructions[3].body).command.line == "echo  two");
    CHECK(std::get<Command>(file.instructions[4].body).command.exec);
}

TEST_CASE("flags, sources and destination of COPY are taken apart", "[build]") {
    const auto file = parse_good("FROM a\nCOPY --from=b --chown=\"x:y\" --link --exclude=*.o --exclude=t a "
                                 "c/ /d/\nADD [\"a b\", \"/c d\"]\n");
    const auto& copy = std::get<Copy>(file.instructions[1].body);
    CHECK(copy.from.value == "b");
    CHECK(copy.from.at.column == 13);
    CHECK(copy.chown.value == "x:y");
    CHECK(copy.link);
    CHECK(copy.exclude.size() == 2);
    REQUIRE(copy.sources.size() == 2);
    CHECK(copy.destination.value == "/d/");
    const auto& add = std::get<Copy>(file.instructions[2].body);
    CHECK(add.add);
    REQUIRE(add.sources.size() == 1);
    CHECK(add.sources[0].value == "a b");
    CHECK(add.destination.value == "/c d");
}

TEST_CASE("heredocs of COPY are sources", "[build]") {
    const auto file = parse_good("FROM a\nCOPY x <<one <<\"two\" /d/\n1\none\n2\ntwo\n");
    const auto& copy = std::get<Copy>(file.instructions[1].body);
    CHECK(copy.sources.size() == 1);
    CHECK(copy.heredoc_sources == std::vector<std::size_t>{0, 1});
}

TEST_CASE("both forms of ENV are read", "[build]") {
    const auto file = parse_good("FROM a\nENV old  value with  blanks\nENV a=1 b=\"x y\" c=z\\ w\n");
    const auto& old = std::get<KeyValues>(file.instructions[1].body);
    REQUIRE(old.pairs.size() == 1);
    CHECK(old.pairs[0].second.value == "value with  blanks");
    const auto& pairs = std::get<KeyValues>(file.instructions[2].body).pairs;
    REQUIRE(pairs.size() == 3);
    CHECK(pairs[1].second.value == "\"x y\"");
    CHECK(pairs[2].second.value == "z\\ w");
}

TEST_CASE("triggers of a base image are read with the image as their place", "[build]") {
    const auto good = parse_trigger("RUN make", "base", '\\');
    REQUIRE(good.has_value());
    CHECK(good->name == "RUN");
    const auto bad = parse_trigger("FOO", "base", '\\');
    REQUIRE_FALSE(bad.has_value());
    CHECK_THAT(bad.error().to_string(), ContainsSubstring("ONBUILD of base:1:1"));
}
