#include "compose/cli/container_flags.hpp"
#include "compose/cli/foreground.hpp"
#include "compose/cli/log_flags.hpp"
#include "compose/cli/mount_syntax.hpp"
#include "compose/cli/port_syntax.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <ctime>

using namespace berth;

TEST_CASE("port mappings that are none are refused") {
    for (const char* text : {"", "x", "80800", "0:80", "80:0", "1:2:3:4", "[::1:80:80", "300.1.1.1:80:80",
                             "80:80/sctp", "80-70:80", "80-81:80-90", ":"})
        CHECK_FALSE(cli::parse_published(text).has_value());
}
TEST_CASE("port mappings in all their forms") {
    const auto one = [](const char* text) { return cli::parse_published(text)->at(0); };
    CHECK(one("80").container_port == 80);
    CHECK(one("80").host_port == 0);
    CHECK(one("8080:80/udp").protocol == "udp");
    CHECK(one("8080:80").host_port == 8080);
    CHECK(one("127.0.0.1:8080:80").host_ip == "127.0.0.1");
    CHECK(one("127.0.0.1::80").host_port == 0);
    CHECK(one("[::1]:8080:80").host_ip == "::1");
    CHECK(one("8000-8010:80").host_port_end == 8010);
    const auto many = *cli::parse_published("8000-8002:90-92");
    REQUIRE(many.size() == 3);
    CHECK(many[2].host_port == 8002);
    CHECK(many[2].container_port == 92);
}
TEST_CASE("ports are shown as docker shows them, ranges joined") {
    runtime::PublishedPort a;
    a.host_port = 8080;
    a.container_port = 80;
    CHECK(cli::show_ports({a}, {"80/tcp", "443/tcp"}) == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 443/tcp");
    std::vector<runtime::PublishedPort> range;
    for (int i = 0; i < 3; ++i) {
        a.host_ip = "127.0.0.1";
        a.host_port = 9000 + i;
        a.container_port = 90 + i;
        range.push_back(a);
    }
    CHECK(cli::show_ports(range, {}) == "127.0.0.1:9000-9002->90-92/tcp");
}
TEST_CASE("volumes that are none are refused") {
    for (const char* text : {"", ":", "a:", ":/x", "a:b", "a:/x:rw:z", "a:/x:foo", "a:/", "-x:/y"})
        CHECK_FALSE(cli::parse_volume_flag(text, "/here").has_value());
    for (const char* text : {"", "target=/x,type=foo", "type=bind,target=/x", "type=tmpfs,source=a,target=/x",
                             "type=volume,source=a", "target=x", "target=/x,foo=1",
                             "type=bind,source=/a,target=/b,readonly=perhaps"})
        CHECK_FALSE(cli::parse_mount_flag(text, "/here").has_value());
    CHECK_FALSE(cli::parse_tmpfs_flag("run").has_value());
}
TEST_CASE("volumes in all their forms") {
    CHECK(cli::parse_volume_flag("/data", "/here")->source.empty());
    CHECK(cli::parse_volume_flag("data:/data:ro", "/here")->read_only);
    CHECK(cli::parse_volume_flag("data:/data", "/here")->kind == runtime::MountKind::volume);
    CHECK(cli::parse_volume_flag("./x:/data", "/here")->source == "/here/x");
    CHECK(cli::parse_volume_flag("/a/../b:/data:z,rslave", "/here")->source == "/b");
    const auto mount =
        *cli::parse_mount_flag("type=bind,src=x,dst=/y,readonly,bind-propagation=rshared", "/here");
    CHECK(mount.source == "/here/x");
    CHECK((mount.read_only && mount.propagation == "rshared" && !mount.create_host_path));
    CHECK(cli::parse_tmpfs_flag("/run:size=64m,ro")->options == std::vector<std::string>{"size=64m"});
}
TEST_CASE("detach keys") {
    CHECK(*cli::parse_detach_keys("") == "\x10\x11");
    CHECK(*cli::parse_detach_keys("ctrl-a,x,ctrl-]") == "\x01x\x1d");
    CHECK_FALSE(cli::parse_detach_keys("ctrl-").has_value());
    CHECK_FALSE(cli::parse_detach_keys("shift-a").has_value());
}
TEST_CASE("times of logs") {
    ::setenv("TZ", "UTC0", 1);
    ::tzset();
    CHECK(cli::parse_time_or_age("2026-01-02")->seconds == 1767312000);
    CHECK(cli::parse_time_or_age("2026-01-02T01:00")->seconds == 1767315600);
    ::setenv("TZ", "XYZ-2", 1); // two hours before UTC: a reading without a zone is one of here
    ::tzset();
    CHECK(cli::parse_time_or_age("2026-01-02T02:00:00.5")->seconds == 1767312000);
    CHECK(cli::parse_time_or_age("2026-01-02T02:00:00Z")->seconds == 1767319200);
    CHECK(cli::parse_time_or_age("2026-01-02T02:00:00+01:00")->seconds == 1767315600);
    ::unsetenv("TZ");
    ::tzset();
    CHECK(cli::parse_time_or_age("1767312000.5")->nanoseconds == 500'000'000);
    CHECK(cli::parse_time_or_age("10m")->seconds <= wall_now().seconds - 599);
    for (const char* text : {"", "yesterday", "2026-13-01", "m"})
        CHECK_FALSE(cli::parse_time_or_age(text).has_value());
}
TEST_CASE("labels and pairs") {
    CHECK(cli::labels_of({"a=b=c", "d"}) == std::map<std::string, std::string>{{"a", "b=c"}, {"d", ""}});
    CHECK_FALSE(cli::pairs_of({"x"}, "--opt").has_value());
    CHECK_FALSE(cli::pairs_of({"=x"}, "--opt").has_value());
}
