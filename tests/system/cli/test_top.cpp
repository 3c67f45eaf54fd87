// top with the columns that ps(1) would have; logs --details.
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <algorithm>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<std::string> words_of(const std::string& line) {
    std::vector<std::string> out;
    for (const auto& word : split(line, ' '))
        if (!word.empty()) out.push_back(word);
    return out;
}

} // namespace

TEST_CASE("top: options and columns that are not known are refused by name") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sleep", "1000"});
    for (const auto& [options, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"-o", "pid,bogus"}, "bogus"}, {{"--forest"}, "--forest"}, {{"-o"}, "-o"}, {{"-Z"}, "-Z"}}) {
        std::vector<std::string> args{"top", "box"};
        args.insert(args.end(), options.begin(), options.end());
        const Run refused = world.berth(args);
        CAPTURE(join(args, " "), refused.err);
        CHECK(refused.exit_code != 0);
        CHECK_THAT(refused.err, ContainsSubstring(says));
    }
    world.ok({"stop", "-t", "0", "box"});
    CHECK(world.berth({"top", "box"}).exit_code == 1);
}

TEST_CASE("top: the columns of -ef, aux, -l and of a list") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "-u", "1000", "tiny", "sleep", "1000"});
    const auto lines = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"top", "box"});
        return split(world.ok(std::move(options)), '\n');
    };
    const auto pid = world.ok({"inspect", "-f", "{{.State.Pid}}", "box"});
    const auto full = lines({});
    CHECK(words_of(full.at(0)) ==
          std::vector<std::string>{"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"});
    CHECK(full.at(0).find("PID") == 20); // columns twenty wide, as docker's
    CHECK(words_of(full.at(1)).at(1) == pid);
    CHECK_THAT(full.at(1), ContainsSubstring("sleep 1000"));
    CHECK(lines({"-ef"}) == full);
    CHECK(words_of(lines({"aux"}).at(0)) == std::vector<std::string>{"USER", "PID", "%CPU", "%MEM", "VSZ",
                                                                     "RSS", "TTY", "STAT", "START", "TIME",
                                                                     "COMMAND"});
    CHECK(words_of(lines({"-l"}).at(0)).at(13) == "CMD");
    const auto chosen = lines({"-o", "pid,comm"});
    CHECK(words_of(chosen.at(0)) == std::vector<std::string>{"PID", "COMMAND"});
    CHECK(words_of(chosen.at(1)) == std::vector<std::string>{pid, "sleep"});
    const auto titled = lines({"-eo", "uid,s,pid=NUMBER"});
    CHECK(words_of(titled.at(0)) == std::vector<std::string>{"UID", "S", "NUMBER"});
    CHECK(words_of(titled.at(1)) == std::vector<std::string>{"1000", "S", pid});
    // As ps itself would say it of that process.
    const auto from_ps = words_of(host("ps", {"-o", "ppid=,nlwp=,ni=,pgid=,sid=,rss=", "-p", pid}).out);
    auto ours = words_of(lines({"axo", "ppid,nlwp,ni,pgid,sid,rss"}).at(1));
    REQUIRE(from_ps.size() == 6);
    CHECK(std::equal(ours.begin(), ours.begin() + 5, from_ps.begin()));
}

TEST_CASE("compose top: one table of several services, named and numbered") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  a: {image: tiny, command: sleep 1001, scale: 2, stop_grace_period: 0s}\n"
                "  b: {image: tiny, command: sleep 1002, stop_grace_period: 0s}\n");
    world.compose_ok({"up", "-d"});
    const auto all = split(world.compose_ok({"top"}), '\n');
    REQUIRE(all.size() == 4);
    CHECK(words_of(all[0]).at(0) == "SERVICE");
    CHECK(words_of(all[1]).at(0) + words_of(all[1]).at(1) == "a1");
    CHECK(words_of(all[2]).at(0) + words_of(all[2]).at(1) == "a2");
    CHECK(words_of(all[3]).at(0) + words_of(all[3]).at(1) == "b1");
    CHECK(split(world.compose_ok({"top", "b"}), '\n').size() == 2);
}

TEST_CASE("logs --details: labels, variables and tag of the log options stand before each line") {
    World world;
    world.tiny_image();
    const Run bad = world.berth({"run", "--rm", "--log-opt", "tag={{.Nonsense}}", "tiny", "true"});
    CHECK(bad.exit_code == 125);
    CHECK_THAT(bad.err, ContainsSubstring("Nonsense"));
    world.ok({"run", "-d", "--name", "box", "--log-opt", "labels=x,y", "--log-opt", "env=A,B", "--log-opt",
              "tag={{.Name}}", "-l", "x=1", "-e", "A=b\"c", "tiny", "echo", "one"});
    world.ok({"wait", "box"});
    CHECK(world.ok({"logs", "box"}) == "one");
    CHECK(world.ok({"logs", "--details", "box"}) == "A=b\"c,tag=box,x=1 one");
    CHECK_THAT(world.ok({"logs", "--details", "-t", "box"}), ContainsSubstring("Z A=b\"c,tag=box,x=1 one"));
    // In the file as docker writes it, for what ships logs.
    CHECK_THAT(
        host("cat", {world.ok({"inspect", "-f", "{{.LogPath}}", "box"})}).out,
        ContainsSubstring(
            "\"stream\":\"stdout\",\"attrs\":{\"A\":\"b\\\"c\",\"tag\":\"box\",\"x\":\"1\"},\"time\":\""));
    world.ok({"run", "--name", "plain", "tiny", "echo", "two"});
    CHECK(world.berth({"logs", "--details", "plain"}).out == " two\n");
}
