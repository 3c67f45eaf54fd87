#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"
#include "tests/system/cli/fake_image.hpp"

#include <cstdlib>
#include <sys/mount.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

// Another machine: roots of its own, nothing in its store, and no registry that would answer.
class OtherMachine {
  public:
    explicit OtherMachine(World& world) : world_(world), root_(world.project() + "-other") {
        REQUIRE(make_dirs(root_));
    }
    OtherMachine(const OtherMachine&) = delete;
    OtherMachine& operator=(const OtherMachine&) = delete;
    ~OtherMachine() {
        const Run left = berth({"ps", "-aq"});
        for (std::size_t at = 0; at + 12 <= left.out.size(); at += 13)
            (void)berth({"rm", "-f", "-v", left.out.substr(at, 12)});
        (void)remove_tree(root_);
    }
    Run berth(std::vector<std::string> args) {
        args.insert(args.begin(), {"--data-root", root_ + "/data", "--exec-root", root_ + "/run"});
        return world_.berth(std::move(args));
    }
    Run compose(std::vector<std::string> args) {
        args.insert(args.begin(), {"compose", "-f", tar()});
        return berth(std::move(args));
    }
    std::string ok(std::vector<std::string> args) {
        const Run run = compose(std::move(args));
        CAPTURE(run.err);
        REQUIRE(run.exit_code == 0);
        return run.out;
    }
    [[nodiscard]] std::string tar() const { return root_ + "/stack.tar"; }
    [[nodiscard]] const std::string& folder() const { return root_; }

  private:
    World& world_;
    std::string root_;
};

void write_stack(World& world) {
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN echo built > /built\n");
    world.write("settings.env", "FROM_FILE=yes, $$5\n");
    world.write("app.conf", "the configuration\n");
    world.write("key.bin", std::string("\xff\0\x01secret", 9));
    world.write("compose.yaml", R"(
services:
  web:
    image: tiny
    pull_policy: always
    env_file: settings.env
    environment: {VERSION: "${VERSION:-7}"}
    command: sleep 1000
    configs: [app]
    secrets: [key, token]
    volumes: [./html:/html, data:/data]
    depends_on: [worker]
  worker:
    build: .
    command: sleep 1000
    profiles: [work]
  idle:
    image: never/there
    profiles: [other]
configs:
  app: {file: ./app.conf}
secrets:
  key: {file: ./key.bin}
  token: {environment: TOKEN}
volumes:
  data:
)");
    world.set_env("TOKEN", "of the environment");
    world.set_env("COMPOSE_PROFILES", "work");
    // pull_policy would ask a registry; here it is the other machine that must not.
    world.write("override.yaml", "services: {web: {pull_policy: never}}\n");
}

Run make_bundle(World& world, const std::string& to) {
    return world.compose({"-f", "compose.yaml", "-f", "override.yaml", "bundle", "-o", to});
}

} // namespace

