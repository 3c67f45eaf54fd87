// Where a build's files come from besides a folder: addresses, git repositories, named contexts, foreign platforms.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"
#include "tests/system/cli/server.hpp"

#include <filesystem>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// A bare repository served as git://127.0.0.1/repo.git: master has "one", the branch "next" has "two", tag v1 is master.
std::string make_repository(World& world) {
    const auto tree = world.project() + "/tree";
    world.write("tree/sub/Dockerfile", "FROM tiny\nCOPY . /src\nCMD cat /src/word; ls -A /src\n");
    world.write("tree/sub/word", "one\n");
    world.write("tree/Dockerfile", "FROM tiny\nCOPY . /src\nCMD ls -A /src\n");
    const Run made = host("sh", {"-ec", "cd " + tree + R"(
        export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t HOME=/nonexistent
        git init -q -b master . && git add . && git commit -qm one && git tag v1
        git checkout -q -b next && echo two > sub/word && git commit -qam two && git checkout -q master
        git clone -q --bare . ../served/repo.git && touch ../served/repo.git/git-daemon-export-ok
        git rev-parse next)"});
    REQUIRE(made.exit_code == 0);
    return made.out.substr(0, 40);
}

} // namespace

TEST_CASE("build URL: what is at an address is a tar or a Dockerfile; anything else is refused") {
    World world;
    world.tiny_image();
    world.write("web/Dockerfile", "FROM tiny\nRUN echo typed > /said\nCMD cat /said\n");
    world.write("web/sub.Dockerfile", "FROM tiny\nCMD echo local\n");
    world.write("web/zeros", std::string(2000, '\0'));
    world.write("context/Dockerfile", "FROM tiny\nCOPY . /src\nCMD ls /src\n");
    world.write("context/other.Dockerfile", "FROM tiny\nCMD echo other\n");
    world.write("context/.dockerignore", "*.log\n");
    world.write("context/a.log", "no\n");
    const auto web = world.project() + "/web";
    REQUIRE(host("sh", {"-ec", "cd " + world.project() +
                                   "/context && tar -cf ../web/a.tar . && tar -czf ../web/a.tgz . && tar "
                                   "--zstd -cf ../web/a.tzst ."})
                .exit_code == 0);
    const Server server("busybox", {"httpd", "-f", "-p", "127.0.0.1:8800", "-h", web}, 8800);
    const std::string base = "http://127.0.0.1:8800/";
    struct Case {
        const char* path;
        const char* says;
    };
    for (const auto& bad : {Case{"missing.tar", "404"}, Case{"zeros", "neither a tar nor a Dockerfile"},
                            Case{"repo.git?reff=x", "unexpected query"}}) {
        const Run result = world.berth({"build", "-t", "bad", base + bad.path});
        CAPTURE(bad.path, result.err);
        CHECK(result.exit_code == 1);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK(world.berth({"image", "inspect", "bad"}).exit_code == 1);
    }
    CHECK_THAT(world.berth({"build", "http://127.0.0.1:8801/x.tar"}).err,
               ContainsSubstring("127.0.0.1:8801"));
    for (const char* tar : {"a.tar", "a.tgz", "a.tzst"}) {
        world.ok({"build", "-q", "-t", "packed", base + tar});
        CHECK(world.ok({"run", "--rm", "packed"}) == "Dockerfile\nother.Dockerfile");
    }
    world.ok({"build", "-q", "-t", "other", "-f", "other.Dockerfile", base + "a.tgz"});
    CHECK(world.ok({"run", "--rm", "other"}) == "other");
    world.ok({"build", "-q", "-t", "local", "-f", web + "/sub.Dockerfile", base + "a.tgz"});
    CHECK(world.ok({"run", "--rm", "local"}) == "local");
    world.ok({"build", "-q", "-t", "typed", base + "Dockerfile"});
    CHECK(world.ok({"run", "--rm", "typed"}) == "typed");
    world.ok({"build", "-q", "-t", "fetched", "-f", base + "Dockerfile", "context"});
    CHECK(world.ok({"run", "--rm", "fetched"}) == "typed");
}

