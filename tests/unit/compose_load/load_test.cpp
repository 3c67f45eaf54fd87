#include "compose/load/key_order.hpp"
#include "compose/model/service_hash.hpp"
#include "tests/unit/compose_load/project_folder.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::test;

namespace {

std::vector<std::string> errors_of(const std::string& text) {
    ProjectFolder folder;
    folder.write("compose.yaml", text);
    return folder.errors();
}

} // namespace

TEST_CASE("no compose file is one error with a hint") {
    ProjectFolder folder;
    const auto errors = folder.errors();
    REQUIRE(errors.size() == 1);
    CHECK(contains(errors[0], "no compose file"));
}

TEST_CASE("all errors of a file come at once, each with its place") {
    const auto errors = errors_of(
        "services:\n  web:\n    image: [a]\n    prots: ['80']\n    ports: ['80:x']\n    tty: maybe\n"
        "    networks: [frontt]\n    depends_on: [dbb]\n  db:\n    image: x\nnetworks:\n  front:\n");
    REQUIRE(errors.size() == 6);
    CHECK(contains(errors[0], "compose.yaml:3:12: services.web.image: must be a string, not a list"));
    CHECK(contains(errors[1],
                   "compose.yaml:4:5: services.web.prots: unknown key 'prots' (did you mean 'ports'?)"));
    CHECK(contains(errors[2], "compose.yaml:5:13: services.web.ports[0]"));
    CHECK(contains(errors[3], "compose.yaml:6:10: services.web.tty: must be true or false, not 'maybe'"));
    CHECK(contains(errors[4], "undefined network 'frontt' (did you mean 'front'?)"));
    CHECK(contains(errors[5], "undefined service 'dbb' (did you mean 'db'?)"));
}

TEST_CASE("an item behind one that is refused keeps its index, and each is told once") {
    ProjectFolder folder;
    folder.write("base.yaml",
                 "services: {b: {image: x, ports: [bad, {targt: 80}], volumes: [\"a::b\", {tpe: bind}]}}\n");
    folder.write("compose.yaml",
                 "include: [base.yaml]\nservices: {a: {extends: {file: base.yaml, service: b}}}\n");
    std::string all;
    for (const auto& error : folder.errors())
        all += error;
    for (const auto* path :
         {"services.a.ports[0]:", "services.a.ports[1].targt:", "services.a.volumes[0]:",
          "services.a.volumes[1].tpe:", "services.b.ports[0]:", "services.b.ports[1].targt:"}) {
        INFO(all);
        const auto first = all.find(path);
        REQUIRE(first != std::string::npos);
        CHECK(all.find(path, first + 1) == std::string::npos);
    }
}

TEST_CASE("rules between fields") {
    CHECK(contains(errors_of("services: {a: {}}\n").at(0), "neither an image nor a build"));
    CHECK(contains(errors_of("services: {a: {image: x, network_mode: host, networks: [default]}}\n").at(0),
                   "exclude each other"));
    CHECK(contains(errors_of("services: {a: {image: x, scale: 2, deploy: {replicas: 3}}}\n").at(0),
                   "scale is 2"));
    CHECK(contains(errors_of("services: {a: {image: x, scale: 2, container_name: one}}\n").at(0),
                   "one container"));
    CHECK(contains(
        errors_of("services: {a: {image: x, mem_limit: 1g, deploy: {resources: {limits: {memory: 2g}}}}}\n")
            .at(0),
        "differ"));
    CHECK(contains(errors_of("services: {a: {image: x, tmpfs: /a, volumes: ['./b:/a']}}\n").at(0),
                   "same target"));
    CHECK(contains(errors_of("services: {a: {image: x, healthcheck: {test: [curl, x]}}}\n").at(0),
                   "NONE, CMD or CMD-SHELL"));
    CHECK(
        contains(errors_of("services: {a: {image: x, stop_grace_period: 10}}\n").at(0), "must be a string"));
    CHECK(contains(errors_of("services: {a: {image: x, ports: [{target: 99999}]}}\n").at(0),
                   "not a number from 0 to 65535"));
    CHECK(contains(errors_of("services: {a: {image: x, volumes: ['data:/d']}}\n").at(0),
                   "undefined volume 'data'"));
    CHECK(contains(
        errors_of("services: {a: {image: x}}\nvolumes: {v: {external: true, driver: local}}\n").at(0),
        "exclude each other"));
}

