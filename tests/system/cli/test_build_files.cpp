// What a step leaves in the image, where Docker users know exactly what to expect: found by building some two
// hundred Dockerfiles with BuildKit and with berth and comparing every file of every layer.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// The output of a command in the image that the Dockerfile makes.
std::string built(World& world, const std::string& dockerfile, const std::string& command,
                  std::vector<std::string> flags = {}) {
    world.write("Dockerfile", dockerfile);
    std::vector<std::string> args{"build", "-q", "-t", "looked-at"};
    args.insert(args.end(), flags.begin(), flags.end());
    args.emplace_back(".");
    world.ok(args);
    return world.ok({"run", "--rm", "--network", "none", "looked-at", "/bin/sh", "-c", command});
}

} // namespace

TEST_CASE("build: mistakes further down are told before the steps above them run") {
    World world;
    world.tiny_image();
    world.write("a", "a");
    struct Case {
        const char* line;
        const char* place;
        const char* says;
    };
    for (const auto& bad :
         {Case{"COPY --chmod=64a a /a", "Dockerfile:3:14", "64a"},
          Case{"COPY --chmod=10000 a /a", "Dockerfile:3:14", "10000"},
          Case{"COPY http://127.0.0.1:1/a /a", "Dockerfile:3:6", "ADD"},
          Case{"ADD --checksum=sha256:1 a /a", "Dockerfile:3:16", "fetched"},
          Case{"RUN --mount=typ=cache,target=/c true", "Dockerfile:3:13", "did you mean type?"},
          Case{"RUN --mount=type=tmp,target=/c true", "Dockerfile:3:13", "tmpfs"},
          Case{"RUN --mount=type=cache,target=/ true", "Dockerfile:3:13", "mounted on /"},
          Case{"ENV A=\"b", "Dockerfile:3:7", "quote"}, Case{"LABEL a=b c='d", "Dockerfile:3:13", "quote"},
          Case{"WORKDIR ${A", "Dockerfile:3:9", "closed"},
          Case{"COPY --from=later /a /a\nFROM tiny AS later", "Dockerfile:3:13", "line 4"}}) {
        world.write("Dockerfile",
                    std::string("FROM tiny AS first\nRUN touch /ran\n") + bad.line + "\nFROM first\n");
        for (const bool check : {false, true}) {
            const Run result =
                check ? world.berth({"build", "--check", "."}) : world.berth({"build", "-t", "bad", "."});
            CAPTURE(bad.line, check, result.err);
            CHECK(result.exit_code == 1);
            CHECK_THAT(result.err, ContainsSubstring(bad.place));
            CHECK_THAT(result.err, ContainsSubstring(bad.says));
            CHECK_THAT(result.err, !ContainsSubstring("touch"));
        }
    }
    // Of a stage that nobody needs, only --check tells.
    world.write("Dockerfile", "FROM tiny AS unused\nCOPY --chmod=64a a /a\nFROM tiny\nENV A=1\n");
    world.ok({"build", "-q", "."});
    CHECK(world.berth({"build", "--check", "."}).exit_code == 1);
}

TEST_CASE("build: a program that is not there ends the build with 1, as any failing step") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN [\"nosuch\"]\n");
    const Run result = world.berth({"build", "."});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("Dockerfile:2:5"));
    CHECK_THAT(result.err, ContainsSubstring("nosuch"));
}

TEST_CASE("build: a file goes where the link of that name leads, and never out of the image") {
    World world;
    world.tiny_image();
    world.write("f", "new");
    world.write("tree/link", "replaced");
    CHECK(built(world,
                "FROM tiny\n"
                "RUN mkdir -p /real /x && echo old > /real/file && ln -s /real/file /link && ln -s "
                "real/none/deep /dangling && ln -s /real /folder && ln -s /real/file /x/link\n"
                "RUN ln -s ../../../../outside /out\n"
                "COPY f /link\n"
                "COPY f /dangling\n"
                "COPY f /folder\n"
                "COPY f /out\n"
                "COPY <<EOF /folder/here\nhere\nEOF\n"
                "COPY tree /x\n",
                "for l in /link /dangling /folder /out; do readlink $l; done; cat /real/file /real/none/deep "
                "/real/f /outside /real/here; test -L /x/link || cat /x/link") ==
          "/real/file\nreal/none/deep\n/real\n../../../../outside\nnewnewnewnewhere\nreplaced");
    world.write("Dockerfile", "FROM tiny\nRUN ln -s round /round\nCOPY f /round\n");
    const Run round = world.berth({"build", "."});
    CHECK(round.exit_code == 1);
    CHECK_THAT(round.err, ContainsSubstring("too many links"));
}

