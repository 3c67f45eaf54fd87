// What a build writes: the same bytes for the same input, in the compression and the names that are asked for.
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"
#include "tests/system/cli/server.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string sha256_of(const std::string& file) {
    return host("sha256sum", {file}).out.substr(0, 64);
}

std::string text_of(const std::string& archive, const std::string& member) {
    return host("tar", {"-xOf", archive, member}).out;
}

// The manifest that a layout's index.json names first.
std::string manifest_of(const std::string& archive) {
    const auto index = text_of(archive, "index.json");
    const auto at = index.find("sha256:");
    REQUIRE(at != std::string::npos);
    return text_of(archive, "blobs/sha256/" + index.substr(at + 7, 64));
}

void write_project(World& world) {
    world.write("word", "hello\n");
    world.write(
        "Dockerfile",
        "FROM tiny AS maker\nRUN mkdir -p /a/b && date > /a/now && rm /a/now && echo x > /a/b/c\nFROM "
        "tiny\nWORKDIR /new/folder\nCOPY word /word\nCOPY --from=maker /a /a\nRUN echo y > /y\n");
}

} // namespace

TEST_CASE("build: the same input and SOURCE_DATE_EPOCH give the same digest, made anew") {
    World world;
    world.tiny_image();
    write_project(world);
    const Run wrong = world.berth({"build", "--build-arg", "SOURCE_DATE_EPOCH=yesterday", "."});
    CHECK(wrong.exit_code != 0);
    CHECK_THAT(wrong.err, ContainsSubstring("SOURCE_DATE_EPOCH"));
    std::vector<std::string> ids, archives;
    for (const char* name : {"one", "two"}) {
        world.ok({"build", "--no-cache", "-t", "same", "--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-o",
                  std::string("type=oci,rewrite-timestamp=true,dest=") + name + ".tar", "-o", "type=image",
                  "."});
        ids.push_back(world.ok({"image", "inspect", "--format", "{{.Id}} {{.Created}}", "same"}));
        archives.push_back(sha256_of(world.project() + "/" + name + ".tar"));
    }
    CHECK(ids[0] == ids[1]);
    CHECK_THAT(ids[0], ContainsSubstring("2023-11-14T22:13:20Z"));
    CHECK(archives[0] == archives[1]);
    // Of the environment too; the argument wins.
    world.set_env("SOURCE_DATE_EPOCH", "1700000000");
    world.ok({"build", "--no-cache", "-q", "-t", "same", "."});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Id}} {{.Created}}", "same"}) == ids[0]);
    world.ok({"build", "-q", "-t", "other", "--build-arg", "SOURCE_DATE_EPOCH=1", "."});
    CHECK_THAT(world.ok({"image", "inspect", "--format", "{{.Created}}", "other"}),
               ContainsSubstring("1970-01-01T00:00:01Z"));
}

TEST_CASE("build: rewrite-timestamp without an epoch is warned of; arguments for BuildKit are obeyed") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN hostname > /name\n");
    CHECK_THAT(world.berth({"build", "-o", "type=oci,dest=x.tar,rewrite-timestamp=true", "."}).err,
               ContainsSubstring("no SOURCE_DATE_EPOCH"));
    CHECK_THAT(world.berth({"build", "-o", "type=oci,dest=x.tar,rewrite-timestamp=maybe", "."}).err,
               ContainsSubstring("non-bool value maybe"));
    world.ok({"build", "-q", "-t", "named", "."});
    CHECK(world.ok({"run", "--rm", "named", "cat", "/name"}) == "buildkitsandbox");
    const Run quiet = world.berth({"build", "-t", "named", "--build-arg", "BUILDKIT_SANDBOX_HOSTNAME=mine",
                                   "--build-arg", "BUILDKIT_BUILD_NAME=job", "."});
    CHECK(quiet.exit_code == 0);
    CHECK_THAT(quiet.err, !ContainsSubstring("not used"));
    CHECK(world.ok({"run", "--rm", "named", "cat", "/name"}) == "mine");
    world.ok({"build", "--build-arg", "BUILDKIT_MULTI_PLATFORM=1", "-o", "out", "-o", "type=tar,dest=out.tar",
              "-o", "type=oci,dest=oci.tar", "."});
    CHECK(host("sh", {"-c", "ls " + world.project() + "/out"}).out.starts_with("linux_"));
    CHECK_THAT(host("tar", {"-tf", world.project() + "/out.tar"}).out,
               ContainsSubstring("linux_") && ContainsSubstring("/name"));
    CHECK_THAT(manifest_of(world.project() + "/oci.tar"),
               ContainsSubstring("image.index.v1") && ContainsSubstring("\"os\":\"linux\""));
}