TEST_CASE("a missing required variable points at its expression") {
    const auto errors = errors_of("services:\n  web:\n    image: \"nginx:${TAG:?choose one}\"\n");
    REQUIRE(errors.size() == 1);
    CHECK(contains(
        errors[0],
        "compose.yaml:3:19: services.web.image: required variable TAG is missing a value: choose one"));
}

TEST_CASE("an unset variable is one warning, however often it is used") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a: {image: 'x${TAG}'}\n  b: {image: 'y${TAG}'}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    REQUIRE(result.diagnostics.warnings.size() == 1);
    CHECK(result.diagnostics.warnings[0].message() ==
          "The \"TAG\" variable is not set. Defaulting to a blank string.");
}

TEST_CASE("a typed field that a variable fills is checked, and says where the value came from") {
    ProjectFolder folder;
    folder.write(".env", "# c\nREPLICAS=many\nTTY=yes\n");
    folder.write("compose.yaml", "services:\n  a: {image: x, scale: '${REPLICAS}', tty: $TTY}\n");
    const auto result = folder.load();
    REQUIRE(result.diagnostics.errors.size() == 1);
    REQUIRE_FALSE(result.diagnostics.errors[0].notes().empty());
    CHECK(contains(result.diagnostics.errors[0].notes()[0].text, ".env:2"));
}

TEST_CASE("environment: precedence of shell, env files and the service itself") {
    ProjectFolder folder;
    folder.options.environment = {{"SHELL_VAR", "shell"}, {"BOTH", "shell"}};
    folder.write(".env", "BOTH=dotenv\nDOT=dotenv\n");
    folder.write("one.env", "A=one\nB=one\nC='$DOT'\nD=\"$DOT\"\n");
    folder.write("two.env", "B=two\n");
    folder.write("compose.yaml", "services:\n  a:\n    image: '${BOTH}-${DOT}'\n    env_file: [one.env, "
                                 "two.env, {path: none.env, required: false}]\n"
                                 "    environment: [A=own, SHELL_VAR, NOPE]\n");
    const auto service = folder.project().services.at("a");
    CHECK(service.image == "shell-dotenv");
    CHECK(*service.environment.at("A") == "own");
    CHECK(*service.environment.at("B") == "two");
    CHECK(*service.environment.at("C") == "$DOT");
    CHECK(*service.environment.at("D") == "dotenv");
    CHECK(*service.environment.at("SHELL_VAR") == "shell");
    CHECK_FALSE(service.environment.at("NOPE"));
}

TEST_CASE("files are found upwards, with their override, and COMPOSE_FILE comes first") {
    ProjectFolder folder;
    folder.write("compose.yml", "services: {a: {image: x}}\n");
    folder.write("compose.override.yaml", "services: {a: {user: over}}\n");
    folder.write("other.yaml", "services: {b: {image: y}}\n");
    folder.write("deep/er/file", "");
    const std::string top = folder.path();
    folder.options.working_directory = top + "/deep/er";
    auto project = folder.project();
    CHECK(project.services.at("a").user == "over");
    CHECK(project.directory == top);
    folder.options.working_directory = top;
    folder.options.environment["COMPOSE_FILE"] = "other.yaml:compose.yml";
    project = folder.project();
    CHECK(project.services.size() == 2);
    CHECK(project.services.at("a").user.empty());
}

TEST_CASE("project names: flag, environment, file, folder") {
    ProjectFolder folder;
    folder.write("My.Shop/compose.yaml",
                 "name: from-file\nservices: {a: {image: '$COMPOSE_PROJECT_NAME'}}\n");
    folder.options.working_directory += "/My.Shop";
    CHECK(folder.project().name == "demo");
    folder.options.project_name.clear();
    CHECK(folder.project().name == "from-file");
    CHECK(folder.project().services.at("a").image == "from-file");
    folder.options.environment["COMPOSE_PROJECT_NAME"] = "from-env";
    CHECK(folder.project().name == "from-env");
    folder.options.environment.clear();
    folder.write("My.Shop/compose.yaml", "services: {a: {image: x}}\n");
    CHECK(folder.project().name == "myshop");
    folder.options.project_name = "No Good";
    CHECK(contains(folder.errors().at(0), "invalid project name 'No Good'"));
}

