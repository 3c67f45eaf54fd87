#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

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
