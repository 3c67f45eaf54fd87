#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/monitor/log_writer.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::monitor;

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    append_log_text(out, text);
    return out;
}

struct Log {
    TempDir folder = std::move(*TempDir::make("/tmp", "berth-log-"));
    LogPlan plan{folder.path(), 0, 3};
    std::vector<std::pair<std::string, std::string>> records() const { // stream, text
        std::vector<std::pair<std::string, std::string>> all;
        for (const auto& line : split(*read_file(folder.path() + "/container.log"), '\n')) {
            if (line.empty()) continue;
            const auto json = parse_json(line);
            REQUIRE(json);
            all.emplace_back(*json->find("stream")->as_string(), *json->find("log")->as_string());
        }
        return all;
    }
};

} // namespace

TEST_CASE("log text is valid JSON whatever the bytes are") {
    CHECK(escaped("plain") == "plain");
    CHECK(escaped("a\"b\\c\n\t\r") == "a\\\"b\\\\c\\n\\t\\r");
    CHECK(escaped(std::string_view("\0\x1b\x7f", 3)) == "\\u0000\\u001b\\u007f");
    CHECK(escaped("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3") == "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3");
    CHECK(escaped("\xff\xc3(") == "\\ufffd\\ufffd(");
    CHECK(escaped("\xc0\xaf\xed\xa0\x80") == "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"); // overlong, surrogate
    CHECK(escaped("{\"log\":\"fake\"}") == "{\\\"log\\\":\\\"fake\\\"}");
}

TEST_CASE("a record a line, across writes and streams") {
    Log log;
    LogWriter writer(log.plan);
    writer.write(Stream::out, "one\ntw");
    writer.write(Stream::err, "bad\n");
    writer.write(Stream::out, "o\n\nthree");
    writer.end(Stream::out);
    using Pair = std::pair<std::string, std::string>;
    CHECK(log.records() == std::vector<Pair>{{"stdout", "one\n"},
                                             {"stderr", "bad\n"},
                                             {"stdout", "two\n"},
                                             {"stdout", "\n"},
                                             {"stdout", "three"}});
}

TEST_CASE("long lines come in parts of 16 KiB that cut no character") {
    Log log;
    LogWriter writer(log.plan);
    std::string text(16 * 1024 - 1, 'x');
    text += "\xc3\xbc tail\n";
    writer.write(Stream::out, text);
    const auto records = log.records();
    REQUIRE(records.size() == 2);
    CHECK(records[0].second.size() == 16 * 1024 - 1);
    CHECK(records[1].second == "\xc3\xbc tail\n");
    writer.write(Stream::out, std::string(100'000, '\x80')); // no character boundary anywhere
    writer.end(Stream::out);
    CHECK(log.records().size() == 2 + 7);
}

TEST_CASE("files rotate and the oldest goes") {
    Log log;
    log.plan.max_size = 1000;
    LogWriter writer(log.plan);
    for (int i = 0; i < 100; ++i)
        writer.write(Stream::out, concat("line ", i, "\n"));
    CHECK(*list_dir(log.folder.path()) ==
          std::vector<std::string>{"container.log", "container.log.1", "container.log.2"});
    CHECK(log.records().back().second == "line 99\n");
    CHECK(read_file(log.folder.path() + "/container.log")->size() <= 1000);
    log.plan.max_files = 1;
    LogWriter single(log.plan);
    for (int i = 0; i < 100; ++i)
        single.write(Stream::out, concat("line ", i, "\n"));
    CHECK(read_file(log.folder.path() + "/container.log")->size() <= 1000);
}

TEST_CASE("what cannot be written is counted and told later") {
    Log log;
    LogPlan plan = log.plan;
    plan.directory += "/later";
    REQUIRE(write_atomic(plan.directory, "a file in the way"));
    LogWriter writer(plan);
    writer.write(Stream::out, "lost\n");
    CHECK(writer.lost_bytes() > 0);
    REQUIRE(remove_file(plan.directory));
    REQUIRE(make_dirs(plan.directory));
    writer.write(Stream::out, "found\n");
    const auto text = *read_file(plan.directory + "/container.log");
    CHECK(text.find("could not be written") != std::string::npos);
    CHECK(text.find("found") != std::string::npos);
    CHECK(writer.lost_bytes() == 0);
}