TEST_CASE("profiles") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug]}\n  c: "
                                 "{image: x, profiles: [tools], depends_on: [a]}\n");
    CHECK(folder.project().services.size() == 1);
    CHECK(folder.project().disabled_services.size() == 2);
    folder.options.profiles = {"debug"};
    CHECK(folder.project().services.count("b") == 1);
    folder.options.profiles = {"*"};
    CHECK(folder.project().services.size() == 3);
    folder.options.profiles.clear();
    folder.options.services = {"c"};
    CHECK(folder.project().services.count("c") == 1);
    folder.options.services.clear();
    folder.write("compose.yaml",
                 "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, profiles: [debug]}\n");
    CHECK(contains(folder.errors().at(0), "--profile debug"));
}

TEST_CASE("defaults, names and implied dependencies") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a: {image: x, links: ['b:alias'], volumes: ['v:/v']}\n  b: "
                                 "{image: x, network_mode: 'service:c'}\n"
                                 "  c: {image: x, networks: {n: }}\nnetworks: {n: {name: real}, ext: "
                                 "{external: true}}\nvolumes: {v: }\n");
    const auto project = folder.project();
    CHECK(project.networks.at("default").name == "demo_default");
    CHECK(project.networks.at("n").name == "real");
    CHECK(project.networks.at("ext").name == "ext");
    CHECK(project.volumes.at("v").name == "demo_v");
    CHECK(project.services.at("a").networks.at(0).network == "default");
    CHECK(project.services.at("b").networks.empty());
    CHECK(project.services.at("a").depends_on.at(0).service == "b");
    CHECK(project.services.at("b").depends_on.at(0).service == "c");
}

TEST_CASE("what has no effect on one host is named once a file") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a: {image: x, deploy: {placement: {constraints: [a]}, "
                                 "endpoint_mode: vip}}\n  b: {image: x, cpu_rt_period: 1}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    REQUIRE(result.diagnostics.warnings.size() == 1);
    CHECK(contains(result.diagnostics.warnings[0].message(), "services.a.deploy.placement"));
    CHECK(contains(result.diagnostics.warnings[0].message(), "services.b.cpu_rt_period"));
}

TEST_CASE("what config prints loads again to the same model") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a:\n    image: x\n    command: [echo, '$$HOME', 'yes', '1', "
                                 "\"a: b\", '', \"two\\nlines\\n\", '# c', \"tab\\t\"]\n"
                                 "    environment: {N: '007', Y: 'yes', T: '12:30', D: '2020-01-01', U: 'ü', "
                                 "Q: 'it''s'}\n    ports: ['127.0.0.1:80-81:80-81']\n"
                                 "    x-note: {k: [1, 2]}\n    cpus: 0.5\n    mem_limit: 64m\n    "
                                 "healthcheck: {test: exit 0, interval: 1m30s}\n");
    const auto first = folder.load();
    REQUIRE(first.project);
    folder.write("compose.yaml", to_yaml(first.document));
    const auto second = folder.load();
    REQUIRE(second.project);
    CHECK(first.document.to_text(1) == second.document.to_text(1));
    CHECK(first.canonical == second.canonical);
    CHECK(service_hash(first.project->services.at("a")) == service_hash(second.project->services.at("a")));
}

TEST_CASE("a whole number may be written with a point") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "services:\n  a: {image: x, deploy: {replicas: 2.0}, ports: [{target: 80.0}]}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    CHECK(result.project->services.at("a").scale == 2);
    CHECK(result.project->services.at("a").ports.at(0).target == 80);
    folder.write("compose.yaml", "services:\n  a: {image: x, deploy: {replicas: 2.5}}\n");
    CHECK(contains(folder.errors().at(0), "must be an integer"));
}