TEST_CASE("build: the content of a folder is copied, and the folder that it goes to is an ordinary one") {
    World world;
    world.tiny_image();
    world.write("d/in", "1", 0600);
    CHECK(built(world,
                "FROM tiny AS from\n"
                "RUN mkdir -p /h/s && touch /h/s/f && chmod 2750 /h/s && chmod 1777 /h && chown -R app /h\n"
                "FROM tiny\n"
                "RUN mkdir /there && chmod 711 /there && chown app /there\n"
                "COPY --from=from /h /new\n"
                "COPY --from=from /h /there\n"
                "COPY --from=from --chown=0:0 --chmod=705 /h /both\n",
                "stat -c '%n %a %U' /new /new/s /there /there/s /both /both/s") ==
          "/new 755 root\n/new/s 2750 app\n/there 711 app\n/there/s 2750 app\n/both 705 root\n/both/s 705 "
          "root");
}

TEST_CASE("build --exclude: patterns are about what is beneath the source") {
    World world;
    world.tiny_image();
    for (const char* name : {"a.md", "b.txt", "d/g.md", "d/t", "d/s/h.md", "d/s/k"})
        world.write(name, name);
    CHECK(built(world,
                "FROM tiny\n"
                "COPY --exclude=*.md d /1\n"
                "COPY --exclude=d/*.md d /2\n"
                "COPY --exclude=**/*.md d /3\n"
                "COPY --exclude=s --exclude=!s/k d /4\n"
                "COPY --exclude=*.md *.* /5/\n"
                "COPY --exclude=*.md a.md /6\n",
                "cd /; find 1 2 3 4 5 6 -type f | sort") ==
          "1/s/h.md\n1/s/k\n1/t\n2/g.md\n2/s/h.md\n2/s/k\n2/t\n3/s/k\n3/t\n4/g.md\n4/s/k\n4/t\n5/b.txt\n6");
}

TEST_CASE("build: a wildcard may match nothing") {
    World world;
    world.tiny_image();
    world.write("a", "a");
    world.write("Dockerfile", "FROM tiny\nCOPY missing* /there/\nCOPY a missing* /here/\n");
    const Run result = world.berth({"build", "-t", "some", "."});
    CAPTURE(result.err);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.err, ContainsSubstring("line 2") && ContainsSubstring("missing*"));
    CHECK(world.ok({"run", "--rm", "some", "/bin/sh", "-c", "ls -d /there /here/a 2>/dev/null || true"}) ==
          "/here/a");
}

TEST_CASE("build: of ARG and ENV the later one counts") {
    World world;
    world.tiny_image();
    CHECK(built(world,
                "FROM tiny\n"
                "ENV A=env\n"
                "ARG A=arg\n"
                "ENV B=$A\n"
                "RUN echo $A > /1\n"
                "ENV A=env2\n"
                "ARG A\n"
                "ENV C=$A\n"
                "RUN echo $A > /2\n"
                "ARG TARGETSTAGE\n"
                "ENV D=$TARGETSTAGE\n",
                "cat /1 /2; echo $A $B $C $D") == "arg\nenv2\nenv2 arg env2 default");
    CHECK(built(world, "FROM tiny\nENV A=env\nARG A=arg\nRUN echo $A > /1\n", "cat /1; echo $A",
                {"--build-arg", "A=given"}) == "given\nenv");
}

TEST_CASE("build: folders that WORKDIR makes belong to the stage's user") {
    World world;
    world.tiny_image();
    CHECK(built(world, "FROM tiny\nUSER app\nWORKDIR /p/q\nUSER 7\nWORKDIR /r\nARG NONE\nWORKDIR $NONE\n",
                "stat -c %u:%g /p /p/q /r; pwd") == "1000:1000\n1000:1000\n7:7\n/r");
}

TEST_CASE("build: caches of one name for different owners are different caches") {
    World world;
    world.tiny_image();
    CHECK(built(world,
                "FROM tiny\n"
                "RUN --mount=type=cache,target=/c,id=one touch /c/roots\n"
                "RUN --mount=type=cache,target=/c,id=one,uid=1000,mode=0700 stat -c %a:%u /c > /said; ls /c "
                ">> /said\n"
                "RUN --mount=type=cache,target=/c,id=one ls /c >> /said\n",
                "cat /said") == "700:1000\nroots");
}

TEST_CASE("build: history and configuration as Docker writes them") {
    World world;
    world.tiny_image();
    world.write("a", "a");
    world.write("Dockerfile", "FROM scratch\nWORKDIR /w\nCOPY a .\nONBUILD RUN true\n");
    world.ok({"build", "-q", "-t", "plain", "."});
    CHECK(world.ok({"history", "--format", "{{.CreatedBy}}", "plain"}) == "COPY a .\nWORKDIR /w");
    world.write("Dockerfile", "FROM scratch\nCOPY a /a\n");
    world.ok({"build", "-q", "-t", "plain", "."});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Config.WorkingDir}}", "plain"}) == "/");
}