TEST_CASE("bundle: the whole stack comes up elsewhere from one tar, without a registry") {
    World world;
    write_stack(world);
    OtherMachine other(world);
    const Run made = make_bundle(world, other.tar());
    CAPTURE(made.err);
    REQUIRE(made.exit_code == 0);
    CHECK_THAT(made.err, ContainsSubstring("html") && ContainsSubstring("is not in the bundle"));
    const auto listed = host("tar", {"-tf", other.tar()}).out;
    CHECK_THAT(listed, ContainsSubstring("compose.yaml\n") && ContainsSubstring("configs/app\n") &&
                           ContainsSubstring("secrets/key\n") && ContainsSubstring("index.json\n"));
    // What was settled when the bundle was made is not asked for again.
    world.set_env("TOKEN", "another");
    world.set_env("COMPOSE_PROFILES", "");
    world.set_env("VERSION", "8");

    const auto model = other.ok({"config"});
    CHECK_THAT(model, ContainsSubstring("image: proj-worker") && ContainsSubstring("FROM_FILE: yes, $$5") &&
                          ContainsSubstring("VERSION: \"7\"") &&
                          ContainsSubstring("source: " + other.folder() + "/html"));
    CHECK_THAT(model, !ContainsSubstring("build:") && !ContainsSubstring("profiles:") &&
                          !ContainsSubstring("never/there") && !ContainsSubstring("pull_policy"));
    CHECK(other.berth({"images", "-q"}).out.empty());
    CHECK_THAT(other.compose({"up", "--dry-run"}).out, ContainsSubstring("load image tiny"));
    CHECK(other.berth({"images", "-q"}).out.empty());

    other.ok({"up", "-d"});
    CHECK(other.ok({"exec", "web", "cat", "/app"}) == "the configuration\n");
    CHECK(other.ok({"exec", "web", "cat", "/run/secrets/token"}) == "of the environment");
    CHECK(other.ok({"exec", "web", "sh", "-c", "od -An -tx1 /run/secrets/key"}) ==
          " ff 00 01 73 65 63 72 65 74\n");
    CHECK(other.ok({"exec", "web", "sh", "-c", "echo $FROM_FILE"}) == "yes, $5\n");
    CHECK(other.ok({"exec", "worker", "cat", "/built"}) == "built\n");
    const auto before = other.ok({"ps", "-q"});
    other.ok({"up", "-d"});
    CHECK(other.ok({"ps", "-q"}) == before);

    // With another name the networks and volumes are others too.
    CHECK_THAT(other.ok({"-p", "second", "config"}), ContainsSubstring("name: second_data"));
    other.ok({"down", "-v", "--rmi", "all"});
    CHECK(other.berth({"images", "-q"}).out.empty());
    CHECK(other.berth({"volume", "ls", "-q"}).out.empty());
    // An image that went is taken from the tar again.
    CHECK(other.ok({"run", "--rm", "-T", "worker", "cat", "/built"}) == "built\n");
    other.ok({"down", "-v"});
}

TEST_CASE("bundle: a file beside the tar changes its model, and a part of the stack can be bundled") {
    World world;
    write_stack(world);
    OtherMachine other(world);
    const Run made =
        world.compose({"-f", "compose.yaml", "-f", "override.yaml", "bundle", "-o", other.tar(), "worker"});
    CAPTURE(made.err);
    REQUIRE(made.exit_code == 0);
    CHECK_THAT(host("tar", {"-tf", other.tar()}).out, !ContainsSubstring("secrets/"));
    world.write("more.yaml", "services: {worker: {environment: {MORE: '1'}}}\n");
    const Run config = other.compose({"-f", world.project() + "/more.yaml", "config"});
    CHECK_THAT(config.out, ContainsSubstring("MORE: \"1\"") && !ContainsSubstring("web:"));
    // The model on standard input, the archive on standard output.
    world.write("whole.tar", world.ok({"compose", "-f", "-", "bundle"}, "services: {a: {image: tiny}}\n"));
    CHECK_THAT(world.compose({"-f", "whole.tar", "config"}).out, ContainsSubstring("image: tiny"));
    // By COMPOSE_FILE too; and an archive of images can be loaded as one.
    world.set_env("COMPOSE_FILE", other.tar());
    CHECK(other.berth({"compose", "config", "--services"}).out == "worker\n");
    CHECK_THAT(other.berth({"load", "-i", other.tar()}).out, ContainsSubstring("proj-worker"));
}

TEST_CASE(
    "bundle: an image named by a registry's digest goes by its own id, and a tag means the bundle's image") {
    World world;
    OtherMachine other(world);
    const Fixture image(world, 1000);
    {
        const FakeRegistry registry([&](const Request& request) { return image.answer(request); });
        world.write("compose.yaml", "services:\n  a: {image: '" + registry.host() + "/app@" +
                                        digest_of(image.manifest) + "', command: x}\n  b: {image: '" +
                                        registry.host() + "/app:1', command: x}\n");
        const Run made = world.compose({"bundle", "-o", other.tar()}); // pulls both
        CAPTURE(made.err);
        REQUIRE(made.exit_code == 0);
        CHECK_THAT(other.ok({"config"}), ContainsSubstring("image: " + digest_of(image.config)) &&
                                             ContainsSubstring("image: " + registry.host() + "/app:1"));
        // The other machine has something else under that name.
        world.tiny_image();
        world.ok({"save", "-o", world.project() + "/tiny.tar", "tiny"});
        REQUIRE(other.berth({"load", "-i", world.project() + "/tiny.tar"}).exit_code == 0);
        REQUIRE(other.berth({"tag", "tiny", registry.host() + "/app:1"}).exit_code == 0);
    }
    other.ok({"create"});
    for (const char* service : {"a", "b"})
        CHECK(other.berth({"inspect", "--format", "{{.Image}}", concat("proj-", service, "-1")}).out ==
              digest_of(image.config) + "\n");
    other.ok({"down"});
}

