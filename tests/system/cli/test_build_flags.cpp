// The flags of `berth build` beyond the usual ones.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("build flags: what cannot be is refused with words") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN --security=insecure true\n");
    struct Case {
        std::vector<std::string> flags;
        const char* says;
    };
    for (const auto& bad : {Case{{"--secret", "id=a,sorce=x"}, "sorce"}, Case{{"--ssh", "default=/etc/passwd"}, "agent"}, Case{{"--platform", "linux/amd64,linux/arm64"}, "several platforms"},
                            Case{{"--call", "guess"}, "outline"}, Case{{"--squash"}, "squash"}, Case{{"--policy", "filename=x"}, "policy"}, Case{{"--resource", "memry=1g"}, "memry"},
                            Case{{"--allow", "everything"}, "security.insecure"}, Case{{"--attest", "type=sbom"}, "attestations"}, Case{{"--ulimit", "nofile"}, "ulimit"}, Case{{}, "not allowed"}}) {
        auto words = bad.flags;
        words.insert(words.begin(), {"build", "-t", "bad"});
        words.emplace_back(".");
        const Run result = world.berth(words);
        CAPTURE(bad.says, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
    }
    CHECK(world.berth({"image", "inspect", "bad"}).exit_code == 1);
}

TEST_CASE("build --check and --call tell of a Dockerfile without building it") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "# VERSION of the tool\nARG VERSION=1\nFROM tiny AS base\nARG VERSION\nRUN --mount=type=secret,id=token,required false\nCMD run\n");
    const Run found = world.berth({"build", "--check", "."});
    CHECK(found.exit_code == 1);
    CHECK(found.out == "Check complete, 1 warning has been found!\n\n"
                       "WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
                       "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals\n"
                       "Dockerfile:6\n--------------------\n"
                       "   4 |     ARG VERSION\n   5 |     RUN --mount=type=secret,id=token,required false\n   6 | >>> CMD run\n   7 |     \n"
                       "--------------------\n");
    CHECK_THAT(world.berth({"build", "--call=check,format=json", "."}).out, ContainsSubstring("\"ruleName\": \"JSONArgsRecommended\""));
    const Run clean = world.berth({"build", "--check", "-"}, "FROM tiny\nRUN false\n");
    CHECK(clean.exit_code == 0);
    CHECK(clean.out == "Check complete, no warnings found.\n");
    CHECK(world.ok({"build", "--call=outline", "."}) == "TARGET: base\n\nBUILD ARG   VALUE   DESCRIPTION\nVERSION     1       \n\nSECRET   REQUIRED\ntoken    true\n");
    CHECK(world.ok({"build", "--call", "targets", "."}) == "TARGET         DESCRIPTION\nbase (default) ");
    world.write("Dockerfile", "# check=error=true\nFROM tiny as base\n");
    const Run refused = world.berth({"build", "."});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, ContainsSubstring("lint violation found for rules: FromAsCasing"));
    world.ok({"build", "--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all", "."});
}

TEST_CASE("build: secrets of variables, ssh sockets, limits and privileges of steps") {
    World world;
    world.tiny_image();
    world.set_env("API_TOKEN", "hush");
    world.write("Dockerfile", "FROM tiny\n"
                              "RUN --mount=type=secret,id=API_TOKEN cat /run/secrets/API_TOKEN > /said\n"
                              "RUN ulimit -n > /files\n"
                              "RUN --security=insecure cat /proc/self/status | grep CapEff > /caps\n"
                              "RUN --mount=type=ssh test -z \"$SSH_AUTH_SOCK\"\n");
    world.ok({"build", "-t", "flags", "--secret", "id=API_TOKEN", "--ulimit", "nofile=77:77", "--allow", "security.insecure", "--resource", "memory=64m", "."});
    CHECK(world.ok({"run", "--rm", "flags", "cat", "/said", "/files"}) == "hush77");
    CHECK_THAT(world.ok({"run", "--rm", "flags", "cat", "/caps"}), ContainsSubstring("ffff"));
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("build --no-cache-filter runs the steps of one stage again") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny AS first\nRUN cat /proc/sys/kernel/random/uuid > /a\nFROM tiny\nRUN cat /proc/sys/kernel/random/uuid > /b\nCOPY --from=first /a /a\n");
    world.ok({"build", "-t", "one", "."});
    world.ok({"build", "-t", "two", "--no-cache-filter", "first", "."});
    CHECK(world.ok({"run", "--rm", "one", "cat", "/b"}) == world.ok({"run", "--rm", "two", "cat", "/b"}));
    CHECK(world.ok({"run", "--rm", "one", "cat", "/a"}) != world.ok({"run", "--rm", "two", "cat", "/a"}));
}
