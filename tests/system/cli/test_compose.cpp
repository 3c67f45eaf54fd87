#include "runtime/base/fd.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {
const char* k_two = "services:\n"
                    "  web:\n"
                    "    image: tiny\n"
                    "    command: sleep 1000\n"
                    "    stop_grace_period: 0s\n"
                    "    environment: {COLOUR: \"${COLOUR:-blue}\"}\n"
                    "    depends_on: [db]\n"
                    "  db:\n"
                    "    image: tiny\n"
                    "    command: sleep 1000\n"
                    "    stop_grace_period: 0s\n"
                    "    volumes: [\"data:/data\"]\n"
                    "volumes:\n"
                    "  data:\n";
}

TEST_CASE("up, ps, ls, exec, logs, top, stop, start, down: the life of a stack") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_two);
    world.compose_ok({"up", "-d"});
    CHECK(world.compose_ok({"ps", "--services"}) == "db\nweb");
    CHECK_THAT(world.compose_ok({"ps"}),
               ContainsSubstring("proj-web-1") && ContainsSubstring("proj-db-1") && ContainsSubstring("Up"));
    CHECK(world.ok({"inspect", "--format", "{{index .Config.Labels \"com.docker.compose.service\"}}",
                    "proj-web-1"}) == "web");
    CHECK_THAT(world.compose_ok({"ls"}), ContainsSubstring("proj") && ContainsSubstring("running(2)"));
    CHECK(world.compose_ok({"exec", "-T", "web", "sh", "-c", "echo $COLOUR"}) == "blue");
    CHECK_THAT(world.compose_ok({"top"}), ContainsSubstring("sleep 1000"));
    world.compose_ok({"stop"});
    CHECK(world.compose_ok({"ps", "-q"}).empty());
    world.compose_ok({"start"});
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
    world.compose_ok({"restart", "web"});
    world.compose_ok({"down"});
    CHECK(world.ok({"ps", "-aq"}).empty());
    CHECK(world.ok({"volume", "ls", "-q"}) == "proj_data");
    world.compose_ok({"down", "-v"});
    CHECK(world.ok({"volume", "ls", "-q"}).empty());
    CHECK(world.compose({"down"}).exit_code == 0);
}

TEST_CASE("up again changes nothing; a changed service alone is re-created and keeps its address") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_two);
    world.compose_ok({"up", "-d"});
    const std::string before = world.compose_ok({"ps", "-q", "--no-trunc"});
    world.compose_ok({"up", "-d"});
    CHECK(world.compose_ok({"ps", "-q", "--no-trunc"}) == before);
    const auto id = [&](const char* name) { return world.ok({"inspect", "--format", "{{.Id}}", name}); };
    const auto address = [&] {
        return world.ok(
            {"inspect", "--format", "{{.NetworkSettings.Networks.proj_default.IPAddress}}", "proj-web-1"});
    };
    const std::string web = id("proj-web-1"), db = id("proj-db-1"), ip = address();
    world.set_env("COLOUR", "red");
    CHECK_THAT(world.compose_ok({"plan"}), ContainsSubstring("web") && ContainsSubstring("config"));
    world.compose_ok({"up", "-d"});
    CHECK(id("proj-db-1") == db);
    CHECK(id("proj-web-1") != web);
    CHECK(address() == ip);
    world.compose_ok({"up", "-d", "--force-recreate"});
    CHECK(id("proj-db-1") != db);
}

