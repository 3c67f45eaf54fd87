// RUN --mount as BuildKit has it: where a mount goes that is written shortly, what may be done in it, and that nothing of
// it is left in the image; and the little world that a RUN finds.
#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// What `command` says in an image of this Dockerfile; the build itself must have nothing to warn of.
std::string built(World& world, const std::string& dockerfile, const std::string& command) {
    world.write("Dockerfile", dockerfile);
    const Run build = world.berth({"build", "--progress=plain", "-t", "made", "."});
    CAPTURE(build.err);
    REQUIRE(build.exit_code == 0);
    CHECK_THAT(build.err, !ContainsSubstring("warning"));
    return world.ok({"run", "--rm", "--network", "none", "made", "sh", "-c", command});
}

} // namespace

TEST_CASE("build: a mount without a target, or on \".\", is on the working folder") {
    World world;
    world.tiny_image();
    world.write("note", "from the context");
    CHECK(built(world,
                "FROM tiny\nWORKDIR /w\n"
                "RUN --mount=type=bind,target=. cat note > /one\n"
                "RUN --mount=type=bind cat note > /two\n"
                "RUN --mount=type=tmpfs touch gone && ls > /three\n",
                "cat /one /two /three; ls /w") == "from the contextfrom the contextgone");
    world.write("Dockerfile", "FROM tiny\nRUN --mount=target=. true\n");
    const Run root = world.berth({"build", "."});
    CHECK(root.exit_code == 1);
    CHECK_THAT(root.err,
               ContainsSubstring("nothing can be mounted on /") && ContainsSubstring("Dockerfile:2:13"));
}

TEST_CASE("build: a bind mount is written to when it is asked to, and what was written is nobody's") {
    World world;
    world.tiny_image();
    world.write("src/a", "a");
    CHECK(built(world,
                "FROM tiny\n"
                "RUN --mount=source=src,target=/s sh -c 'touch /s/b 2>/dev/null || echo refused > /said'\n"
                "RUN --mount=source=src,target=/s,ro=false touch /s/b && ls /s >> /said\n"
                "RUN --mount=source=src,target=/s,rw touch /s/c && ls /s >> /said\n",
                "cat /said; [ ! -e /s ] || echo left") == "refused\na\nb\na\nc");
    CHECK(host("ls", {world.project() + "/src"}).out == "a\n");
}

TEST_CASE("build: what several steps read of one source is the same for all, and another source is another") {
    World world;
    world.tiny_image();
    world.write("src/a", "context");
    CHECK(built(world,
                "FROM tiny AS one\nRUN mkdir /src && echo stage > /src/a\nFROM tiny\n"
                "RUN --mount=source=src,target=/s cat /s/a > /said\n"
                "RUN --mount=source=src,target=/other cat /other/a >> /said\n"
                "RUN --mount=from=one,source=/src,target=/s cat /s/a >> /said\n"
                "RUN --mount=source=src/a,target=/file cat /file >> /said\n"
                "RUN --mount=source=src,target=/s,rw echo mine > /s/a && cat /s/a >> /said\n"
                "RUN --mount=source=src,target=/s cat /s/a >> /said\n",
                "cat /said") == "contextcontextstage\ncontextmine\ncontext");
}

TEST_CASE("build: programs run on a tmpfs of a step, and device nodes can be made but not opened") {
    World world;
    world.tiny_image();
    CHECK(built(world,
                "FROM tiny\n"
                "RUN --mount=type=tmpfs,target=/t cp /bin/busybox /t/echo && /t/echo ran > /said\n"
                "RUN mknod /full c 1 7 && mknod /disk b 7 200 && (cat /disk 2>/dev/null || echo denied >> "
                "/said)\n",
                "cat /said; stat -c %F /full") == "ran\ndenied\ncharacter special file");
}

TEST_CASE("build: a mount whose target a link leads elsewhere leaves nothing there") {
    World world;
    world.tiny_image();
    CHECK(built(world,
                "FROM tiny\nRUN ln -s /tmp /link && mkdir /deep && ln -s ../tmp /deep/up\n"
                "RUN --mount=type=cache,target=/link/cache --mount=type=tmpfs,target=/deep/up/a/b true\n",
                "find /tmp -mindepth 1")
              .empty());
}

TEST_CASE("build: a step can look its own host name up") {
    World world;
    world.tiny_image();
    CHECK(built(world, "FROM tiny\nRUN grep \"$(hostname)\" /etc/hosts > /said\n", "cat /said") ==
          "127.0.0.1\tbuildkitsandbox");
}
