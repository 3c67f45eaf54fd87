#include "network/ports.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <sys/socket.h>

using namespace berth;
using namespace berth::network;

namespace {
std::string nobody(const PortMapping&) {
    return {};
}
} // namespace

TEST_CASE("listening sockets are found in the kernel's table, connections are not") {
    const char* table =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 "
        "100 0 0 10 0\n"
        "   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 "
        "20 4 30 10 -1\n"
        "   2: 0100007F:1F90 0100007F:C001 06 00000000:00000000 03:00000F00 00000000     0        0 0 3 0\n"
        "   3: 00000000000000000000000000000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 "
        "    0        0 4713 1\n"
        "garbage\n 4:\n";
    CHECK(socket_inodes(table, 8080, true) == std::vector<std::uint64_t>{4711});
    CHECK(socket_inodes(table, 8081, true) == std::vector<std::uint64_t>{4713});
    CHECK(socket_inodes(table, 80, true).empty());
    CHECK(socket_inodes("", 80, true).empty());
}

TEST_CASE("port numbers, protocols and addresses that cannot be are refused") {
    CHECK_FALSE(reserve_port({"", 70000, 80, "tcp"}, nobody).has_value());
    CHECK_FALSE(reserve_port({"", -1, 80, "tcp"}, nobody).has_value());
    CHECK_FALSE(reserve_port({"", 0, 0, "tcp"}, nobody).has_value());
    CHECK_FALSE(reserve_port({"", 0, 80, "sctp"}, nobody).has_value());
    CHECK_FALSE(reserve_port({"localhost", 0, 80, "tcp"}, nobody).has_value());
    const auto elsewhere = reserve_port({"192.0.2.1", 0, 80, "tcp"}, nobody);
    REQUIRE_FALSE(elsewhere.has_value());
    CHECK(elsewhere.error().message().find("no interface of this host") != std::string::npos);
}

TEST_CASE("a reserved port is held, in both families, until it is let go") {
    auto first = reserve_port({"127.0.0.1", 0, 80, "tcp"}, nobody);
    REQUIRE(first);
    CHECK(first->port.host_port > 0);
    PortMapping same = first->port;
    auto second = reserve_port(same, [](const PortMapping&) { return std::string("the container web"); });
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code() == ErrorCode::in_use);
    CHECK(second.error().message().find("the container web") != std::string::npos);
    same.host_ip.clear(); // every address: 127.0.0.1 is one of them
    CHECK_FALSE(reserve_port(same, nobody).has_value());
    same.protocol = "udp";
    CHECK(reserve_port(same, nobody));
    first->sockets.clear();
    same.protocol = "tcp";
    CHECK(reserve_port(same, nobody));
}

TEST_CASE("of a range, the first port that is free is reserved, but the one of before comes first") {
    auto any = reserve_port({"127.0.0.1", 0, 80, "tcp"}, nobody);
    REQUIRE(any);
    const auto first = std::min<std::int64_t>(any->port.host_port, 65533);
    any->sockets.clear();
    const PortMapping range{"127.0.0.1", first, 80, "tcp", first + 2};
    auto one = reserve_port(range, nobody);
    auto two = reserve_port(range, nobody, first); // taken: the next one
    REQUIRE((one && two));
    CHECK(one->port.host_port == first);
    CHECK(one->port.host_port_end == 0);
    CHECK(two->port.host_port == first + 1);
    two->sockets.clear();
    auto kept = reserve_port(range, nobody, first + 2);
    REQUIRE(kept);
    CHECK(kept->port.host_port == first + 2);
    auto third = reserve_port(range, nobody, first + 3); // not of the range
    REQUIRE(third);
    CHECK(third->port.host_port == first + 1);
    const auto none =
        reserve_port(range, [](const PortMapping& port) { return concat("c", port.host_port); });
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code() == ErrorCode::in_use);
    CHECK(none.error().message() == concat("publish a port of 127.0.0.1:", first, "-", first + 2,
                                           "/tcp: all of them are held, ", first + 2, " by c", first + 2));
    CHECK_FALSE(reserve_port({"", 65000, 80, "tcp", 65536}, nobody).has_value());
    CHECK_FALSE(reserve_port({"", 9, 80, "tcp", 8}, nobody).has_value());
}

TEST_CASE("the program that listens on a port is named") {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(socket.get(), 1) == 0);
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    const auto wanted = reserve_port({"127.0.0.1", ntohs(address.sin_port), 80, "tcp"}, nobody);
    REQUIRE_FALSE(wanted.has_value());
    CHECK(wanted.error().message().find(concat("(pid ", ::getpid(), ")")) != std::string::npos);
}