TEST_CASE("scale, orphans, run, rm, kill, port") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    "
                                "stop_grace_period: 0s\n    ports: [\"80\"]\n");
    world.compose_ok({"up", "-d", "--scale", "web=3"});
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 3);
    CHECK_THAT(world.compose_ok({"port", "web", "80"}), ContainsSubstring("0.0.0.0:"));
    CHECK(world.compose_ok({"run", "--rm", "web", "echo", "one-off"}) == "one-off");
    CHECK(world.compose({"run", "--rm", "web", "sh", "-c", "exit 4"}).exit_code == 4);
    world.compose_ok({"up", "-d", "--scale", "web=1"});
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 1);
    world.write("compose.yaml",
                "services:\n  other:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n");
    const Run orphan = world.compose({"up", "-d"});
    CHECK_THAT(orphan.err, ContainsSubstring("orphan") && ContainsSubstring("proj-web-1"));
    world.compose_ok({"up", "-d", "--remove-orphans"});
    CHECK(world.berth({"inspect", "proj-web-1"}).exit_code == 1);
    world.compose_ok({"kill"});
    world.compose_ok({"rm", "-f"});
    CHECK(world.ok({"ps", "-aq"}).empty());
}

TEST_CASE("each container of a service takes the first free port of a host range") {
    World world;
    world.tiny_image();
    const auto file = [&](const char* range) {
        world.write("compose.yaml", concat("services:\n  web:\n    image: tiny\n    command: sleep 1000\n    "
                                           "stop_grace_period: 0s\n    ports: [\"",
                                           range, ":80\"]\n"));
    };
    const auto port_of = [&](int index) {
        return world.compose_ok({"port", "--index", concat(index), "web", "80"});
    };
    const auto all_ports = [&](int count) {
        std::set<std::string> out;
        for (int index = 1; index <= count; ++index)
            out.insert(port_of(index));
        return out;
    };
    const std::set<std::string> three{"0.0.0.0:7001", "0.0.0.0:7002", "0.0.0.0:7003"};
    file("7001-7003");
    world.compose_ok({"up", "-d", "--scale", "web=3"});
    CHECK(all_ports(3) == three);
    const auto before = port_of(2);
    world.ok({"stop", "-t", "0", "proj-web-1", "proj-web-2", "proj-web-3"});
    // Alone, with the whole range free: it has the one of before.
    world.ok({"start", "proj-web-2"});
    CHECK(port_of(2) == before);
    world.ok({"start", "proj-web-1", "proj-web-3"});
    CHECK(all_ports(3) == three);
    const Run fourth = world.compose({"up", "-d", "--scale", "web=4"});
    CHECK(fourth.exit_code != 0);
    CHECK_THAT(fourth.err,
               ContainsSubstring("7001-7003/tcp: all of them are held, 7003 by the container proj-web-"));
    world.compose_ok({"down"});
    // Of another program, and in one address family only.
    const Fd foreign(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    REQUIRE(::setsockopt(foreign.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(7002);
    REQUIRE(::bind(foreign.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(foreign.get(), 1) == 0);
    file("7001-7004");
    world.compose_ok({"up", "-d", "--scale", "web=3"});
    CHECK(all_ports(3) == std::set<std::string>{"0.0.0.0:7001", "0.0.0.0:7003", "0.0.0.0:7004"});
}

TEST_CASE("services find each other by name, all replicas of one, and only on shared networks") {
    World world;
    world.tiny_image();
    world.write(
        "compose.yaml",
        "services:\n"
        "  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    scale: 2\n    "
        "networks: {front: {aliases: [site]}}\n"
        "  app:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    networks: [front, "
        "back]\n"
        "  db:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n    networks: {back: "
        "{ipv4_address: 10.88.0.7}}\n"
        "networks:\n  front:\n  back:\n    internal: true\n    ipam: {config: [{subnet: 10.88.0.0/24}]}\n");
    world.compose_ok({"up", "-d"});
    const auto addresses = [&](const char* service, const char* name) {
        const std::string out = world.compose({"exec", "-T", service, "nslookup", name, "127.0.0.11"}).out;
        std::size_t count = 0;
        for (const auto& line : split(out, '\n'))
            if (line.starts_with("Address") && line.find("127.0.0.11") == std::string::npos &&
                line.find(':') != std::string::npos)
                ++count;
        return count;
    };
    CHECK(addresses("app", "web") == 2);
    CHECK(addresses("app", "site") == 2);
    CHECK(addresses("app", "db") == 1);
    CHECK(addresses("web", "db") == 0);
    CHECK(world.compose({"exec", "-T", "web", "ping", "-c", "1", "-W", "1", "10.88.0.7"}).exit_code != 0);
    CHECK(world.compose({"exec", "-T", "app", "ping", "-c", "1", "-W", "1", "10.88.0.7"}).exit_code == 0);
}

TEST_CASE("builds, profiles, env files, several files, run from a sub-folder") {
    World world;
    world.tiny_image();
    world.write("img/Dockerfile", "FROM tiny\nARG WHO=nobody\nENV WHO=$WHO\nCMD echo built for $WHO\n");
    world.write(".env", "TARGET=tests\n");
    world.write("more.env", "EXTRA='a b'\n");
    world.write(
        "compose.yaml",
        "services:\n  job:\n    build: {context: ./img, args: {WHO: \"${TARGET}\"}}\n    env_file: more.env\n"
        "  debug:\n    image: tiny\n    profiles: [tools]\n    command: echo debugging\n");
    world.write("compose.override.yaml", "services:\n  job:\n    labels: {from: override}\n");
    CHECK(world.compose_ok({"config", "--services"}) == "job");
    world.compose_ok({"up", "-d", "--build"});
    world.ok({"wait", "proj-job-1"});
    CHECK_THAT(world.compose_ok({"logs", "--no-color"}),
               ContainsSubstring("job-1") && ContainsSubstring("| built for tests"));
    CHECK(world.ok({"inspect", "--format", "{{.Config.Labels.from}}", "proj-job-1"}) == "override");
    CHECK(world.compose_ok({"run", "--rm", "debug"}) == "debugging");
    CHECK_THAT(world.compose_ok({"config", "--format", "json"}),
               ContainsSubstring("\"EXTRA\"") && ContainsSubstring("a b"));
    world.compose_ok({"down", "--rmi", "local"});
    CHECK(world.berth({"image", "inspect", "proj-job"}).exit_code == 1);
}

TEST_CASE("eight people type up at once: all succeed, one stack") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_two);
    const Run all = host(
        "sh", {"-c", "cd " + world.project() + " && export BERTH_DATA_ROOT=" + world.paths().data_root() +
                         " BERTH_EXEC_ROOT=" + world.paths().exec_root() +
                         "; for i in 1 2 3 4 5 6 7 8; do " BERTH_PROGRAM
                         " compose up -d >log.$i 2>&1 || { cat log.$i; echo failed; } & done; wait"});
    CHECK(all.out == "");
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
}

TEST_CASE("config: YAML keeps what YAML can say, lists name what is used, a circle is no valid file") {
    World world;
    world.write("compose.yaml",
                "name: shop\n"
                "services:\n"
                "  web: {image: \"site:${TAG:-1}\", networks: [front], volumes: [\"data:/d\", /cache], "
                "x-team: shop}\n"
                "  batch: {image: job, profiles: [late], networks: [back], volumes: [\"archive:/a\"]}\n"
                "networks: {front: {}, back: {}}\nvolumes: {data: {}, archive: {}}\nx-owner: {name: me}\n");
    const std::string yaml = world.compose_ok({"config"});
    CHECK_THAT(yaml, ContainsSubstring("x-team: shop") && ContainsSubstring("x-owner:") &&
                         !ContainsSubstring("command: null"));
    CHECK_THAT(world.compose_ok({"config", "--format", "json"}),
               ContainsSubstring("\"command\": null") && !ContainsSubstring("x-team"));
    CHECK(world.compose_ok({"config", "--networks"}) == "front");
    CHECK(world.compose_ok({"config", "--volumes"}) == "data");
    CHECK(world.compose_ok({"--profile", "late", "config", "--volumes"}) == "archive\ndata");
    CHECK_THAT(world.compose_ok({"config", "--variables"}),
               ContainsSubstring("DEFAULT VALUE") && ContainsSubstring("TAG") && ContainsSubstring("false"));
    world.write("compose.yaml",
                "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n");
    const Run circle = world.compose({"config", "-q"});
    CHECK(circle.exit_code == 1);
    CHECK_THAT(circle.err,
               ContainsSubstring("compose.yaml:2:") && ContainsSubstring("dependency cycle: a -> b -> a"));
    CHECK(world.compose({"config", "-q", "--no-consistency"}).exit_code == 0);
}

TEST_CASE("what scripts read: run -d prints the id, up says whom it attaches to, rm asks about all that it "
          "removes, which is no container of run") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n  job: {image: tiny, command: echo done}\n");
    const Run up = world.compose({"up", "--no-color"});
    CHECK(up.exit_code == 0);
    CHECK(up.out == "Attaching to job-1\njob-1  | done\njob-1 exited with code 0\n");
    const std::string id = world.compose_ok({"run", "-d", "job", "true"});
    CHECK(id.size() == 64);
    CHECK(world.ok({"wait", id}) == "0");
    const std::string oneoff = world.ok({"inspect", "-f", "{{slice .Name 1}}", id});
    const Run asked = world.compose({"rm"});
    CHECK_THAT(asked.err + asked.out, ContainsSubstring("proj-job-1") && !ContainsSubstring(oneoff));
    world.compose_ok({"rm", "-f"});
    CHECK(world.ok({"ps", "-aq", "--no-trunc"}) == id);
    world.compose_ok({"down"});
    const Run nothing = world.compose({"down"});
    CHECK(nothing.exit_code == 0);
    CHECK_THAT(nothing.err, ContainsSubstring("No resource found to remove for project \"proj\""));
}

TEST_CASE("what is shown while a stack goes up, stays, restarts and pauses: the words of docker compose") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: 0s\n");
    const auto shown = [&](std::vector<std::string> args) { return world.compose(std::move(args)).err; };
    CHECK_THAT(shown({"up", "-d"}), ContainsSubstring(" Container proj-web-1  Started\n"));
    CHECK(shown({"up", "-d"}) == " Container proj-web-1  Running\n");
    CHECK(shown({"create"}) == " Container proj-web-1  Running\n");
    CHECK(shown({"restart"}) == " Container proj-web-1  Restarting\n Container proj-web-1  Started\n");
    CHECK(shown({"pause"}) == " Container proj-web-1  Paused\n");
    CHECK(shown({"unpause"}) == " Container proj-web-1  Unpaused\n");
    CHECK(shown({"stop"}) == " Container proj-web-1  Stopping\n Container proj-web-1  Stopped\n");
    CHECK(
        shown({"up", "-d", "--force-recreate"}) ==
        " Container proj-web-1  Recreate\n Container proj-web-1  Recreated\n Container proj-web-1  Starting\n"
        " Container proj-web-1  Started\n");
    CHECK(world.compose({"run", "--rm", "web", "true"}).err.empty());
    CHECK(world.compose({"run", "--rm", "nope", "true"}).exit_code == 1);
    CHECK(world.compose({"run", "--rm", "web", "no-such-program"}).exit_code == 127);
    CHECK(shown({"stop"}) == " Container proj-web-1  Stopping\n Container proj-web-1  Stopped\n");
    // A stopped one too: it is started.
    CHECK(shown({"restart"}) == " Container proj-web-1  Restarting\n Container proj-web-1  Started\n");
    CHECK(shown({"start"}).empty());
    CHECK(shown({"kill"}) == " Container proj-web-1  Killing\n Container proj-web-1  Killed\n");
}

