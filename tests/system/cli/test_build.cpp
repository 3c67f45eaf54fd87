#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("build: what is wrong is said with its line, and no image appears") {
    World world;
    world.tiny_image();
    struct Case {
        const char* dockerfile;
        const char* says;
    };
    for (const auto& bad :
         {Case{"FROM tiny\nRUNN true\n", "Dockerfile:2:1"}, Case{"FROM tiny\nCOPY missing /x\n", "missing"},
          Case{"FROM no/such:base\n", "no/such:base"}, Case{"FROM tiny\nRUN echo some words; exit 7\n", "7"},
          Case{"RUN true\n", "FROM"}, Case{"FROM tiny\nCOPY --from=nowhere /a /b\n", "nowhere"},
          Case{"FROM tiny AS one\nCOPY --nope=1 a b\n", "nope"}, Case{"", "Dockerfile"}}) {
        world.write("Dockerfile", bad.dockerfile);
        const Run result = world.berth({"build", "-t", "bad", "."});
        CAPTURE(bad.dockerfile, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK(world.berth({"image", "inspect", "bad"}).exit_code == 1);
        CHECK(world.ok({"ps", "-aq"}).empty());
    }
}

TEST_CASE("build: every instruction of a usual Dockerfile") {
    World world;
    world.tiny_image();
    world.write("parts/a/f.txt", "f");
    world.write(".dockerignore", "*.log\n!keep.log\n");
    world.write("app.txt", "the app\n");
    world.write("skip.log", "no\n");
    world.write("keep.log", "yes\n");
    world.write("Dockerfile", "ARG BASE=tiny\n"
                              "FROM ${BASE} AS maker\n"
                              "ARG WHO=world\n"
                              "RUN echo made for $WHO > /made.txt && chmod 640 /made.txt\n"
                              "FROM tiny\n"
                              "LABEL who=\"me\" purpose=test\n"
                              "ENV COLOUR=blue SHADE=\"dark ${COLOUR:-none}\"\n"
                              "WORKDIR /srv\n"
                              "COPY . files/\n"
                              "COPY --parents parts ./parts/./a /kept/\n"
                              "RUN find /kept -type f | sort > /kept.txt\n"
                              "COPY --from=maker --chown=1000:1000 /made.txt /made.txt\n"
                              "RUN [\"/bin/sh\", \"-c\", \"echo exec form > /exec.txt\"]\n"
                              "USER app\n"
                              "RUN id -un > /tmp/who\n"
                              "EXPOSE 80/tcp\n"
                              "VOLUME /data\n"
                              "STOPSIGNAL SIGINT\n"
                              "HEALTHCHECK --interval=5s CMD true\n"
                              "ENTRYPOINT [\"/bin/sh\", \"-c\"]\n"
                              "CMD [\"echo $COLOUR; cat /made.txt /exec.txt /tmp/who /kept.txt; ls files; "
                              "pwd; stat -c %U:%a /made.txt\"]\n");
    world.ok({"build", "-t", "app:1", "--build-arg", "WHO=tests", "."});
    CHECK(
        world.ok({"run", "--rm", "app:1"}) ==
        "blue\nmade for tests\nexec "
        "form\napp\n/kept/a/f.txt\n/kept/parts/a/f.txt\nDockerfile\napp.txt\nkeep.log\nparts\n/srv\napp:640");
    CHECK(world.ok({"image", "inspect", "--format", "{{.Config.StopSignal}} {{.Config.Labels.purpose}}",
                    "app:1"}) == "SIGINT test");
    const std::string first = world.ok({"image", "inspect", "--format", "{{.Id}}", "app:1"});
    const Run again = world.berth({"build", "-t", "app:2", "--build-arg", "WHO=tests", "."});
    CHECK(again.exit_code == 0);
    CHECK_THAT(again.err + again.out, ContainsSubstring("CACHED"));
    CHECK(world.ok({"image", "inspect", "--format", "{{.Id}}", "app:2"}) == first);
    world.write("app.txt", "changed\n");
    world.ok({"build", "-t", "app:3", "--build-arg", "WHO=tests", "."});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Id}}", "app:3"}) != first);
}