TEST_CASE("a project's name in the file is made fit, elsewhere it must be right") {
    ProjectFolder folder;
    folder.options.project_name.clear();
    folder.write("compose.yaml", "name: My Shop.v2\nservices: {a: {image: 'x:${COMPOSE_PROJECT_NAME}'}}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    CHECK(result.project->name == "myshopv2");
    CHECK(result.project->services.at("a").image == "x:myshopv2");
    folder.options.project_name = "Shop";
    CHECK(contains(folder.errors().at(0), "invalid project name 'Shop'"));
    folder.options.project_name.clear();
    folder.write("compose.yaml", "name: '..'\nservices: {a: {image: x}}\n");
    CHECK(contains(folder.errors().at(0), "invalid project name '..'"));
}

TEST_CASE("the hash follows the container, not the way to it") {
    Service a;
    a.name = "a";
    a.image = "x";
    const auto before = service_hash(a);
    CHECK(before.size() == 64);
    a.scale = 5;
    a.depends_on.push_back({});
    a.build.emplace();
    a.pull_policy = "always";
    a.profiles = {"p"};
    CHECK(service_hash(a) == before);
    a.environment["A"] = std::nullopt;
    CHECK(service_hash(a) != before);
}

TEST_CASE("without interpolation variables stay what they are, in typed fields too") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "services:\n  a:\n    image: x:$TAG\n    cpus: ${CPUS}\n    ports: ['${PORT}:80', '81:81']\n"
                 "    environment: {A: '$$b'}\n    command: echo $X\n");
    folder.options.interpolate = false;
    const auto result = folder.load();
    for (const auto& error : result.diagnostics.errors)
        UNSCOPED_INFO(error.to_string());
    REQUIRE(result.project);
    const auto text = result.canonical.to_text();
    for (const auto* part : {"\"x:$TAG\"", "\"${CPUS}\"", "\"${PORT}:80\"", "\"$$b\"", "\"echo $X\""})
        CHECK(contains(text, part));
}

