#include "runtime/base/file.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/names/upstream.hpp"
#include "runtime/monitor/names/wire.hpp"
#include "runtime/monitor/names/zone.hpp"
#include "tests/support/catch.hpp"

#include <netinet/in.h>

using namespace berth;
using namespace berth::monitor;
using namespace berth::monitor::names;

namespace {

std::string question(std::string_view name, std::uint16_t type, std::string_view more = "",
                     unsigned additional = 0) {
    std::string out("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00", 11);
    out += static_cast<char>(additional);
    out += encode_name(name);
    out += static_cast<char>(type >> 8);
    out += static_cast<char>(type & 0xff);
    out += std::string("\0\1", 2);
    return out + std::string(more);
}

Query asked(std::string_view name, std::uint16_t type) {
    return *parse_query(question(name, type)).query;
}

struct Names {
    TempDir folder = std::move(*TempDir::make("/tmp", "berth-names-"));
    void add(const NameRecord& record) {
        REQUIRE(write_atomic(join_path(folder.path(), record.container_id), to_wire(record)));
    }
    NamesPlan plan() const {
        NamesPlan out;
        out.folders = {folder.path()};
        out.networks = {"shop_front"};
        return out;
    }
};

} // namespace

TEST_CASE("bytes that are no question are refused, and replies are never answered") {
    CHECK_FALSE(parse_query("").query);
    CHECK_FALSE(parse_query("short").query);
    std::string packet = question("web", k_type_a);
    for (std::size_t size = 0; size < packet.size(); ++size)
        CHECK_FALSE(parse_query(std::string_view(packet).substr(0, size)).query);
    packet[2] = static_cast<char>(0x81);
    CHECK(parse_query(packet).error == QueryError::ignore);
    packet = question("web", k_type_a);
    packet[2] = 0x28; // another opcode
    CHECK(parse_query(packet).error == QueryError::unsupported);
    packet = question("web", k_type_a);
    packet[5] = 2; // two questions
    CHECK_FALSE(parse_query(packet).query);
    packet = question("web", k_type_a);
    packet[12] = static_cast<char>(0xc0); // a compression pointer
    CHECK_FALSE(parse_query(packet).query);
    packet[12] = 63; // beyond the end
    CHECK_FALSE(parse_query(packet).query);
}

TEST_CASE("questions are read, EDNS too") {
    const auto query = asked("WEB.Shop_Front", k_type_aaaa);
    CHECK(query.name == "web.shop_front");
    CHECK(query.type == k_type_aaaa);
    CHECK(query.udp_size == 512);
    const auto parsed =
        parse_query(question("a", k_type_a, std::string_view("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11), 1));
    REQUIRE(parsed.query);
    CHECK(parsed.query->edns);
    CHECK(parsed.query->udp_size == 1232);
    const auto reply =
        make_reply(question("a", k_type_a), *parsed.query, Rcode::ok, {{k_type_a, "\1\2\3\4"}}, 1232);
    CHECK(reply.substr(reply.size() - 11, 3) == std::string("\0\0\x29", 3));
    CHECK(is_reply_to(reply, question("a", k_type_a), parsed.query->question_end));
    CHECK_FALSE(is_reply_to(reply, question("b", k_type_a), parsed.query->question_end));
}

TEST_CASE("an answer that does not fit says so") {
    const auto packet = question("web", k_type_a);
    const auto query = *parse_query(packet).query;
    const std::vector<Answer> many(100, {k_type_a, "\1\2\3\4"});
    const auto reply = make_reply(packet, query, Rcode::ok, many, 512);
    CHECK(reply.size() <= 512);
    CHECK((reply[2] & 2) != 0);
    CHECK(make_reply(packet, query, Rcode::ok, many, 65535).size() > 512);
}

TEST_CASE("reverse names") {
    CHECK(reverse_address("4.3.2.10.in-addr.arpa") == std::string("\x0a\2\3\4", 4));
    CHECK_FALSE(reverse_address("4.3.2.256.in-addr.arpa"));
    CHECK_FALSE(reverse_address("3.2.10.in-addr.arpa"));
    const auto v6 =
        reverse_address("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa");
    REQUIRE(v6);
    CHECK(*v6 == std::string("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16));
    CHECK_FALSE(reverse_address("x.0.ip6.arpa"));
}

TEST_CASE("a zone knows names, replicas, networks, addresses") {
    Names names;
    names.add({"a", "shop-web-1", {"web", "shop-web-1"}, "10.0.0.2", ""});
    names.add({"b", "shop-web-2", {"web", "shop-web-2"}, "10.0.0.3", "fd00::3"});
    Zone zone(names.plan());
    auto found = zone.look_up(asked("web", k_type_a));
    REQUIRE(found.answers.size() == 2);
    const auto first = found.answers[0].data;
    CHECK(zone.look_up(asked("web", k_type_a)).answers[0].data != first); // round robin
    CHECK(zone.look_up(asked("shop-web-1.shop_front", k_type_a)).answers.size() == 1);
    found = zone.look_up(asked("shop-web-1", k_type_aaaa));
    CHECK(found.known); // it exists, but has no such address: not NXDOMAIN
    CHECK(found.answers.empty());
    CHECK_FALSE(zone.look_up(asked("nobody", k_type_a)).known);
    CHECK_FALSE(zone.look_up(asked("web.other", k_type_a)).known);
    found = zone.look_up(asked("2.0.0.10.in-addr.arpa", k_type_ptr));
    REQUIRE(found.answers.size() == 1);
    CHECK(found.answers[0].data == encode_name("shop-web-1.shop_front"));
    // Changes are seen at the next question, also two in one tick of the clock.
    names.add({"c", "late", {"late"}, "10.0.0.4", ""});
    CHECK(zone.look_up(asked("late", k_type_a)).known);
    REQUIRE(remove_file(join_path(names.folder.path(), "c")));
    CHECK_FALSE(zone.look_up(asked("late", k_type_a)).known);
    REQUIRE(write_atomic(join_path(names.folder.path(), "d"), "damaged"));
    CHECK(zone.look_up(asked("web", k_type_a)).answers.size() == 2);
}

TEST_CASE("addresses of resolvers") {
    CHECK(parse_server("1.1.1.1"));
    CHECK(parse_server("9.9.9.9:5353"));
    CHECK(parse_server("::1"));
    CHECK(parse_server("[::1]:53"));
    for (const char* wrong :
         {"", "one", "1.1.1.1:", "1.1.1.1:0", "1.1.1.1:70000", "[::1", "[::1]53", "[::1]:", "1.1.1"}) {
        INFO(wrong);
        CHECK_FALSE(parse_server(wrong));
    }
    sockaddr_in6 address{};
    const auto server = parse_server("[fd00::1]:5353");
    REQUIRE(server);
    std::memcpy(&address, &server->address, sizeof address);
    CHECK(ntohs(address.sin6_port) == 5353);
}