TEST_CASE("build -: a tar or a Dockerfile on standard input") {
    World world;
    world.tiny_image();
    world.ok({"build", "-q", "-t", "typed", "-"}, "FROM tiny\nRUN echo typed > /said\nCMD cat /said\n");
    CHECK(world.ok({"run", "--rm", "typed"}) == "typed");
    CHECK(world.berth({"build", "-"}, "FROM tiny\nNOSUCH x\n").exit_code == 1);
    world.write("context/Dockerfile", "FROM tiny\nCOPY file /file\nCMD cat /file\n");
    world.write("context/file", "packed\n");
    const std::string berth = BERTH_PROGRAM;
    const Run packed =
        host("sh", {"-c", "cd " + world.project() + "/context && tar -cf - . | BERTH_DATA_ROOT=" +
                              world.paths().data_root() + " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                              " " + berth + " build -q -t packed -"});
    CHECK(packed.exit_code == 0);
    CHECK(world.ok({"run", "--rm", "packed"}) == "packed");
}

TEST_CASE("COPY --link: folders that are there below stay as they are, whatever layers the copy was made on "
          "before") {
    World world;
    world.tiny_image();
    world.write("file", "linked\n");
    world.write("Dockerfile", "ARG BASE\nFROM $BASE\nCOPY --link --chown=app file /a/b/file\n");
    for (const auto& [base, command] : {std::pair{"open", "mkdir -m 1777 /a"},
                                        {"open-too", "mkdir -m 1777 /a && touch /more"},
                                        {"none", "touch /only"},
                                        {"shut", "mkdir -p /a/b && chmod 750 /a/b"}})
        world.ok({"build", "-q", "-t", base, "-"}, concat("FROM tiny\nRUN ", command, "\n"));
    const auto folders = [&](const std::string& base, const std::string& how) {
        const Run built = world.berth({"build", "-t", "made", "--build-arg", "BASE=" + base, "."});
        CAPTURE(base);
        CHECK_THAT(built.err, ContainsSubstring("COPY --link --chown=app file /a/b/file  " + how));
        return world.ok({"run", "--rm", "made", "stat", "-c", "%n %U %a", "/a", "/a/b", "/a/b/file"});
    };
    CHECK(folders("open", "DONE") == "/a root 1777\n/a/b app 755\n/a/b/file app 644");
    CHECK(folders("open-too", "CACHED") == "/a root 1777\n/a/b app 755\n/a/b/file app 644");
    CHECK(folders("none", "DONE") == "/a app 755\n/a/b app 755\n/a/b/file app 644");
    CHECK(folders("shut", "DONE") == "/a root 755\n/a/b root 750\n/a/b/file app 644");
}

TEST_CASE(
    "COPY --chmod: a number holds for the folders that are made on the way too, without its special bits") {
    World world;
    world.tiny_image();
    world.write("tree/sub/file", "x\n");
    const auto modes = [&](const std::string& mode, const std::string& source) {
        world.write("Dockerfile", concat("FROM tiny\nCOPY --chmod=", mode, " ", source, " /a/b/\n"));
        world.ok({"build", "-q", "-t", "made", "."});
        return world.ok({"run", "--rm", "made", "sh", "-c", "find /a | sort | xargs stat -c '%n %a'"});
    };
    CHECK(modes("4711", "tree") == "/a 711\n/a/b 711\n/a/b/sub 4711\n/a/b/sub/file 4711");
    CHECK(modes("700", "tree/sub/file") == "/a 700\n/a/b 700\n/a/b/file 700");
    CHECK(modes("go-rwx", "tree") == "/a 755\n/a/b 755\n/a/b/sub 700\n/a/b/sub/file 600");
}

TEST_CASE("COPY --link: its layer is the same, and taken again, whatever is below") {
    World world;
    world.tiny_image();
    world.write("file", "linked\n");
    world.write(
        "Dockerfile",
        "ARG BASE\nFROM $BASE\nCOPY --link --chown=app file /way/file\nRUN cat /way/file /base > /both\n");
    for (const char* base : {"one", "two"})
        world.ok({"build", "-q", "-t", base, "-"},
                 std::string("FROM tiny\nRUN echo ") + base + " > /base && ln -s /tmp /way\n");
    CHECK_THAT(world
                   .berth({"build", "-t", "bad", "--build-arg", "BASE=one", "-"},
                          "ARG BASE\nFROM $BASE\nCOPY --link --chown=nobody-knows file /x\n")
                   .err,
               ContainsSubstring("Dockerfile:3"));
    const auto layer = [&](const std::string& base) {
        const Run built = world.berth({"build", "-t", "on-" + base, "--build-arg", "BASE=" + base, "."});
        CHECK(built.exit_code == 0);
        CHECK(world.ok({"run", "--rm", "on-" + base, "cat", "/both"}) == "linked\n" + base);
        CHECK(world.ok({"run", "--rm", "on-" + base, "stat", "-c", "%U %F", "/way/file", "/way"}) ==
              "app regular file\napp directory");
        return std::pair(built.err, world.ok({"image", "inspect", "--format", "{{index .RootFS.Layers 2}}",
                                              "on-" + base}));
    };
    const auto first = layer("one");
    CHECK_THAT(first.first, ContainsSubstring("COPY --link --chown=app file /way/file  DONE"));
    const auto second = layer("two");
    CHECK_THAT(second.first, ContainsSubstring("COPY --link --chown=app file /way/file  CACHED"));
    CHECK(first.second == second.second);
    // The layers share their files: each stands alone when the other is gone.
    world.ok({"rmi", "on-one", "one"});
    world.ok({"builder", "prune", "-af"});
    CHECK(world.ok({"run", "--rm", "on-two", "cat", "/both"}) == "linked\ntwo");
    world.ok({"save", "-o", "saved.tar", "on-two"});
}
