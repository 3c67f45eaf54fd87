#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("a bad compose file: one clear message with its place, nothing half-made") {
    World world;
    world.tiny_image();
    struct Case {
        const char* file;
        const char* place;
        const char* says;
    };
    const std::vector<Case> cases{
        {"services:\n  web:\n    imagee: tiny\n", "compose.yaml:3:5", "image"},
        {"services:\n  web:\n    image: tiny\n    ports: 80\n", "compose.yaml:4:", "ports"},
        {"services:\n  web:\n    image: tiny\n    ports: [\"80:80:80:80\"]\n",
         "compose.yaml:4:", "80:80:80:80"},
        {"services:\n  web:\n    image: tiny\n    privileged: maybe\n", "compose.yaml:4:", "privileged"},
        {"services:\n  web:\n    image: tiny\n    networks: [nowhere]\n", "compose.yaml:4:", "nowhere"},
        {"services:\n  web:\n    image: tiny\n    volumes: [\"data:/data\"]\n", "compose.yaml:4:", "data"},
        {"services:\n  web:\n    image: tiny\n    depends_on: [bd]\n  db: {image: tiny}\n",
         "compose.yaml:4:", "bd"},
        {"services:\n  a:\n    image: tiny\n    depends_on: [b]\n  b:\n    image: tiny\n    depends_on: "
         "[a]\n",
         "compose.yaml:", "cycle"},
        {"services:\n  web:\n    image: \"${NOPE:?must be set}\"\n", "compose.yaml:3:", "must be set"},
        {"services:\n  web: {}\n", "compose.yaml:2:", "image"},
        {"services:\n  web:\n    image: tiny\n   bad: indent\n", "compose.yaml:4", ""},
        {"services:\n  web:\n    image: tiny\n    image: other\n", "compose.yaml:4:5", "image"},
        {"services:\n  web:\n    image: tiny\n    env_file: missing.env\n", "compose.yaml:4:", "missing.env"},
        {"services:\n  web:\n    image: tiny\n    mem_limit: plenty\n", "compose.yaml:4:", "plenty"},
        {"services:\n  web:\n    image: no/such:image\n", "", "no/such:image"},
    };
    for (const auto& bad : cases) {
        world.write("compose.yaml", bad.file);
        const Run result = world.compose({"up", "-d"});
        CAPTURE(bad.file, result.err);
        CHECK(result.exit_code != 0);
        CHECK_THAT(result.err, ContainsSubstring(bad.place) && ContainsSubstring(bad.says));
        CHECK(world.ok({"ps", "-aq"}).empty());
        CHECK(world.ok({"network", "ls", "-q", "--filter", "name=proj"}).empty());
    }
}

TEST_CASE("no compose file, unknown verbs and flags") {
    World world;
    const Run none = world.compose({"up"});
    CHECK(none.exit_code != 0);
    CHECK_THAT(none.err, ContainsSubstring("compose.yaml"));
    CHECK_THAT(world.berth({"compsoe", "up"}).err, ContainsSubstring("compose"));
    CHECK_THAT(world.compose({"upp"}).err, ContainsSubstring("up"));
    CHECK(world.berth({"--help"}).exit_code == 0);
    CHECK_THAT(world.ok({"version"}), ContainsSubstring("berth"));
}

TEST_CASE("a port in use: who holds it is said, and the stack is as it was before") {
    World world;
    world.tiny_image();
    world.write(
        "compose.yaml",
        "services:\n  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n"
        "  web:\n    image: tiny\n    command: sleep 1000\n    depends_on: [db]\n    ports: [\"8099:80\"]\n");
    const Run result = host("sh", {"-c", "busybox nc -l -p 8099 >/dev/null & p=$!; cd " + world.project() +
                                             "; export BERTH_DATA_ROOT=" + world.paths().data_root() +
                                             " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                                             "; while ! ss -ltn | grep -q :8099; do :; done; " BERTH_PROGRAM
                                             " compose up -d; code=$?; kill $p; exit $code"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err, ContainsSubstring("8099") && ContainsSubstring("busybox"));
    CHECK(world.ok({"ps", "-aq"}).empty());
    CHECK(world.ok({"network", "ls", "-q", "--filter", "name=proj"}).empty());
}

TEST_CASE("a build without its Dockerfile names the line of the compose file that asks for it") {
    World world;
    world.write("compose.yaml", "services:\n  web:\n    image: made\n    build: ./app\n");
    world.write("app/readme", "no Dockerfile here");
    for (const auto& verb : {std::vector<std::string>{"build"}, {"up", "-d"}}) {
        const Run result = world.compose(verb);
        CHECK(result.exit_code == 1);
        CHECK_THAT(result.err, ContainsSubstring("compose.yaml:4:") && ContainsSubstring("'Dockerfile'"));
    }
    // What is wrong inside of one has its own place.
    world.write("app/Dockerfile", "FROM scratch\nNONSENSE x\n");
    CHECK_THAT(world.compose({"build"}).err,
               ContainsSubstring("Dockerfile:2:") && !ContainsSubstring("compose.yaml:4:"));
}

TEST_CASE("an input without an end is refused in bounded time, and nothing of it is kept") {
    World world;
    const auto piped = [&](const std::string& input, const std::string& command) {
        return host("sh", {"-c", "export BERTH_DATA_ROOT=" + world.paths().data_root() + " BERTH_EXEC_ROOT=" +
                                     world.paths().exec_root() + "; timeout -s KILL 50 sh -c '" + input +
                                     " | " + BERTH_PROGRAM + " " + command + "'"});
    };
    for (const auto* input : {"cat /dev/zero", "yes", "cat /dev/urandom"})
        for (const auto* command : {"import - big", "load"}) {
            const Run result = piped(input, command);
            CAPTURE(input, command, result.err);
            CHECK(result.exit_code == 1);
            CHECK_THAT(result.err, ContainsSubstring("error:"));
        }
    CHECK(world.ok({"images", "-q"}).empty());
}

TEST_CASE("COPY of a device node without the right to make one says what is missing") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nCOPY dev /copied\n");
    REQUIRE(host("sh",
                 {"-c", "mkdir " + world.project() + "/dev && mknod " + world.project() + "/dev/null c 1 3"})
                .exit_code == 0);
    world.ok({"build", "-q", "-t", "with", "."});
    CHECK(world.ok({"run", "--rm", "with", "stat", "-c", "%F %t:%T", "/copied/null"}) ==
          "character special file 1:3");
    const Run refused =
        host("sh", {"-c", "cd " + world.project() + "; export BERTH_DATA_ROOT=" + world.paths().data_root() +
                              " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                              "; setpriv --bounding-set -mknod --inh-caps -mknod " + BERTH_PROGRAM +
                              " build --no-cache -t without ."});
    CHECK(refused.exit_code == 1);
    CHECK_THAT(refused.err, ContainsSubstring("dev/null") && ContainsSubstring("CAP_MKNOD"));
    // An import goes on without it, and says so.
    const Run imported =
        host("sh", {"-c", "export BERTH_DATA_ROOT=" + world.paths().data_root() +
                              " BERTH_EXEC_ROOT=" + world.paths().exec_root() + "; tar -C " +
                              world.project() + " -c dev | setpriv --bounding-set -mknod --inh-caps -mknod " +
                              BERTH_PROGRAM + " import - devices"});
    CHECK(imported.exit_code == 0);
    CHECK_THAT(imported.err, ContainsSubstring("dev/null") && ContainsSubstring("CAP_MKNOD"));
}