TEST_CASE("build GIT: reference, folder and commit, by fragment or query") {
    World world;
    world.tiny_image();
    const auto next = make_repository(world);
    const Server server("git",
                        {"daemon", "--listen=127.0.0.1", "--port=9418",
                         "--base-path=" + world.project() + "/served", "--reuseaddr",
                         world.project() + "/served"},
                        9418);
    const std::string url = "git://127.0.0.1/repo.git";
    struct Case {
        std::string query;
        const char* says;
    };
    for (const auto& bad :
         {Case{"?ref=nowhere", "nowhere"}, Case{"?subdir=nowhere", "nowhere"},
          Case{"?tag=v1&checksum=" + next, "it is at commit"}, Case{"?tag=a&branch=b", "exclude"}}) {
        const Run result = world.berth({"build", "-t", "bad", url + bad.query});
        CAPTURE(bad.query, result.err);
        CHECK(result.exit_code == 1);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
    }
    const auto said = [&](const std::string& query) {
        world.ok({"build", "-q", "-t", "git", url + query});
        return world.ok({"run", "--rm", "git"});
    };
    CHECK(said("#master:sub") == "one\nDockerfile\nword");
    CHECK(said("?branch=next&subdir=sub") == "two\nDockerfile\nword");
    CHECK(said("?tag=v1&subdir=sub") == "one\nDockerfile\nword");
    CHECK(said("?ref=next&subdir=sub&checksum=" + next.substr(0, 12)) == "two\nDockerfile\nword");
    CHECK(said("?commit=" + next + "&subdir=sub") == "two\nDockerfile\nword");
    CHECK(said("") == "Dockerfile\nsub");
    world.ok({"build", "-q", "-t", "git", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", url});
    CHECK(world.ok({"run", "--rm", "git"}) == ".git\nDockerfile\nsub");
}

TEST_CASE("build --build-context: folders, images, layouts, addresses and git repositories") {
    World world;
    world.tiny_image();
    (void)make_repository(world);
    world.write("files/f", "folder\n");
    world.write("files/.dockerignore", "skipped\n");
    world.write("files/skipped", "no\n");
    world.write("web/download.txt", "address\n");
    world.write("app/Dockerfile", "FROM tiny AS base\nRUN echo mine > /who\nFROM base\nCMD cat /who\n");
    world.write(
        "all/Dockerfile",
        "FROM no/such:image\nCOPY --from=files . /files\nCOPY --from=web download.txt /web\nCOPY --from=git "
        "sub/word /git\nCOPY --from=laid /who /laid\nCMD cat /files/f /web /git /laid; ls /files\n");
    const Server web("busybox", {"httpd", "-f", "-p", "127.0.0.1:8800", "-h", world.project() + "/web"},
                     8800);
    const Server git("git",
                     {"daemon", "--listen=127.0.0.1", "--port=9418",
                      "--base-path=" + world.project() + "/served", "--reuseaddr",
                      world.project() + "/served"},
                     9418);
    world.ok({"build", "-q", "-t", "app:v1", "-o", "type=oci,dest=layout,tar=false", "app"});
    struct Case {
        const char* value;
        const char* says;
    };
    for (const auto& bad :
         {Case{"x=oci-layout://"
               "nowhere",
               "nowhere"},
          Case{"x=oci-layout://layout:v2", "it has no image 'v2'"},
          Case{"x=/no/such/folder", "/no/such/folder"}, Case{"x=ftp://h/x", "no known kind"},
          Case{"x=http://127.0.0.1:8800/missing", "404"},
          Case{"x=git://127.0.0.1/missing.git", "missing.git"}, Case{"x=target:y", "bake"},
          Case{"x=docker-image://no/such", "no/such"}, Case{"x", "x"}}) {
        const Run result = world.berth({"build", "-t", "bad", "--build-context", bad.value, "-"},
                                       "FROM tiny\nCOPY --from=x . /x\n");
        CAPTURE(bad.value, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
    }
    world.ok({"build", "-q", "-t", "all", "--build-context", "no/such:image=docker-image://tiny",
              "--build-context", "files=files", "--build-context", "web=http://127.0.0.1:8800/download.txt",
              "--build-context", "git=git://127.0.0.1/repo.git?branch=next", "--build-context",
              "laid=oci-layout://layout:v1", "all"});
    CHECK(world.ok({"run", "--rm", "all"}) == "folder\naddress\ntwo\nmine\nf");
    // A layout as base, and a context in place of a stage. The layout's image gets no name here.
    world.ok({"build", "-q", "-t", "above", "--build-context", "laid=oci-layout://layout", "-"},
             "FROM laid\nRUN echo more >> /who\n");
    CHECK(world.ok({"run", "--rm", "above"}) == "mine\nmore");
    world.ok({"build", "-q", "-t", "other", "--build-context", "base=docker-image://above", "app"});
    CHECK(world.ok({"run", "--rm", "other"}) == "mine\nmore");
    CHECK(world.berth({"image", "inspect", "app:v1"}).exit_code == 1);
}

TEST_CASE("build: a stage for another platform gives its files, but runs nothing") {
    World world;
    world.tiny_image();
    const std::string foreign = host("uname", {"-m"}).out == "x86_64\n" ? "linux/s390x" : "linux/amd64";
    const Run refused =
        world.berth({"build", "-t", "bad", "-"}, "FROM --platform=" + foreign + " scratch\nRUN [\"/x\"]\n");
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err,
               ContainsSubstring("do not run on this machine") && ContainsSubstring("Dockerfile:2"));
    world.write("Dockerfile",
                "FROM --platform=" + foreign +
                    " scratch AS other\nCOPY file /file\nFROM tiny\nCOPY --from=other /file /file\n");
    world.write("file", "foreign\n");
    world.ok({"build", "-q", "-t", "mixed", "."});
    CHECK(world.ok({"run", "--rm", "mixed", "cat", "/file"}) == "foreign");
    world.ok({"build", "-q", "-t", "whole", "--platform", foreign, "--target", "other", "."});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "whole"}) == foreign);
}

TEST_CASE("compose build: additional contexts of a service, a layout and an image, built in their order") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n"
                                "  web:\n    image: web\n    command: cat /who\n    build:\n      "
                                "dockerfile_inline: |\n        FROM base\n        RUN echo web >> /who\n"
                                "      additional_contexts:\n        base: service:base\n"
                                "  base:\n    image: base\n    build:\n      dockerfile_inline: |\n        "
                                "FROM other\n        RUN echo base > /who\n"
                                "      additional_contexts:\n        other: docker-image://tiny\n");
    world.compose_ok({"build", "web"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/who"}) == "base\nweb");
}
