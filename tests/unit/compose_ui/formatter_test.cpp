#include "compose/ui/formatter.hpp"

#include "tests/support/catch.hpp"

using namespace berth;

namespace {

ui::ListFormat format(std::string text) {
    ui::ListFormat out;
    out.format = std::move(text);
    out.columns = {{"ID", "CONTAINER ID"}, {"Names", "NAMES"}};
    return out;
}
std::vector<ui::Row> rows() {
    ui::Row row;
    row.fields = *parse_json(R"({"Names":"web","ID":"abc","CreatedAt":"now"})");
    row.methods = *parse_json(R"({"Label":{"com.example.tier":"front"}})");
    return {row};
}

} // namespace

TEST_CASE("the default is a table with docker's headers") {
    CHECK(*ui::format_rows(format(""), rows()) == "CONTAINER ID   NAMES\nabc            web\n");
    CHECK(*ui::format_rows(format("table"), {}) == "CONTAINER ID   NAMES\n");
}
TEST_CASE("a table shows control characters and sends none to the terminal") {
    auto all = rows();
    all[0].fields.set("Names", "\x1b[31mred\nnext");
    CHECK(*ui::format_rows(format(""), all) ==
          "CONTAINER ID   NAMES\nabc            \\x1b[31mred\\x0anext\n");
    CHECK(*ui::format_rows(format("{{.Names}}"), all) == "\x1b[31mred\nnext\n"); // a script wants the bytes
}
TEST_CASE("a table by template has headers for fields, unlisted fields and labels") {
    CHECK(*ui::format_rows(format("table {{.Names}}\\t{{.CreatedAt}}\\t{{.Label \"com.example.tier\"}}"),
                           rows()) == "NAMES     CREATED AT   tier\nweb       now          front\n");
}
TEST_CASE("json is an object a line, keys sorted, or one array") {
    CHECK(*ui::format_rows(format("json"), rows()) ==
          "{\"CreatedAt\":\"now\",\"ID\":\"abc\",\"Names\":\"web\"}\n");
    auto array = format("json");
    array.json_array = true;
    CHECK(*ui::format_rows(array, {}) == "[]\n");
}
TEST_CASE("a plain template is a line an object") {
    CHECK(*ui::format_rows(format("{{.ID}}={{.Names}}"), rows()) == "abc=web\n");
}
TEST_CASE("a template with an unknown field is an error") {
    CHECK_FALSE(ui::format_rows(format("{{.Foo}}"), rows()).has_value());
}
TEST_CASE("inspect prints one array, or each object by the template") {
    CHECK(*ui::format_objects("", {}) == "[]\n");
    CHECK(*ui::format_objects("{{.A}}", {*parse_json("{\"A\":1}"), *parse_json("{\"A\":2}")}) == "1\n2\n");
}
