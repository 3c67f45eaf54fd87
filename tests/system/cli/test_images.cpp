#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <sys/un.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("images: import, list, tag, save, load, history, remove") {
    World world;
    CHECK(world.berth({"image", "inspect", "tiny"}).exit_code == 1);
    CHECK(world.berth({"load", "-i", "/no/such/file"}).exit_code == 1);
    world.write("broken.tar", "this is no archive");
    CHECK(world.berth({"load", "-i", world.project() + "/broken.tar"}).exit_code == 1);
    world.tiny_image();
    CHECK_THAT(world.ok({"images"}),
               ContainsSubstring("REPOSITORY") && ContainsSubstring("tiny") && ContainsSubstring("latest"));
    world.ok({"tag", "tiny", "other:1"});
    const std::string archive = world.project() + "/both.tar";
    world.ok({"save", "-o", archive, "tiny", "other:1"});
    CHECK_THAT(host("tar", {"-tf", archive}).out,
               ContainsSubstring("manifest.json") && ContainsSubstring("index.json"));
    CHECK_THAT(world.ok({"rmi", "tiny"}), ContainsSubstring("Untagged: tiny:latest"));
    CHECK_THAT(world.ok({"rmi", "other:1"}), ContainsSubstring("Deleted: sha256:"));
    CHECK(world.ok({"images", "-q"}).empty());
    CHECK_THAT(world.ok({"load", "-i", archive}),
               ContainsSubstring("Loaded image: tiny:latest") && ContainsSubstring("Loaded image: other:1"));
    CHECK(world.ok({"run", "--rm", "other:1", "echo", "back"}) == "back");
    CHECK_THAT(world.ok({"history", "tiny"}), ContainsSubstring("IMAGE"));
}

TEST_CASE("save of a repository takes all its tags; load names what was in the archive, and nothing else") {
    World world;
    world.tiny_image();
    for (const char* name : {"app:a", "app:b", "other:1"})
        world.ok({"tag", "tiny", name});
    world.ok({"save", "-o", "app.tar", "app"});
    CHECK(world.ok({"load", "-i", "app.tar"}) == "Loaded image: app:a\nLoaded image: app:b");
    CHECK(world.berth({"save", "-o", "no.tar", "nothing"}).exit_code == 1);
    const auto id = world.ok({"images", "-q", "--no-trunc", "tiny"});
    world.ok({"save", "-o", "id.tar", id});
    CHECK(world.ok({"load", "-i", "id.tar"}) == "Loaded image ID: " + id);
}

TEST_CASE("images: wildcards beside a port, filters by age and label, also of the prune commands") {
    World world;
    world.tiny_image();
    world.ok({"tag", "tiny", "localhost:5000/team/app:1"});
    const auto images = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"images", "--format", "{{.Repository}}:{{.Tag}}"});
        return world.ok(words);
    };
    CHECK(images({"localhost:5000/*/*"}) == "localhost:5000/team/app:1");
    CHECK(images({"localhost:5000/*/*:1"}) == "localhost:5000/team/app:1");
    CHECK(images({"localhost:5000/*/*:2"}).empty());
    CHECK(images({"--filter", "reference=localhost:5000/team/*"}) == "localhost:5000/team/app:1");
    CHECK(images({"--filter", "until=1h"}).empty());
    world.ok({"rmi", "localhost:5000/team/app:1"});
    world.write("Dockerfile", "FROM tiny\nLABEL keep=yes\nRUN echo marked > /marked\n");
    world.ok({"build", "-q", "-t", "marked", "."});
    CHECK_THAT(world.ok({"image", "prune", "-af", "--filter", "until=1h"}),
               ContainsSubstring("reclaimed space: 0B"));
    const auto pruned =
        world.ok({"image", "prune", "-f", "--filter", "dangling=false", "--filter", "label!=keep"});
    CHECK_THAT(pruned, ContainsSubstring("untagged: tiny:latest") &&
                           ContainsSubstring("reclaimed space: 0B")); // its layer stays
    CHECK(images({}) == "marked:latest");
    CHECK(world.berth({"image", "prune", "-f", "--filter", "until=soon"}).exit_code != 0);
    CHECK(world.berth({"system", "prune", "-f", "--volumes", "--filter", "until=1h"}).exit_code != 0);
    world.ok({"create", "--name", "young", "marked", "true"});
    world.ok({"container", "prune", "-f", "--filter", "until=1h"});
    world.ok({"system", "prune", "-f", "--filter", "until=1h"});
    CHECK(world.ok({"ps", "-aq"}).size() == 12);
    world.ok({"container", "prune", "-f", "--filter", "label!=keep"}); // the image's label is the container's
    CHECK(world.ok({"ps", "-aq"}).size() == 12);
}