TEST_CASE("bundle: what is no bundle, or a damaged one, is refused and leaves nothing") {
    World world;
    write_stack(world);
    CHECK(world.compose({"bundle", "-o", "/no/such/folder/x.tar"}).exit_code == 1);
    CHECK_THAT(world.compose({"bundle", "nobody", "-o", world.project() + "/x.tar"}).err,
               ContainsSubstring("nobody"));
    CHECK_FALSE(path_exists(world.project() + "/x.tar"));
    const auto small = world.project() + "/small";
    REQUIRE(make_dir(small));
    REQUIRE(::mount("small", small.c_str(), "tmpfs", 0, "size=64k") == 0);
    const Run full = make_bundle(world, small + "/x.tar");
    CHECK(full.exit_code == 1);
    CHECK_THAT(full.err, ContainsSubstring("No space left on device"));
    CHECK(list_dir(small).value().empty());
    REQUIRE(::umount2(small.c_str(), MNT_DETACH) == 0);
    OtherMachine other(world);
    REQUIRE(make_bundle(world, other.tar()).exit_code == 0);
    const auto run = [&](const std::string& script) {
        const Run changed = host(
            "sh", {"-ec", "cd " + other.folder() + "; rm -rf x; mkdir x; cp stack.tar good.tar\n" + script});
        CAPTURE(changed.err);
        REQUIRE(changed.exit_code == 0);
        Run up = other.compose({"up", "-d"});
        CAPTURE(script, up.out, up.err);
        CHECK(up.exit_code == 1);
        CHECK(other.berth({"images", "-q"}).out.empty());
        CHECK(other.berth({"ps", "-aq"}).out.empty());
        REQUIRE(host("mv", {other.folder() + "/good.tar", other.tar()}).exit_code == 0);
        return up.err;
    };
    CHECK_THAT(run("tar -xf stack.tar -C x; rm x/bundle.json; tar -C x -cf stack.tar ."),
               ContainsSubstring("is no stack bundle") && ContainsSubstring("bundle.json"));
    CHECK_THAT(
        run("tar -xf stack.tar -C x; echo '{\"version\":2}' > x/bundle.json; tar -C x -cf stack.tar ."),
        ContainsSubstring("version 2"));
    CHECK_THAT(run("tar -xf stack.tar -C x; echo '{\"version\":1,\"platform\":\"linux/s390\"}' > "
                   "x/bundle.json; tar -C x -cf stack.tar ."),
               ContainsSubstring("linux/s390"));
    CHECK_THAT(run("tar -xf stack.tar -C x; rm x/compose.yaml; tar -C x -cf stack.tar ."),
               ContainsSubstring("compose.yaml"));
    CHECK_THAT(run("tar -xf stack.tar -C x; rm x/compose.yaml; ln -s /etc/passwd x/compose.yaml; "
                   "tar -C x -cf stack.tar ."),
               ContainsSubstring("compose.yaml"));
    CHECK_THAT(run("tar -xf stack.tar -C x; truncate -s 20M x/compose.yaml; tar -C x -cf stack.tar ."),
               ContainsSubstring("compose.yaml") && ContainsSubstring("bytes"));
    CHECK_THAT(
        run("tar -xf stack.tar -C x; big=$(ls -S x/blobs/sha256 | head -1); printf X | "
            "dd of=x/blobs/sha256/$big bs=1 seek=600000 conv=notrunc 2>/dev/null; tar -C x -cf stack.tar ."),
        ContainsSubstring("sha256:"));
    CHECK_THAT(run("truncate -s 900000 stack.tar"), ContainsSubstring("stack.tar"));
    CHECK_THAT(run("gzip -c stack.tar > y; mv y stack.tar"), ContainsSubstring("compressed"));
    REQUIRE(host("cp", {other.tar(), other.folder() + "/two.tar"}).exit_code == 0);
    CHECK_THAT(other.compose({"-f", other.folder() + "/two.tar", "config"}).err,
               ContainsSubstring("two stack bundles"));
    CHECK(other.compose({"config", "-q"}).exit_code == 0);
}
