#include "runtime/container/capabilities.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::runtime;

namespace {

constexpr std::uint64_t k_all = 0x1ffffffffff;

std::uint64_t settle(CapabilityRequest request, std::uint64_t available = k_all) {
    const auto set = settle_capabilities(request, available);
    REQUIRE(set);
    return *set;
}

} // namespace

TEST_CASE("an unknown capability is refused with the nearest name") {
    const auto set = settle_capabilities({false, {"NET_ADMN"}, {}}, k_all);
    REQUIRE_FALSE(set);
    CHECK(set.error().message() == "\"NET_ADMN\" is not a capability");
    CHECK(set.error().hint() == "did you mean \"net_admin\"?");
    CHECK_FALSE(settle_capabilities({false, {}, {"FOO"}}, k_all));
    CHECK_FALSE(settle_capabilities({false, {""}, {}}, k_all));
}

TEST_CASE("a capability that berth itself lacks cannot be given by name") {
    const auto without = k_all & ~(std::uint64_t{1} << 24);
    CHECK_FALSE(settle_capabilities({false, {"SYS_RESOURCE"}, {}}, without));
    CHECK(settle({false, {"ALL"}, {}}, without) == without);
    CHECK(settle({true, {}, {}}, without) == without);
}

TEST_CASE("the default set is docker's without MKNOD and AUDIT_WRITE") {
    CHECK(settle({}) == 0x800425fb);
}

TEST_CASE("adding and dropping, with every spelling") {
    CHECK(settle({false, {}, {"ALL"}}) == 0);
    for (const char* spelling : {"CHOWN", "chown", "cap_chown", "CAP_CHOWN"}) {
        CAPTURE(spelling);
        CHECK(settle({false, {spelling}, {"ALL"}}) == 1);
    }
    CHECK(settle({false, {"NET_ADMIN"}, {"NET_RAW"}}) == ((0x800425fbu & ~(1u << 13)) | 1u << 12));
    CHECK(settle({false, {"ALL"}, {"SYS_ADMIN"}}) == (k_all & ~(std::uint64_t{1} << 21)));
}

TEST_CASE("numbers and names go both ways") {
    CHECK(capability_name(12) == "CAP_NET_ADMIN");
    CHECK(capability_name(40) == "CAP_CHECKPOINT_RESTORE");
    CHECK(capability_names(0x3) == std::vector<std::string>{"CAP_CHOWN", "CAP_DAC_OVERRIDE"});
    CHECK(asks_for({"cap_net_raw"}, 13));
    CHECK(asks_for({"ALL"}, 13));
    CHECK_FALSE(asks_for({"NET_ADMIN"}, 13));
}
