#include "network/address.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::network;

namespace {
Prefix prefix(std::string_view text) {
    const auto parsed = parse_prefix(text);
    REQUIRE(parsed);
    return *parsed;
}
} // namespace

TEST_CASE("what is no address or subnet is refused") {
    for (const auto* text : {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
                             "::g", ":::", "1.2.3.4/8", "fe80::1%eth0"})
        CHECK_FALSE(parse_address(text).has_value());
    CHECK_FALSE(parse_address(std::string_view("1.2.3.4\0", 8)).has_value());
    for (const auto* text : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                             "fd00::/129", "10.0.0/8"})
        CHECK_FALSE(parse_prefix(text).has_value());
}

TEST_CASE("host bits behind a subnet's length are refused with the subnet that was meant") {
    const auto wrong = parse_prefix("172.20.1.7/16");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().hint() == "did you mean 172.20.0.0/16?");
    CHECK_FALSE(parse_prefix("fd00:1::1/64").has_value());
}

TEST_CASE("containing and overlapping") {
    CHECK(prefix("10.0.0.0/8").contains(prefix("10.1.0.0/16")));
    CHECK_FALSE(prefix("10.1.0.0/16").contains(prefix("10.0.0.0/8")));
    CHECK(prefix("10.1.0.0/16").overlaps(prefix("10.0.0.0/8")));
    CHECK_FALSE(prefix("10.1.0.0/16").overlaps(prefix("10.2.0.0/16")));
    CHECK_FALSE(prefix("0.0.0.0/0").overlaps(prefix("fd00::/8")));
    CHECK(prefix("172.16.0.0/12").contains(*parse_address("172.31.255.255")));
    CHECK_FALSE(prefix("172.16.0.0/12").contains(*parse_address("172.32.0.0")));
}

TEST_CASE("counting through a subnet") {
    CHECK(prefix("10.0.0.0/30").size() == 4);
    CHECK(prefix("10.0.0.0/32").size() == 1);
    CHECK(prefix("fd00::/64").size() == std::uint64_t{1} << 63);
    CHECK(prefix("172.20.0.0/16").at(258).to_string() == "172.20.1.2");
    CHECK(prefix("fd00:1::/64").at(0x10002).to_string() == "fd00:1::1:2");
    CHECK(prefix("172.20.0.0/16").offset_of(*parse_address("172.20.1.2")) == 258);
    CHECK(prefix("10.0.0.0/8").at(0).to_string() == "10.0.0.0");
    CHECK(prefix_of(*parse_address("192.168.77.9"), 20).to_string() == "192.168.64.0/20");
}
