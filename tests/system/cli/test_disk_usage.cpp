#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <array>
#include <map>
#include <string_view>

using namespace berth;
using namespace berth::test;

namespace {

constexpr std::array<std::pair<std::string_view, double>, 4> k_units{{{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1.0}}};

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
    world.write("Dockerfile", "FROM tiny\nRUN dd if=/dev/zero of=/a bs=1k count=300\nRUN dd if=/dev/zero of=/b bs=1k count=500\n");
    world.ok({"build", "-q", "-t", "made", "."});
    world.ok({"volume", "create", "v"});
    world.ok({"run", "--rm", "-v", "v:/v", "made", "/bin/sh", "-c", "dd if=/dev/zero of=/v/file bs=1k count=200; ln /v/file /v/again"});
    world.ok({"run", "--name", "kept", "made", "/bin/sh", "-c", "dd if=/dev/zero of=/mine bs=1k count=100"});
    for (const bool image_gone : {false, true}) {
        if (image_gone) {
            world.ok({"rm", "kept"});
            world.ok({"rmi", "made"});
        }
        const auto shown = df(world);
        CAPTURE(image_gone);
        CHECK(shown.at("Images") + shown.at("Build Cache") == Approx(static_cast<double>(du({paths.images(), paths.build()}))).epsilon(0.01));
        CHECK(shown.at("Local Volumes") == Approx(static_cast<double>(du({paths.volumes()}))).epsilon(0.01));
        CHECK(shown.at("Containers") == Approx(static_cast<double>(du({paths.containers()}))).epsilon(0.01));
        CHECK((shown.at("Build Cache") > 800e3) == image_gone);
    }
    world.ok({"system", "prune", "-af"});
    CHECK(df(world).at("Build Cache") < 800e3);
}