TEST_CASE("an image for another machine is not taken for one of the asked-for platform") {
    World world;
    world.tiny_image();
    world.ok({"save", "-o", "tiny.tar", "tiny"});
    world.ok({"create", "--name", "c", "tiny", "true"});
    world.ok({"export", "-o", "root.tar", "c"});
    world.ok({"import", "--platform", "linux/s390x", "root.tar", "far"});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "far"}) == "linux/s390x");
    const Run refused =
        world.berth({"run", "--rm", "--pull", "never", "--platform", "linux/amd64", "far", "true"});
    CHECK(refused.exit_code == 125);
    CHECK_THAT(
        refused.err,
        ContainsSubstring("its platform (linux/s390x) does not match the specified platform (linux/amd64)"));
    CHECK(world.berth({"run", "--rm", "--platform", "bogus/x/y/z", "tiny", "true"}).exit_code == 125);
    const Run asked =
        world.berth({"run", "--rm", "--pull", "never", "--platform", "linux/s390x", "far", "true"});
    CHECK(asked.exit_code == 0);
    CHECK(asked.err.empty());
    CHECK_THAT(world.berth({"run", "--rm", "far", "true"}).err, ContainsSubstring("linux/s390x"));
    world.write(
        "compose.yaml",
        "services: {app: {image: far, platform: linux/amd64, pull_policy: never, command: [\"true\"]}}\n");
    const Run up = world.compose({"up", "-d"});
    CHECK(up.exit_code == 1);
    CHECK_THAT(up.err, ContainsSubstring("does not match the specified platform") &&
                           ContainsSubstring("compose.yaml:1"));
    CHECK(world.berth({"import", "root.tar", "x@sha256:" + std::string(64, 'a')}).exit_code == 1);
}

TEST_CASE("--platform of the commands about images that are here: theirs works, another one is refused") {
    World world;
    world.tiny_image();
    const auto own = world.ok({"image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", "tiny"});
    const std::vector<std::vector<std::string>> commands = {
        {"save", "-o", "tiny.tar", "tiny"}, {"history", "tiny"},        {"image", "inspect", "tiny"},
        {"push", "127.0.0.1:1/tiny"},       {"load", "-i", "tiny.tar"}, {"rmi", "tiny"}};
    world.ok({"tag", "tiny", "127.0.0.1:1/tiny"});
    for (auto command : commands) {
        INFO(command.front());
        command.insert(command.begin() + (command.front() == "image" ? 2 : 1), {"--platform", "linux/s390x"});
        const Run refused = world.berth(command);
        CHECK(refused.exit_code == 1);
        CHECK_THAT(refused.err, ContainsSubstring("linux/s390x"));
        if (command.front() == "push") continue; // there is nobody
        *(std::find(command.begin(), command.end(), "--platform") + 1) = own;
        world.ok(command);
    }
}

TEST_CASE("sizes in tables have three digits, dates of a history no fractions") {
    World world;
    world.tiny_image();
    world.write("Dockerfile",
                "FROM tiny\nRUN echo made > /made\nEXPOSE 80 443/udp\nCMD [\"echo\", \"a b\"]\n");
    world.ok({"build", "-q", "-t", "made", "."});
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"images", "--format", "{{.Size}}", "made"}, {"history", "--format", "{{.Size}}", "made"}}) {
        for (const auto& line : split(world.ok(words), '\n'))
            CHECK(std::count_if(line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }) <= 3);
    }
    CHECK(split(world.ok({"history", "--human=false", "--format", "{{.CreatedAt}}", "made"}), '\n')
              .front()
              .size() == std::string("2026-01-02T03:04:05Z").size());
    CHECK_THAT(world.ok({"history", "--no-trunc", "--format", "{{.CreatedBy}}", "made"}),
               ContainsSubstring("CMD [\"echo\" \"a b\"]\nEXPOSE [443/udp 80/tcp]\n"));
}

TEST_CASE("import: a sparse file of the old GNU kind is refused, one of pax comes whole") {
    World world;
    world.tiny_image();
    world.write("tree/etc/name", "x");
    REQUIRE(host("truncate", {"-s", "3M", world.project() + "/tree/hole"}).exit_code == 0);
    for (const bool old : {true, false}) {
        const auto tar = world.project() + "/t.tar";
        REQUIRE(host("tar", {"-C", world.project() + "/tree", "--sparse",
                             old ? "--format=gnu" : "--format=pax", "-cf", tar, "."})
                    .exit_code == 0);
        const Run run = world.berth({"import", tar, "sparse"});
        CHECK(run.exit_code == (old ? 1 : 0));
        if (old) CHECK_THAT(run.err, ContainsSubstring("hole") && ContainsSubstring("--format=pax"));
    }
    CHECK(world.ok({"images", "--format", "{{.Size}}", "sparse"}).starts_with("3.15"));
}

