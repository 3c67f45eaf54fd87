// The flags of `berth build` beyond the usual ones.
#include "runtime/base/file.hpp"
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
    for (const auto& bad :
         {Case{{"--secret", "id=a,sorce=x"}, "sorce"}, Case{{"--ssh", "default=/etc/passwd"}, "agent"},
          Case{{"--platform", "linux/amd64,linux/arm64"}, "several platforms"},
          Case{{"--call", "guess"}, "outline"}, Case{{"--squash"}, "squash"},
          Case{{"--policy", "filename=x"}, "policy"}, Case{{"--resource", "memry=1g"}, "memry"},
          Case{{"--allow", "everything"}, "security.insecure"},
          Case{{"--attest", "type=sbom"}, "attestations"}, Case{{"--ulimit", "nofile"}, "ulimit"},
          Case{{}, "not allowed"}}) {
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
    world.write("Dockerfile", "# VERSION of the tool\nARG VERSION=1\nFROM tiny AS base\nARG VERSION\nRUN "
                              "--mount=type=secret,id=token,required false\nCMD run\n");
    const Run found = world.berth({"build", "--check", "."});
    CHECK(found.exit_code == 1);
    CHECK(found.out ==
          "Check complete, 1 warning has been found!\n\n"
          "WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
          "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals\n"
          "Dockerfile:6\n--------------------\n"
          "   4 |     ARG VERSION\n   5 |     RUN --mount=type=secret,id=token,required false\n   6 | >>> "
          "CMD run\n   7 |     \n"
          "--------------------\n");
    CHECK_THAT(world.berth({"build", "--call=check,format=json", "."}).out,
               ContainsSubstring("\"ruleName\": \"JSONArgsRecommended\""));
    const Run clean = world.berth({"build", "--check", "-"}, "FROM tiny\nRUN false\n");
    CHECK(clean.exit_code == 0);
    CHECK(clean.out == "Check complete, no warnings found.\n");
    CHECK(world.ok({"build", "--call=outline", "."}) ==
          "TARGET: base\n\nBUILD ARG   VALUE   DESCRIPTION\nVERSION     1       \n\nSECRET   REQUIRED\ntoken "
          "   true\n");
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
    world.ok({"build", "-t", "flags", "--secret", "id=API_TOKEN", "--ulimit", "nofile=77:77", "--allow",
              "security.insecure", "--resource", "memory=64m", "."});
    CHECK(world.ok({"run", "--rm", "flags", "cat", "/said", "/files"}) == "hush77");
    CHECK_THAT(world.ok({"run", "--rm", "flags", "cat", "/caps"}), ContainsSubstring("ffff"));
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("build --no-cache-filter runs the steps of one stage again") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny AS first\nRUN cat /proc/sys/kernel/random/uuid > /a\nFROM tiny\nRUN "
                              "cat /proc/sys/kernel/random/uuid > /b\nCOPY --from=first /a /a\n");
    world.ok({"build", "-t", "one", "."});
    world.ok({"build", "-t", "two", "--no-cache-filter", "first", "."});
    CHECK(world.ok({"run", "--rm", "one", "cat", "/b"}) == world.ok({"run", "--rm", "two", "cat", "/b"}));
    CHECK(world.ok({"run", "--rm", "one", "cat", "/a"}) != world.ok({"run", "--rm", "two", "cat", "/a"}));
}

namespace {

void write_two_stages(World& world) {
    world.write("word", "hello\n");
    world.write("Dockerfile", "FROM tiny AS maker\nRUN cat /proc/sys/kernel/random/uuid > /made\nFROM "
                              "tiny\nCOPY word /word\nCOPY --from=maker /made /made\nRUN chown 1000 /made\n");
}

} // namespace