TEST_CASE("run and ls say what they are about, and nothing warns of files that berth itself mounts") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n"
                "  app: {image: tiny, command: sleep 1000, configs: [c], stop_signal: SIGKILL,\n"
                "        depends_on: {once: {condition: service_completed_successfully}}}\n"
                "  once: {image: tiny, command: 'true'}\n"
                "configs: {c: {content: told}}\n");
    const Run up = world.compose({"up", "-d"});
    CHECK(up.exit_code == 0);
    CHECK_THAT(up.err, !ContainsSubstring("warning"));
    CHECK_THAT(world.compose_ok({"ls"}), ContainsSubstring("running(1)") && !ContainsSubstring("exited"));
    CHECK_THAT(world.compose_ok({"ls", "-a"}), ContainsSubstring("exited(1), running(1)"));
    const Run run = world.compose({"run", "--rm", "--no-deps", "app", "cat", "/c"});
    CHECK(run.out == "told");
    CHECK(run.err.empty());
    CHECK(world.compose({"run", "--rm", "nobody"}).exit_code == 1);
    CHECK(world.compose({"run", "--rm", "--no-deps", "app", "no-such-program"}).exit_code == 127);
    world.compose_ok({"pause", "app"});
    CHECK_THAT(world.compose_ok({"ls"}), ContainsSubstring("paused(1)"));
    world.compose_ok({"unpause", "app"});
}

