#include "compose/load/short_syntax.hpp"
#include "compose/source/command_line.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::load;

namespace {

std::string ports(std::string_view text) {
    const auto expanded = expand_port(text, {});
    if (!expanded) return "error";
    std::string out;
    for (const auto& port : *expanded)
        out += concat(out.empty() ? "" : " ", port.text_of("host_ip"), "|", port.text_of("published"), "|",
                      port.text_of("target"), "|", port.text_of("protocol"));
    return out;
}

std::string volume(std::string_view text) {
    const auto mount = expand_volume(text, {});
    if (!mount) return "error";
    return concat(mount->text_of("type"), "|", mount->text_of("source"), "|", mount->text_of("target"), "|",
                  mount->text_of("read_only"));
}

} // namespace

TEST_CASE("ports") {
    CHECK(ports("80") == "||80|tcp");
    CHECK(ports("8080:80/UDP") == "|8080|80|udp");
    CHECK(ports("127.0.0.1:8080:80") == "127.0.0.1|8080|80|tcp");
    CHECK(ports("127.0.0.1::80") == "127.0.0.1||80|tcp");
    CHECK(ports("[::1]:8080:80") == "::1|8080|80|tcp");
    CHECK(ports("3000-3001") == "||3000|tcp ||3001|tcp");
    CHECK(ports("90-91:80-81/sctp") == "|90|80|sctp |91|81|sctp");
    CHECK(ports("90-99:80") == "|90-99|80|tcp");
}

TEST_CASE("ports that are none") {
    for (const auto* text : {"", "a", "80:a", "65536", "80/icmp", "80-70", "90-95:80-81", "::1:80:80",
                             "300.1.1.1:80:80", "80:80:80:80", "1:", "-1", "80-", " 80"})
        CHECK(ports(text) == "error");
}

TEST_CASE("volumes") {
    CHECK(volume("data:/var/lib") == "volume|data|/var/lib|");
    CHECK(volume("./conf:/etc/app:ro") == "bind|./conf|/etc/app|true");
    CHECK(volume("~/x:/x") == "bind|~/x|/x|");
    CHECK(volume("/only/target") == "volume||/only/target|");
    CHECK(volume("d:/data") == "volume|d|/data|"); // one letter is a volume, not a drive
    CHECK(volume("C:\\data:/data") == "bind|C:\\data|/data|");
    CHECK(volume("${X:-a:b}:/c") == "volume|${X:-a:b}|/c|");
    for (const auto* text : {"", "a:b:c:d", "a::ro", ":/x"})
        CHECK(volume(text) == "error");
}

TEST_CASE("options of a short volume") {
    const auto mount = expand_volume("/a:/b:ro,Z,rslave,whatever", {});
    REQUIRE(mount);
    CHECK(mount->find("bind")->text_of("selinux") == "Z");
    CHECK(mount->find("bind")->text_of("propagation") == "rslave");
    CHECK(mount->find("bind")->text_of("create_host_path") == "true");
    CHECK(expand_volume("v:/b:nocopy", {})->find("volume")->text_of("nocopy") == "true");
}

TEST_CASE("devices and extra hosts") {
    const auto device = expand_device("/dev/a:/dev/b:r", {});
    REQUIRE(device);
    CHECK(device->text_of("target") == "/dev/b");
    CHECK(device->text_of("permissions") == "r");
    CHECK(expand_device("/dev/a", {})->text_of("permissions") == "rwm");
    CHECK_FALSE(expand_device("a:b:c:d", {}));
    CHECK(*expand_extra_host("db:10.0.0.1", {}) == "db=10.0.0.1");
    CHECK(*expand_extra_host("db=[::1]", {}) == "db=::1");
    CHECK_FALSE(expand_extra_host("db", {}));
}

TEST_CASE("a command line is split as the reference splits it") {
    const auto words = [](std::string_view text) {
        const auto line = split_command_line(text);
        return line ? join(line->words, "|") + (line->ignored.empty() ? "" : " ignored " + line->ignored)
                    : std::string("error");
    };
    CHECK(words("sh -c 'echo hi'  \"a b\" ''") == "sh|-c|echo hi|a b|");
    CHECK(words("a\\ b \\n \"x\\ty\" 'z\\n'") == "a b|\n|x\ty|z\\n");
    CHECK(words("a && b") == "a ignored && b");
    CHECK(words("a 2>&1") == "a ignored >&1");
    CHECK(words("a 'x && y'") == "a|x && y");
    CHECK(words("echo $(date x) `a b`") == "echo|$(date x)|`a b`");
    for (const auto* text : {"a 'b", "a \"b", "a \\", "(a)", "a $(b", "`a"})
        CHECK(words(text) == "error");
}