TEST_CASE("build --output: wrong ones are refused before anything is built") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN false\n");
    struct Case {
        std::vector<std::string> flags;
        const char* says;
    };
    for (const auto& bad :
         {Case{{"-o", "type=floppy,dest=x"}, "local, tar, oci"}, Case{{"-o", "dest=x"}, "type is required"},
          Case{{"-o", "type=local"}, "dest= is missing"}, Case{{"--add-host", "foo"}, "NAME:ADDRESS"},
          Case{{"-o", "type=oci,dest=x,compression=lzma"}, "compression"}, Case{{"--push"}, "tag is needed"},
          Case{{"-o", "out", "--iidfile", "x"}, "incompatible"}, Case{{"--annotation", "a=b"}, "manifest"},
          Case{{"--annotation", "index:a=b", "-o", "type=oci,dest=x"}, "index"},
          Case{{"--annotation", "a", "-o", "type=oci,dest=x"}, "key=value"},
          Case{{"--cache-to", "type=gha"}, "service"}, Case{{"--cache-to", "type=s3,bucket=b"}, "service"},
          Case{{"--cache-to", "type=local"}, "dest="}, Case{{"--cache-from", "type=inline"}, "unknown type"},
          Case{{"--cache-to", "type=local,dest=x,mode=most"}, "min or max"}}) {
        auto words = bad.flags;
        words.insert(words.begin(), "build");
        words.emplace_back(".");
        const Run result = world.berth(words);
        CAPTURE(bad.says, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK_THAT(result.err, !ContainsSubstring("exit code: 1"));
    }
}

TEST_CASE("build --output: folders, archives, and the store only when it is asked for") {
    World world;
    world.tiny_image();
    write_two_stages(world);
    world.ok({"build", "-t", "result", "-o", "out", "."});
    CHECK(world.berth({"image", "inspect", "result"}).exit_code == 1);
    CHECK(host("stat", {"-c", "%a %u %s", world.project() + "/out/word"}).out == "644 0 6\n");
    CHECK(host("stat", {"-c", "%u", world.project() + "/out/made"}).out == "0\n"); // the caller's, not 1000
    const Run tar = world.berth({"build", "-q", "-o", "-", "."});
    CHECK(tar.exit_code == 0);
    CHECK_THAT(tar.out, ContainsSubstring("ustar"));
    world.ok({"build", "-t", "result:1", "-o", "type=oci,dest=image.tar", "--annotation", "made.by=test",
              "--metadata-file", "about.json", "."});
    CHECK_THAT(host("tar", {"-xOf", world.project() + "/image.tar", "index.json"}).out,
               ContainsSubstring("docker.io/library/result:1"));
    CHECK_THAT(host("cat", {world.project() + "/about.json"}).out,
               ContainsSubstring("\"image.name\": \"docker.io/library/result:1\"") &&
                   ContainsSubstring("containerimage.descriptor"));
    world.ok({"build", "-o", "type=oci,dest=layout,tar=false,compression=uncompressed", "."});
    CHECK_THAT(host("ls", {world.project() + "/layout"}).out, ContainsSubstring("index.json"));
    world.ok({"build", "-t", "result:2", "-o", "type=docker,dest=docker.tar", "."});
    CHECK(world.berth({"image", "inspect", "result:2"}).exit_code == 1);
    world.ok({"load", "-i", world.project() + "/docker.tar"});
    CHECK(world.ok({"run", "--rm", "result:2", "cat", "/word"}) == "hello");
    CHECK_THAT(host("ls", {world.project()}).out, !ContainsSubstring(".new"));
    world.ok({"build", "-o", "type=cacheonly", "-t", "result:3", "."});
    CHECK(world.berth({"image", "inspect", "result:3"}).exit_code == 1);
    world.ok({"build", "--load", "-t", "result:3", "."});
    CHECK(world.ok({"run", "--rm", "result:3", "cat", "/word"}) == "hello");
}

TEST_CASE("build --cache-to and --cache-from: a folder carries the steps to another store") {
    World world;
    world.tiny_image();
    write_two_stages(world);
    world.ok({"save", "-o", "tiny.tar", "tiny"});
    world.ok({"build", "-t", "here", "--cache-to", "type=local,dest=cache,mode=max", "."});
    const auto made = world.ok({"run", "--rm", "here", "cat", "/made"});
    const auto elsewhere = [&](const std::string& name, std::vector<std::string> words) {
        words.insert(words.begin(), {"--data-root", world.project() + "/" + name});
        return world.berth(words);
    };
    for (const char* name : {"second", "third"})
        CHECK(elsewhere(name, {"load", "-i", "tiny.tar"}).exit_code == 0);
    const Run built =
        elsewhere("second", {"build", "-t", "there", "--cache-from", "type=local,src=cache", "."});
    CHECK(built.exit_code == 0);
    CHECK_THAT(built.err, ContainsSubstring("6 cached"));
    CHECK(elsewhere("second", {"run", "--rm", "there", "cat", "/made"}).out == made + "\n");
    const Run missing = elsewhere("second", {"build", "--cache-from", "type=local,src=/no/such/cache", "."});
    CHECK(missing.exit_code == 0);
    CHECK_THAT(missing.err, ContainsSubstring("no cache from /no/such/cache"));
    CHECK(elsewhere("second", {"build", "--cache-from", "/no/such/cache", "."}).exit_code !=
          0); // no reference
    // Blobs that were tampered with are not taken.
    host("sh", {"-c", "for f in " + world.project() + "/cache/blobs/sha256/*; do echo x >> $f; done"});
    const Run damaged =
        elsewhere("third", {"build", "-t", "own", "--cache-from", "type=local,src=cache", "."});
    CHECK(damaged.exit_code == 0);
    CHECK_THAT(damaged.err, ContainsSubstring("damaged"));
    CHECK(elsewhere("third", {"run", "--rm", "own", "cat", "/made"}).out != made + "\n");
}