TEST_CASE("build --output: compression of layers, its level, and Docker's names for them") {
    World world;
    world.tiny_image();
    write_project(world);
    const auto file = world.project() + "/x.tar";
    struct Case {
        const char* attributes;
        const char* says;
    };
    for (const auto& bad : {Case{"compression=lzma", "unsupported compression type"},
                            Case{"compression=estargz", "estargz is not supported"},
                            Case{"compression-level=10", "no level of gzip"},
                            Case{"compression=zstd,compression-level=23", "no level of zstd"},
                            Case{"compression=uncompressed,compression-level=1", "says nothing"},
                            Case{"force-compression=perhaps", "non-bool"}}) {
        const Run result =
            world.berth({"build", "-o", std::string("type=oci,dest=x.tar,") + bad.attributes, "."});
        CAPTURE(bad.attributes, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.says));
        CHECK(host("ls", {file}).exit_code != 0);
    }
    CHECK_THAT(world.berth({"build", "--cache-to", "type=local,dest=c,compression=lzma", "."}).err,
               ContainsSubstring("unsupported compression type"));
    CHECK_THAT(world.berth({"build", "--cache-to", "type=local,dest=c,oci-mediatypes=false", "."}).err,
               ContainsSubstring("oci-mediatypes=false"));
    const auto manifest = [&](const std::string& attributes) {
        world.ok({"build", "-t", "packed", "-o", "type=oci,dest=x.tar" + attributes, "."});
        world.ok({"load", "-i", file});
        CHECK(world.ok({"run", "--rm", "packed", "cat", "/word", "/y"}) == "hello\ny");
        return manifest_of(file);
    };
    CHECK_THAT(manifest(""), ContainsSubstring("tar+gzip"));
    CHECK_THAT(manifest(",compression=gzip,compression-level=1"), ContainsSubstring("tar+gzip"));
    CHECK_THAT(manifest(",compression=uncompressed"), ContainsSubstring("layer.v1.tar\""));
    CHECK_THAT(manifest(",compression=zstd,compression-level=19"), ContainsSubstring("tar+zstd"));
    CHECK_THAT(manifest(",oci-mediatypes=false"),
               ContainsSubstring("diff.tar.gzip") && ContainsSubstring("distribution.manifest.v2"));
    // A cache in zstd is read back like any other.
    world.ok({"build", "--cache-to", "type=local,dest=cache,compression=zstd,mode=max", "."});
    world.ok({"builder", "prune", "-af"});
    world.ok({"rmi", "-f", "packed"});
    CHECK_THAT(world.berth({"build", "--cache-from", "type=local,src=cache", "."}).err,
               ContainsSubstring("7 cached"));
}

TEST_CASE("build --push: compression, annotations and names of what a registry gets") {
    World world;
    world.tiny_image();
    write_project(world);
    world.write("registry.yml", "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: " +
                                    world.project() + "/blobs}}\nhttp: {addr: '127.0.0.1:5000'}\n");
    const Server registry("docker-registry", {"serve", world.project() + "/registry.yml"}, 5000);
    const std::string name = "127.0.0.1:5000/team/app:1";
    const auto raw = [&] {
        return host("curl", {"-s", "-H", "Accept: application/vnd.oci.image.manifest.v1+json", "-H",
                             "Accept: application/vnd.docker.distribution.manifest.v2+json",
                             "http://127.0.0.1:5000/v2/team/app/manifests/1"})
            .out;
    };
    world.ok({"build", "-t", name, "--push", "--annotation", "made.by=test", "."});
    CHECK_THAT(raw(), ContainsSubstring("tar+gzip") && ContainsSubstring("made.by"));
    // What is there is taken as it is, unless that is forced.
    world.ok({"build", "-t", name, "-o", "type=registry,compression=zstd", "."});
    CHECK_THAT(raw(), ContainsSubstring("tar+gzip") && !ContainsSubstring("tar+zstd"));
    world.ok(
        {"build", "-t", name, "-o", "type=image,push=true,compression=zstd,force-compression=true", "."});
    CHECK_THAT(raw(), ContainsSubstring("tar+zstd") && !ContainsSubstring("tar+gzip"));
    world.ok({"rmi", name});
    world.ok({"builder", "prune", "-af"});
    world.ok({"pull", name});
    CHECK(world.ok({"run", "--rm", name, "cat", "/word"}) == "hello");
    world.ok({"build", "-t", name, "-o",
              "type=registry,oci-mediatypes=false,compression=gzip,force-compression=true", "--metadata-file",
              "about.json", "."});
    CHECK_THAT(raw(),
               ContainsSubstring("docker.distribution.manifest.v2") && ContainsSubstring("diff.tar.gzip"));
    CHECK_THAT(host("cat", {world.project() + "/about.json"}).out,
               ContainsSubstring("docker.distribution.manifest.v2"));
    world.ok({"build", "--cache-to",
              "type=registry,ref=127.0.0.1:5000/team/cache:1,compression=zstd,force-compression=true", "."});
    CHECK_THAT(host("curl", {"-s", "-H", "Accept: application/vnd.oci.image.manifest.v1+json",
                             "http://127.0.0.1:5000/v2/team/cache/manifests/1"})
                   .out,
               ContainsSubstring("tar+zstd") && !ContainsSubstring("tar+gzip"));
}

