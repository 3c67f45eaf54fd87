#include "compose/cli/flags.hpp"

#include "tests/support/catch.hpp"

using namespace berth;
using cli::Flags;

namespace {

struct Sample {
    bool detach = false, tty = false, interactive = false, proxy = true;
    std::string name, entrypoint = "unset";
    std::vector<std::string> env, ports, words;
    std::optional<std::int64_t> tail;
    std::string error, hint;
};

Sample parse(const std::vector<std::string>& words, bool options_first = true, std::size_t least = 0) {
    Sample out;
    Flags flags;
    flags.toggle("-d,--detach", out.detach, "detach")
        .toggle("-t,--tty", out.tty, "tty")
        .toggle("-i,--interactive", out.interactive, "in");
    flags.toggle("--sig-proxy", out.proxy, "proxy")
        .text("--name", out.name, "name")
        .text("--entrypoint", out.entrypoint, "entrypoint");
    flags.list("-e,--env", out.env, "env")
        .list("-p,--publish", out.ports, "ports")
        .number("-n,--tail", out.tail, "tail", -1, 100);
    flags.arguments(out.words, least);
    if (options_first) flags.options_first();
    if (auto parsed = flags.parse(words); !parsed) {
        out.error = parsed.error().message();
        out.hint = parsed.error().hint();
    }
    return out;
}

using Words = std::vector<std::string>;

} // namespace

TEST_CASE("unknown flags are refused with the nearest known one") {
    CHECK(parse({"--nmae", "x"}).error == "unknown flag: --nmae");
    CHECK(parse({"--nmae", "x"}).hint == "did you mean --name?");
    CHECK(parse({"-itX", "img"}).error == "unknown shorthand flag: 'X' in -itX");
    CHECK(parse({"img", "-z"}, false).error == "unknown shorthand flag: 'z' in -z");
}
TEST_CASE("missing and wrong values are refused") {
    CHECK(parse({"--name"}).error == "flag needs an argument: --name");
    CHECK(parse({"-e"}).error == "flag needs an argument: 'e' in -e");
    CHECK(parse({"--tail", "x"}).error.rfind("invalid value for --tail", 0) == 0);
    CHECK(parse({"--tail", "101"}).error.rfind("invalid value for --tail", 0) == 0);
    CHECK_FALSE(parse({"--detach=maybe"}).error.empty());
    CHECK(parse({}, true, 1).error == "requires at least 1 argument");
}
TEST_CASE("flags are spelt as docker's users do") {
    const auto s = parse({"-it", "-p8080:80", "-p=81:81", "-e", "A=1", "-eB=2", "--env=C=3", "--name=x",
                          "--sig-proxy=false", "-n", "-1", "img", "-d"});
    CHECK(s.error.empty());
    CHECK((s.tty && s.interactive && !s.proxy && !s.detach));
    CHECK(s.ports == Words{"8080:80", "81:81"});
    CHECK(s.env == Words{"A=1", "B=2", "C=3"});
    CHECK(s.name == "x");
    CHECK(s.tail == -1);
    CHECK(s.words == Words{"img", "-d"});
}
TEST_CASE("flags and arguments may be mixed where the command says so") {
    const auto s = parse({"web", "-d", "db", "--", "-x"}, false);
    CHECK(s.error.empty());
    CHECK(s.detach);
    CHECK(s.words == Words{"web", "db", "-x"});
}
TEST_CASE("empty values, brackets and braces are values like others") {
    const auto s = parse({"--entrypoint=", "-e", "X=[a,b]", "-e", "{}", "-e", "[q]", "img"});
    CHECK(s.error.empty());
    CHECK(s.entrypoint.empty());
    CHECK(s.env == Words{"X=[a,b]", "{}", "[q]"});
    CHECK(s.words == Words{"img"});
    CHECK(parse({"--entrypoint", "", "img"}).words == Words{"img"});
}
TEST_CASE("the last of a repeated flag with one value wins") {
    CHECK(parse({"--name", "a", "--name", "b"}).name == "b");
    CHECK_FALSE(parse({"-d", "-d=false"}).detach);
}
TEST_CASE("what follows the first argument is left alone") {
    const auto s = parse({"img", "sh", "-c", "--name", "--"});
    CHECK(s.error.empty());
    CHECK(s.words == Words{"img", "sh", "-c", "--name", "--"});
}
