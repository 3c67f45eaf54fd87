#include "runtime/base/json.hpp"
#include "tests/support/catch.hpp"

using namespace berth;

namespace {

enum class Colour : unsigned char { red, blue };
std::span<const EnumName<Colour>> enum_names(Colour) {
    static constexpr EnumName<Colour> names[] = {{Colour::red, "red"}, {Colour::blue, "blue"}};
    return names;
}
struct Inner {
    int number = 7;
};
template <class V> void describe(V& v, Inner& x) {
    v.field("number", x.number);
}
struct Record {
    std::string name;
    std::vector<Inner> inner;
    std::optional<bool> flag;
    std::map<std::string, std::string> labels;
    Colour colour = Colour::red;
};
template <class V> void describe(V& v, Record& x) {
    v.field("name", x.name);
    v.field("inner", x.inner);
    v.field("flag", x.flag);
    v.field("labels", x.labels);
    v.field("colour", x.colour);
}

} // namespace

TEST_CASE("bad JSON is one clear error, never a crash") {
    for (const auto* text : {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "nul", "\"\xff\"", "{\"a\":NaN}", "1 2"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_json(text));
    }
    CHECK_FALSE(parse_json(std::string(200, '[') + std::string(200, ']')));
    CHECK_FALSE(parse_json(std::string(1000000, '[')));
}

TEST_CASE("a record reads back what it wrote; unknown members are ignored, wrong ones named") {
    Record record{"x\n\"\x01", {{1}, {2}}, true, {{"k", "v"}}, Colour::blue};
    const std::string text = to_json(record).to_text();
    const auto back = parse_record<Record>(text, "r.json");
    REQUIRE(back);
    CHECK(to_json(*back) == to_json(record));
    CHECK(parse_record<Record>(R"({"name":"a","newer":[{}]})", "r.json").value().name == "a");
    const auto wrong = parse_record<Record>(R"({"inner":[{"number":"x"}]})", "r.json");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().to_string() == "read 'r.json': member 'inner[0].number' is not an integer in range");
    CHECK_FALSE(parse_record<Record>(R"({"colour":"green"})", "r.json"));
    CHECK_FALSE(parse_record<Record>(R"({"inner":[{"number":99999999999}]})", "r.json"));
}

TEST_CASE("text form: order kept, control characters and invalid UTF-8 escaped") {
    Json json = Json::object();
    json.set("b", 1);
    json.set("a", Json(Json::Array{Json(true), Json(), Json(1.5)}));
    CHECK(json.to_text() == R"({"b":1,"a":[true,null,1.5]})");
    CHECK(Json("\x1b[31m\xff").to_text() == R"("\u001b[31m\ufffd")");
    CHECK(json.to_text(2) == "{\n  \"b\": 1,\n  \"a\": [\n    true,\n    null,\n    1.5\n  ]\n}");
}