TEST_CASE("build --progress=rawjson: vertexes, logs and statuses as BuildKit's clients read them, and "
          "nothing else") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN echo said\n");
    const Run built = world.berth({"build", "--progress=rawjson", "."});
    CHECK(built.exit_code == 0);
    CHECK_THAT(built.err, ContainsSubstring("{\"vertexes\":[{\"digest\":\"sha256:") &&
                              ContainsSubstring("\"name\":\"[2/2] RUN echo said\"") &&
                              ContainsSubstring("\"completed\":\"2") &&
                              ContainsSubstring("\"data\":\"c2FpZAo=\""));
    CHECK_THAT(built.err, !ContainsSubstring("built sha256"));
    CHECK_THAT(world.berth({"build", "--progress=rawjson", "."}).err, ContainsSubstring("\"cached\":true"));
    const Run failed = world.berth({"build", "--progress=rawjson", "-"}, "FROM tiny\nRUN false\n");
    CHECK(failed.exit_code == 1);
    CHECK_THAT(failed.err, ContainsSubstring("\"error\":\"process "));
}

TEST_CASE("builder du and prune --filter: what the cache holds, and parts of it taken away") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN --mount=type=cache,target=/c echo 1234 > /c/file && echo one > "
                              "/one\nRUN echo two > /two\n");
    for (const auto& bad : {"until=soon", "colour=blue", "until=1h,until=2h", "until!=1h"}) {
        CHECK(world.berth({"builder", "prune", "-f", "--filter", bad}).exit_code != 0);
        CHECK(world.berth({"builder", "du", "--filter", bad}).exit_code != 0);
    }
    CHECK_THAT(world.ok({"builder", "du"}), ContainsSubstring("Total:"));
    world.ok({"build", "-o", "type=cacheonly", "."});
    CHECK_THAT(world.ok({"buildx", "du"}),
               ContainsSubstring("RECLAIMABLE") && ContainsSubstring("Reclaimable:"));
    CHECK_THAT(world.ok({"builder", "du", "--verbose"}), ContainsSubstring("Description:\tRUN echo two") &&
                                                             ContainsSubstring("exec.cachemount") &&
                                                             ContainsSubstring("Mutable:\ttrue"));
    CHECK(world.ok({"builder", "du", "--format", "{{.Type}} {{.Size}}", "--filter",
                    "type=exec.cachemount"}) == "exec.cachemount 5B");
    CHECK(world.ok({"builder", "du", "--format", "{{.Description}}", "--filter", "description~=two"}) ==
          "RUN echo two > /two");
    CHECK(world.ok({"builder", "prune", "-f", "--filter", "until=24h"}) == "Total:\t0B");
    const auto pruned = world.ok({"builder", "prune", "-f", "--filter", "description~=two"});
    CHECK_THAT(pruned, ContainsSubstring("Total:\t4B") && ContainsSubstring("LAST ACCESSED"));
    CHECK_THAT(world.berth({"build", "-o", "type=cacheonly", "."}).err, ContainsSubstring("2 cached"));
    world.ok({"builder", "prune", "-f", "--filter", "type=exec.cachemount"});
    CHECK(world.ok({"builder", "du", "--format", "{{.ID}}", "--filter", "type=exec.cachemount"}).empty());
}
