#include "runtime/base/file.hpp"
#include "runtime/container/lifecycle.hpp"
#include "runtime/container/log_files.hpp"
#include "runtime/container/log_line.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <unistd.h>

using namespace berth;
using namespace berth::runtime;

namespace {

bool parses(std::string_view json) {
    std::string scratch;
    LogLine line;
    return parse_log_line(json, scratch, line);
}

std::string record(int number, const char* stream = "stdout") {
    char time[64];
    std::snprintf(time, sizeof time, "2026-01-02T03:04:%02d.000000000Z", number % 60);
    return concat("{\"log\":\"line ", number, "\\n\",\"stream\":\"", stream, "\",\"time\":\"",
                  static_cast<const char*>(time), "\"}\n");
}

std::string records(int first, int last) {
    std::string out;
    for (int i = first; i <= last; ++i)
        out += record(i);
    return out;
}

struct World {
    World()
        : temp(TempDir::make("/tmp", "berth-test-").value()), context{Paths(temp.path() + "/data",
                                                                            temp.path() + "/exec")} {
        ContainerSpec spec;
        spec.rootfs = temp.path();
        spec.command = {"true"};
        id = create(context, spec)->spec.id;
        log = join_path(context.paths.container(id), "log");
    }
    void put(const std::string& name, const std::string& text) {
        REQUIRE(write_atomic(join_path(log, name), text));
    }
    std::vector<std::string> read(const LogOptions& options, int most = -1) {
        std::vector<std::string> out;
        const auto status = read_logs(context, id, options, [&](const LogLine& line) {
            out.emplace_back(line.text);
            return most < 0 || static_cast<int>(out.size()) < most;
        });
        if (!status) FAIL(status.error().to_string());
        return out;
    }
    TempDir temp;
    Context context;
    std::string id, log;
};

std::vector<std::string> lines(int first, int last) {
    std::vector<std::string> out;
    for (int i = first; i <= last; ++i)
        out.push_back(concat("line ", i, "\n"));
    return out;
}

} // namespace

TEST_CASE("lines that are none") {
    for (const char* bad : {"", "{", "{}", "x", "{\"log\"}", "{\"log\":}", "{\"log\":1}", "{\"log\":\"a",
                            "{\"log\":\"\\x\"}", "{\"log\":\"\\u12\"}", "{\"log\":\"a\" \"stream\":\"b\"}",
                            "{\"log\":\"a\",}", "{\"stream\":\"stdout\"}", "{\"log\":\"a\",\"log\":\"b\"}",
                            "{\"log\":\"a\",\"x\":{", "{\"log\":\"a\\"}) {
        CAPTURE(bad);
        CHECK_FALSE(parses(bad));
    }
}

TEST_CASE("a line in any order, with unknown members and every escape") {
    std::string scratch;
    LogLine line;
    REQUIRE(parse_log_line(
        R"( {"time":"T","attrs":{"a":[1,"}"],"b":null}, "n":-1.5,"log":"a\"\\\/\b\f\n\r\tA\u00e9\u20ac\ud83d\ude00\ud83dx","stream":"stderr"})",
        scratch, line));
    CHECK(line.time == "T");
    CHECK(line.is_stderr);
    CHECK(line.text == "a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbdx");
    REQUIRE(parse_log_line(R"({"log":"plain","stream":"stdout","time":"t"})", scratch, line));
    CHECK(line.text == "plain");
    CHECK_FALSE(line.is_stderr);
}

TEST_CASE("all files, oldest first; what is torn is passed over") {
    World world;
    world.put("container.log.2", records(1, 3));
    world.put("container.log.1", records(4, 6) + "torn {\n");
    world.put("container.log.x", records(100, 101));
    world.put("container.log", records(7, 9) + "{\"log\":\"unfinished");
    CHECK(world.read({}) == lines(1, 9));
    CHECK(world.read({}, 4) == lines(1, 4));
}

TEST_CASE("the tail, over files and exactly at their borders") {
    World world;
    world.put("container.log.1", records(1, 5));
    world.put("container.log", records(6, 9));
    const auto tail = [&](std::int64_t count) {
        LogOptions options;
        options.tail = count;
        return world.read(options);
    };
    CHECK(tail(0).empty());
    for (int count = 1; count <= 9; ++count) {
        CAPTURE(count);
        CHECK(tail(count) == lines(10 - count, 9));
    }
    CHECK(tail(100) == lines(1, 9));
    CHECK(tail(-1) == lines(1, 9));
}

TEST_CASE("the tail of a file much larger than what is read at once") {
    World world;
    world.put("container.log", records(1, 20000));
    LogOptions options;
    options.tail = 12345;
    CHECK(world.read(options) == lines(20000 - 12345 + 1, 20000));
}

TEST_CASE("no log yet, and no log at all") {
    World world;
    CHECK(world.read({}).empty());
    LogOptions options;
    options.tail = 5;
    CHECK(world.read(options).empty());
}

TEST_CASE("since and until") {
    World world;
    world.put("container.log", records(1, 9));
    LogOptions options;
    options.since = parse_rfc3339("2026-01-02T03:04:04Z").value();
    CHECK(world.read(options) == lines(4, 9));
    options.until = parse_rfc3339("2026-01-02T03:04:06Z").value();
    CHECK(world.read(options) == lines(4, 6));
}

TEST_CASE("following what has ended reads to the end and returns") {
    World world;
    world.put("container.log", records(1, 3));
    LogOptions options;
    options.follow = true;
    CHECK(world.read(options) == lines(1, 3));
    options.tail = 1;
    CHECK(world.read(options) == lines(3, 3));
}

TEST_CASE("younger files after a rotation, also when the one that was read is gone") {
    World world;
    world.put("container.log", records(1, 2));
    auto files = open_log_files(world.log);
    REQUIRE(files);
    REQUIRE(files->size() == 1);
    const auto inode = files->front().inode;
    const auto rotate = [&](const char* from, const char* to) {
        REQUIRE(::rename(join_path(world.log, from).c_str(), join_path(world.log, to).c_str()) == 0);
    };
    rotate("container.log", "container.log.1");
    world.put("container.log", records(3, 4));
    rotate("container.log.1", "container.log.2");
    rotate("container.log", "container.log.1");
    world.put("container.log", records(5, 6));
    CHECK(open_younger(world.log, inode)->size() == 2);
    CHECK(open_younger(world.log, inode + 12345)->size() == 3);
}

TEST_CASE("a line that comes in pieces is one line") {
    World world;
    const auto path = join_path(world.log, "container.log");
    REQUIRE(write_atomic(path, "half"));
    auto files = open_log_files(world.log);
    REQUIRE(files);
    LineReader reader;
    std::vector<std::string> seen;
    const auto take = [&](std::string_view line) {
        seen.emplace_back(line);
        return true;
    };
    REQUIRE(reader.read_on(files->front(), take));
    CHECK(seen.empty());
    const auto file = open_file(path, O_WRONLY | O_APPEND);
    REQUIRE(file);
    REQUIRE(write_all(file->get(), " whole\nnext\nrest", path));
    REQUIRE(reader.read_on(files->front(), take));
    CHECK(seen == std::vector<std::string>{"half whole", "next"});
}