TEST_CASE("compose build: secrets, privileges and caches of the build section") {
    World world;
    world.tiny_image();
    world.set_env("API_TOKEN", "hush");
    world.write("Dockerfile", "FROM tiny\nRUN --mount=type=secret,id=token cat /run/secrets/token > "
                              "/said\nRUN --security=insecure true\n");
    const std::string head = "services:\n  web:\n    image: web\n    command: cat /said\n    build:\n      "
                             "context: .\n      secrets: [token]\n";
    const std::string tail = "secrets:\n  token:\n    environment: API_TOKEN\n";
    world.write("compose.yaml", head + "      ssh: [\"default=/no/such/socket\"]\n" + tail);
    const Run refused = world.compose({"build"});
    CHECK(refused.exit_code != 0);
    CHECK_THAT(refused.err, ContainsSubstring("/no/such/socket") && ContainsSubstring("compose.yaml:"));
    world.write("compose.yaml",
                head +
                    "      entitlements: [security.insecure]\n      cache_to: [\"type=local,dest=cache\"]\n  "
                    "    cache_from: [\"type=local,src=cache\"]\n" +
                    tail);
    world.compose_ok({"build"});
    CHECK(world.ok({"run", "--rm", "web", "cat", "/said"}) == "hush");
    CHECK_THAT(host("ls", {world.project() + "/cache"}).out, ContainsSubstring("index.json"));
}

TEST_CASE("builder prune --keep-storage drops what was used longest ago, and keeps the rest") {
    World world;
    world.tiny_image();
    write_two_stages(world);
    world.ok({"build", "-t", "kept", "."});
    CHECK(world.berth({"builder", "prune", "-f", "--keep-storage", "much"}).exit_code != 0);
    CHECK(world.ok({"builder", "prune", "-f", "--keep-storage", "1GB"}) == "Total:\t0B");
    CHECK_THAT(world.berth({"build", "."}).err, ContainsSubstring("6 cached"));
    CHECK(world.ok({"builder", "prune", "-f", "--min-free-space", "1"}) == "Total:\t0B");
    CHECK(world.ok({"builder", "prune", "-f", "--min-free-space", "4096TB", "--reserved-space", "1GB"}) ==
          "Total:\t0B");
    CHECK(world.ok({"builder", "prune", "-f", "--min-free-space", "4096TB"}) != "Total:\t0B");
    CHECK_THAT(world.berth({"build", "."}).err, !ContainsSubstring("6 cached"));
    CHECK(world.ok({"run", "--rm", "kept", "cat", "/word"}) == "hello");
}

TEST_CASE("builder prune and system prune leave what a running build works with") {
    World world;
    world.tiny_image();
    write_two_stages(world);
    for (const auto& prune :
         {std::vector<std::string>{"builder", "prune", "-f"}, {"system", "prune", "-f"}}) {
        CAPTURE(prune);
        world.ok({"build", "-t", "kept", "."});
        // As a step with --mount=type=cache holds it.
        const std::string mount = world.paths().build() + "/mounts/held";
        REQUIRE(make_dirs(mount));
        REQUIRE(write_atomic(mount + "/file", "in use"));
        {
            const auto lock = FileLock::acquire(mount + "/lock");
            REQUIRE(lock);
            world.ok(prune);
            CHECK(path_exists(mount + "/file"));
        }
        CHECK_THAT(world.berth({"build", "."}).err, !ContainsSubstring("6 cached"));
        world.ok(prune);
        CHECK_FALSE(path_exists(mount));
        CHECK(world.ok({"run", "--rm", "kept", "cat", "/word"}) == "hello");
    }
}