TEST_CASE("a whiteout that hides nothing is no file: export and volumes pass over it") {
    World world;
    world.tiny_image();
    world.ok({"create", "--name", "plain", "tiny", "true"});
    world.ok({"export", "-o", "root.tar", "plain"});
    world.write("nodir/.wh.x", "");
    world.write("nodir/kept", "");
    REQUIRE(host("tar", {"-C", world.project(), "-rf", world.project() + "/root.tar", "nodir"}).exit_code ==
            0);
    world.ok({"import", "root.tar", "hidden"});
    world.ok({"create", "--name", "c", "-v", "/nodir", "hidden", "true"});
    world.ok({"export", "-o", "out.tar", "c"});
    world.ok({"run", "--rm", "-v", "/nodir", "hidden", "true"});
}

TEST_CASE("ps names the image while the name means it, and then its id") {
    World world;
    world.tiny_image();
    world.ok({"tag", "tiny", "app:1"});
    world.ok({"create", "--name", "named", "app:1", "true"});
    const auto shown = [&] { return world.ok({"ps", "-a", "--format", "{{.Image}}"}); };
    CHECK(shown() == "app:1");
    world.write("Dockerfile", "FROM tiny\nENV new=1\n");
    world.ok({"build", "-q", "-t", "app:1", "."});
    CHECK(shown() == world.ok({"images", "-q", "tiny"}));
    world.ok({"rmi", "app:1"});
    CHECK(shown() == world.ok({"images", "-q", "tiny"}));
}

TEST_CASE("an image that a container uses is not removed without force") {
    World world;
    world.tiny_image();
    world.ok({"create", "--name", "user", "tiny", "true"});
    const Run refused = world.berth({"rmi", "tiny"});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, ContainsSubstring("user"));
    world.ok({"rm", "user"});
    world.ok({"rmi", "tiny"});
}

TEST_CASE("a layer cannot write outside of its folder") {
    World world;
    const std::string victim = world.project() + "/victim";
    REQUIRE(make_dirs(victim));
    REQUIRE(write_atomic(victim + "/file", "untouched"));
    // A link to the victim, then a file through it: two archives in one.
    world.write("evil.sh", "set -e\ncd " + world.project() + "\nmkdir a b\nln -s " + victim +
                               " a/door\nmkdir b/door\necho bad > b/door/file\n"
                               "tar -C a -cf evil.tar door\ntar -C b -rf evil.tar door/file\ntar -C b "
                               "--transform 's,door/file,../../../../../.." +
                               victim + "/up,' -P -rf evil.tar door/file\n");
    REQUIRE(host("sh", {world.project() + "/evil.sh"}).exit_code == 0);
    (void)world.berth({"import", world.project() + "/evil.tar", "evil"});
    CHECK(read_file(victim + "/file").value() == "untouched");
    CHECK(list_dir(victim).value() == std::vector<std::string>{"file"});
}

TEST_CASE("rmi --force takes the names away; what a container stands on stays until the container goes") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    const std::string id = world.ok({"images", "-q"});
    CHECK(world.ok({"rmi", "-f", "tiny"}) == "Untagged: tiny:latest");
    CHECK(world.ok({"images", "--format", "{{.Repository}} {{.ID}}"}) == "<none> " + id);
    world.ok({"restart", "-t", "0", "box"});
    CHECK(world.ok({"exec", "box", "echo", "here"}) == "here");
    CHECK(world.berth({"rmi", "-f", id}).exit_code == 1);
    world.ok({"rm", "-f", "box"});
    world.ok({"rmi", id});
    CHECK(world.ok({"images", "-q"}).empty());
}

TEST_CASE("export: the container's own files, running or not, and nothing that is mounted on them") {
    World world;
    world.tiny_image();
    world.write("shared/inside", "of the host\n");
    const std::string archive = world.project() + "/out.tar";
    world.ok({"run", "-d", "--name", "box", "-v", world.project() + "/shared:/shared", "-v", "named:/data",
              "tiny", "sh", "-c", "echo mine > /own; echo data > /data/kept; mkfifo /pipe; exec sleep 1000"});
    world.ok({"exec", "box", "sh", "-c", "until test -e /pipe; do :; done"});
    // A socket, as servers leave them in /tmp and /run.
    const auto path = "/proc/" + world.ok({"inspect", "--format", "{{.State.Pid}}", "box"}) + "/root/sock";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.copy(address.sun_path, sizeof address.sun_path - 1) == path.size());
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    const auto listed = [&] {
        world.ok({"export", "-o", archive, "box"});
        return host("tar", {"-tf", archive}).out;
    };
    const auto running = listed();
    CHECK_THAT(running,
               ContainsSubstring("own\n") && ContainsSubstring("pipe\n") && ContainsSubstring("data/\n"));
    CHECK_THAT(running, !ContainsSubstring("proc/self") && !ContainsSubstring("kept") &&
                            !ContainsSubstring("inside") && !ContainsSubstring("sock"));
    CHECK(host("tar", {"-xOf", archive, "etc/hosts"}).out.empty());
    world.ok({"stop", "-t", "0", "box"});
    CHECK(listed() == running);
}