TEST_CASE("numbers and sizes beyond 2^53 keep every digit") {
    ProjectFolder folder;
    folder.write(
        "compose.yaml",
        "services:\n  a:\n    image: x\n    shm_size: 9007199254740993b\n    mem_limit: 9007199254740993\n"
        "    environment: {A: 9007199254740993, B: 18446744073709551615}\n"
        "    ulimits: {nofile: 9007199254740993}\nx-a: 18446744073709551615\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    const std::string yaml = to_yaml(result.document);
    for (const auto* line :
         {"shm_size: \"9007199254740993\"", "mem_limit: \"9007199254740993\"", "A: \"9007199254740993\"",
          "B: \"18446744073709551615\"", "nofile: 9007199254740993", "x-a: 18446744073709551615\n"})
        CHECK(contains(yaml, line));
}

TEST_CASE("the names of ulimits are checked where they stand") {
    const auto errors = errors_of("services:\n  a: {image: x, ulimits: {nofile: 1, nprocs: 2}}\n");
    REQUIRE(errors.size() == 1);
    CHECK(contains(
        errors[0],
        "compose.yaml:2:38: services.a.ulimits.nprocs: unknown key 'nprocs' (did you mean 'nproc'?)"));
}

TEST_CASE("without normalisation the context and empty resources are still there; without path resolution "
          "includes are told apart") {
    ProjectFolder folder;
    folder.write("sub/one.yaml", "services: {s: {build: ., env_file: s.env}}\n");
    folder.write("sub/s.env", "A=1\n");
    folder.write(
        "compose.yaml",
        "include: [sub/one.yaml]\nservices:\n  a: {build: {target: t}, networks: [n], volumes: [\"v:/d/\"]}\n"
        "networks: {n: }\nvolumes: {v: }\n");
    folder.options.normalize = false;
    folder.options.resolve_paths = false;
    const auto result = folder.load();
    REQUIRE(result.project);
    const std::string json = result.canonical.to_text();
    CHECK(contains(json, "\"a\":{\"build\":{\"context\":\".\",\"target\":\"t\"}"));
    CHECK(contains(json, "\"target\":\"/d\""));
    CHECK(contains(json, "\"networks\":{\"n\":{\"ipam\":{}}}"));
    CHECK(contains(json, "\"volumes\":{\"v\":{}}"));
    CHECK(contains(json, "\"build\":{\"context\":\"sub\"}"));
    CHECK(contains(json, "\"A\":\"1\""));
}

TEST_CASE("a range of all ports is a list of them, and a repeated item in a long list is found") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services:\n  a: {image: x, ports: [\"1-65535:1-65535\"]}\n");
    CHECK(folder.project().services.at("a").ports.size() == 65535);
    std::string groups;
    for (int i = 0; i < 100; ++i)
        groups += concat(i, ", ");
    const auto errors = errors_of("services:\n  a: {image: x, group_add: [" + groups + "50]}\n");
    REQUIRE(errors.size() == 1);
    CHECK(contains(errors[0], "the same value stands in this list before"));
}

TEST_CASE("what a variable that is not set leaves: no image, no container name, the default Dockerfile, the "
          "project's folder") {
    CHECK(contains(errors_of("services: {a: {image: \"${X}\"}}\n").at(0), "neither an image nor a build"));
    CHECK(contains(errors_of("services: {a: {image: x, container_name: \"${X}\"}}\n").at(0),
                   "'' is not a container name"));
    ProjectFolder folder;
    folder.write(
        "compose.yaml",
        "services: {a: {image: \"${X}\", build: {context: ., dockerfile: \"${X}\"}, volumes: [\"v:/v\"]}}\n"
        "volumes: {v: {driver: local, driver_opts: {o: bind, device: \"${X}\"}}}\n");
    const auto result = folder.load();
    REQUIRE(result.project);
    const auto json = result.canonical.to_text();
    CHECK(!contains(json, "dockerfile"));
    CHECK(contains(json, "\"device\":\"" + folder.path() + "\""));
}

TEST_CASE("the words of a health check may repeat") {
    CHECK(errors_of("services: {a: {image: x, healthcheck: {test: [CMD, a, -x, b, -x, b]}}}\n").empty());
}

TEST_CASE("without interpolation the model is what the files say, with paths and names filled in") {
    ProjectFolder folder;
    folder.write("compose.yaml",
                 "x-k: ${K}\nservices:\n  a:\n    image: \"x:${TAG}\"\n    environment: [\"A=${A}\", B=$$1]\n"
                 "    ports: [\"${P}:80\", \"81:81\"]\n    mem_limit: 64m\n    env_file: ${E}\n    build: .\n"
                 "  off: {image: y, profiles: [p]}\n");
    folder.options.interpolate = false;
    const auto result = folder.load();
    REQUIRE(result.project);
    const auto json = result.canonical.to_text();
    for (const auto* part :
         {"\"x-k\":\"${K}\"", "\"image\":\"x:${TAG}\"", "[\"A=${A}\",\"B=$$1\"]", "\"mem_limit\":\"64m\"",
          "\"networks\":{\"default\":null}", "\"name\":\"demo_default\"", "\"off\":{"})
        CHECK(contains(json, part));
    CHECK(contains(json, "\"context\":\"" + folder.path() + "\""));
    CHECK_FALSE(contains(json, "\"command\""));
}

TEST_CASE("profiles named on the command line stand for COMPOSE_PROFILES") {
    ProjectFolder folder;
    folder.write("compose.yaml", "services: {a: {image: x, profiles: [p]}, b: {image: x, profiles: [q]}}\n");
    folder.options.environment = {{"COMPOSE_PROFILES", "p"}};
    CHECK(folder.project().services.count("a") == 1);
    folder.options.profiles = {"q"};
    CHECK(folder.project().services.count("a") == 0);
    CHECK(folder.project().services.count("b") == 1);
}

TEST_CASE("YAML counts its keys as people do, JSON sorts them by bytes") {
    std::vector<std::string> words{""}; // all of up to three of these letters
    for (std::size_t i = 0; i < words.size() && words[i].size() < 3; ++i)
        for (const char c : {'0', '1', 'a', '-'})
            words.push_back(words[i] + c);
    int wrong = 0; // it must be an order: any two words differ in one direction, and a < b < c is a < c
    for (const auto& a : words)
        for (const auto& b : words) {
            wrong += (a != b) != (load::counts_before(a, b) != load::counts_before(b, a)) ? 1 : 0;
            for (const auto& c : words)
                wrong += load::counts_before(a, b) && load::counts_before(b, c) && !load::counts_before(a, c)
                             ? 1
                             : 0;
        }
    CHECK(wrong == 0);
    CHECK(load::counts_before("s2", "s10"));
    CHECK(load::counts_before("a2b", "a2-b"));
    CHECK(load::counts_before("a-b", "ab"));
    CHECK(load::counts_before("s100", "s1010"));
    CHECK(load::counts_before("a1", "a01"));
    ProjectFolder folder;
    folder.write("compose.yaml", "services: {s10: {image: x}, s2: {image: x}}\n");
    const auto result = folder.load();
    CHECK(to_yaml(result.document).find("s2:") < to_yaml(result.document).find("s10:"));
    CHECK(result.canonical.to_text().find("s2") > result.canonical.to_text().find("s10"));
}
