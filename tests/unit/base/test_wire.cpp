#include "runtime/base/wire.hpp"
#include "runtime/sandbox/launch_plan.hpp"
#include "tests/support/catch.hpp"

using namespace berth;

TEST_CASE("the wire form reads back, and every damaged form of it is an error") {
    sandbox::LaunchPlan plan;
    plan.id = "abc";
    plan.root.lowers = {"/a", "/b"};
    plan.process.argv = {"sh", "-c", std::string("x\0y", 3)};
    plan.process.seccomp = {1, 2, 3};
    plan.mounts.push_back({"/data", "/srv", "bind", true, 1, 2, true, 3, {"o"}, false, true});
    const std::string bytes = to_wire(plan);
    const auto back = from_wire<sandbox::LaunchPlan>(bytes);
    REQUIRE(back);
    CHECK(to_wire(*back) == bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        CHECK_FALSE(from_wire<sandbox::LaunchPlan>(std::string_view(bytes).substr(0, size)));
    CHECK_FALSE(from_wire<sandbox::LaunchPlan>(bytes + "x"));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x80);
        (void)from_wire<sandbox::LaunchPlan>(damaged); // whatever it says, it must not read out of bounds
    }
}
