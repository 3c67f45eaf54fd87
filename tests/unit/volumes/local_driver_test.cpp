#include "tests/support/catch.hpp"
#include "volumes/local_driver.hpp"

using namespace berth;
using namespace berth::volumes;

namespace {
Volume volume(std::map<std::string, std::string> options) {
    Volume out;
    out.name = "data";
    out.options = std::move(options);
    return out;
}
std::string refused(std::map<std::string, std::string> options) {
    const auto parsed = parse_local(volume(std::move(options)));
    REQUIRE_FALSE(parsed.has_value());
    return parsed.error().to_string();
}
} // namespace

TEST_CASE("options of the local driver that cannot work are refused with what to do") {
    CHECK(refused({{"devise", "/x"}}).find("did you mean device?") != std::string::npos);
    CHECK(refused({{"o", "bind"}}).find("no absolute path") != std::string::npos);
    CHECK(refused({{"o", "bind"}, {"device", "relative"}}).find("no absolute path") != std::string::npos);
    CHECK(refused({{"o", "bind,ro"}, {"device", "/srv"}}).find("on the service's mount") !=
          std::string::npos);
    CHECK(refused({{"device", "/srv"}}).find("no type") != std::string::npos);
    CHECK(refused({{"type", "nfs"}}).find("no device") != std::string::npos);
    Volume other = volume({});
    other.driver = "rexray";
    CHECK_FALSE(parse_local(other).has_value());
}

TEST_CASE("what the options of the local driver mean") {
    CHECK(parse_local(volume({}))->kind == LocalKind::plain);
    const auto bind = parse_local(volume({{"type", "none"}, {"o", "bind"}, {"device", "/srv/data"}}));
    REQUIRE(bind);
    CHECK(bind->kind == LocalKind::bind);
    CHECK(bind->device == "/srv/data");
    const auto memory =
        parse_local(volume({{"type", "tmpfs"}, {"o", "size=10m, mode=1777"}, {"device", "tmpfs"}}));
    REQUIRE(memory);
    CHECK(memory->kind == LocalKind::filesystem);
    CHECK(memory->options == std::vector<std::string>{"size=10m", "mode=1777"});
    const auto nfs =
        parse_local(volume({{"type", "nfs"}, {"o", "addr=10.0.0.1,rw"}, {"device", ":/export"}}));
    REQUIRE(nfs);
    CHECK(nfs->kind == LocalKind::filesystem);
}
