#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <array>
#include <map>
#include <string_view>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> k_units{
    {{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1.0}}};

std::int64_t du(const std::vector<std::string>& folders) {
    std::vector<std::string> args{"-sc", "-B1"};
    args.insert(args.end(), folders.begin(), folders.end());
    const Run run = host("du", args);
    const auto lines = split(trim(run.out), '\n');
    return parse_integer(lines.back().substr(0, lines.back().find('\t'))).value();
}

std::map<std::string, double> df(World& world) { // bytes by type; three digits are shown
    std::map<std::string, double> out;
    for (const auto& line : split(world.ok({"system", "df", "--format", "{{.Type}}={{.Size}}"}), '\n')) {
        const auto equals = line.find('=');
        auto text = line.substr(equals + 1);
        double unit = 1;
        for (const auto& [name, size] : k_units)
            if (text.ends_with(name)) {
                unit = size;
                text.resize(text.size() - name.size());
                break;
            }
        out[line.substr(0, equals)] = std::stod(text) * unit;
    }
    return out;
}

} // namespace

TEST_CASE("system df says what du says, layers that only the build cache keeps included") {
    World world;
    const auto& paths = world.paths();
    CHECK(world.berth({"system", "df"}).exit_code == 0); // nothing there yet
    world.tiny_image();
    world.write(
        "Dockerfile",
        "FROM tiny\nRUN dd if=/dev/zero of=/a bs=1k count=300\nRUN dd if=/dev/zero of=/b bs=1k count=500\n");
    world.ok({"build", "-q", "-t", "made", "."});
    world.ok({"volume", "create", "v"});
    world.ok({"run", "--rm", "-v", "v:/v", "made", "/bin/sh", "-c",
              "dd if=/dev/zero of=/v/file bs=1k count=200; ln /v/file /v/again"});
    world.ok({"run", "--name", "kept", "made", "/bin/sh", "-c", "dd if=/dev/zero of=/mine bs=1k count=100"});
    for (const bool image_gone : {false, true}) {
        if (image_gone) {
            world.ok({"rm", "kept"});
            world.ok({"rmi", "made"});
        }
        const auto shown = df(world);
        CAPTURE(image_gone);
        CHECK(shown.at("Images") + shown.at("Build Cache") ==
              Approx(static_cast<double>(du({paths.images(), paths.build()}))).epsilon(0.01));
        CHECK(shown.at("Local Volumes") == Approx(static_cast<double>(du({paths.volumes()}))).epsilon(0.01));
        CHECK(shown.at("Containers") == Approx(static_cast<double>(du({paths.containers()}))).epsilon(0.01));
        CHECK((shown.at("Build Cache") > 800e3) == image_gone);
    }
    world.ok({"system", "prune", "-af"});
    CHECK(df(world).at("Build Cache") < 800e3);
}

TEST_CASE("system df -v lists each image with what it shares, containers, volumes with their users, and the "
          "cache") {
    World world;
    world.tiny_image();
    world.write("Dockerfile", "FROM tiny\nRUN dd if=/dev/zero of=/a bs=1k count=300\n");
    world.ok({"build", "-q", "-t", "made", "."});
    world.ok({"volume", "create", "idle"});
    world.ok({"run", "--name", "kept", "-v", "v:/v", "made", "/bin/sh", "-c",
              "dd if=/dev/zero of=/v/file bs=1k count=200"});
    const auto text = world.ok({"system", "df", "-v"});
    CHECK_THAT(text, ContainsSubstring("Images space usage:\n\nREPOSITORY"));
    CHECK_THAT(text, ContainsSubstring("Local Volumes space usage:\n\nVOLUME NAME   LINKS     SIZE\nidle     "
                                       "     0         0B\nv             1         204.8kB\n"));
    CHECK_THAT(text, ContainsSubstring("Build cache usage: 0B\n"));
    const auto json = parse_json(world.ok({"system", "df", "-v", "--format", "json"})).value();
    REQUIRE(json.find("Images")->as_array()->size() == 2);
    for (const auto& image : *json.find("Images")->as_array()) {
        const bool made = *image.find("Repository")->as_string() == "made";
        CHECK(*image.find("UniqueSize")->as_string() == (made ? "307.2kB" : "0B"));
        CHECK(*image.find("Containers")->as_string() == (made ? "1" : "0"));
    }
    CHECK(*json.find("Containers")->as_array()->front().find("LocalVolumes")->as_string() == "1");
    CHECK(*json.find("BuildCache")->as_array()->front().find("Shared")->as_string() == "true");
    CHECK(world.ok({"system", "df", "-v", "--format", "{{range .Volumes}}{{.Name}} {{end}}"}) == "idle v ");
}