TEST_CASE("rm, kill, port and exec of what is not there: compose's words and codes") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_two);
    CHECK_THAT(world.compose({"kill"}).err, ContainsSubstring("no container to kill"));
    CHECK(world.compose({"kill"}).exit_code == 0);
    CHECK_THAT(world.compose({"rm", "-f"}).err, ContainsSubstring("No stopped containers"));
    CHECK(world.compose({"start"}).exit_code == 1);
    world.compose_ok({"up", "-d"});
    const Run index = world.compose({"exec", "--index", "3", "web", "true"});
    CHECK(index.exit_code == 1);
    CHECK_THAT(index.err, ContainsSubstring("service \"web\" is not running container #3"));
    CHECK(world.compose({"port", "web", "80"}).exit_code == 1);
    world.compose_ok({"stop"});
    const Run removed = world.compose({"rm", "-f"});
    CHECK(removed.out == "Going to remove proj-db-1, proj-web-1\n");
    CHECK_THAT(removed.err, ContainsSubstring(" Container proj-web-1  Removing") &&
                                ContainsSubstring(" Container proj-web-1  Removed"));
}

TEST_CASE("--dry-run stands behind the verb, too, and changes nothing; what cannot foretell refuses it") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", k_two);
    CHECK_THAT(world.compose_ok({"up", "--dry-run", "-d"}), ContainsSubstring("proj-web-1"));
    CHECK(world.ok({"ps", "-aq"}).empty());
    world.compose_ok({"up", "-d", "--menu=false"});
    CHECK(world.compose({"up", "--menu", "-d"}).exit_code == 1);
    for (const auto& verb :
         {std::vector<std::string>{"stop"}, {"kill"}, {"restart"}, {"down"}, {"rm", "-fs"}})
        CHECK_THAT(world.compose_ok([&] {
            auto words = verb;
            words.push_back("--dry-run");
            return words;
        }()),
                   ContainsSubstring("proj-web-1"));
    CHECK(world.compose({"--dry-run", "exec", "web", "touch", "/tmp/ran"}).exit_code == 1);
    CHECK(world.compose({"exec", "web", "test", "-e", "/tmp/ran"}).exit_code == 1);
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
    CHECK_THAT(world.compose_ok({"--dry-run", "scale", "web=3"}), ContainsSubstring("proj-web-2"));
    CHECK(split(world.compose_ok({"ps", "-q"}), '\n').size() == 2);
}

TEST_CASE("up --abort-on-container-exit ends with the code of the container that ended first") {
    World world;
    world.tiny_image();
    world.write("compose.yaml", "services:\n"
                                "  first: {image: tiny, command: sh -c 'exit 4'}\n"
                                "  other: {image: tiny, command: sleep 1000, stop_signal: SIGKILL}\n");
    CHECK(world.compose({"up", "--abort-on-container-exit"}).exit_code == 4);
    CHECK(world.compose({"up", "--abort-on-container-failure"}).exit_code == 4);
    CHECK(world.compose({"up", "--exit-code-from", "other"}).exit_code == 137);
    world.compose_ok({"down"});
}
