#include "compose/source/resolve_scalar.hpp"
#include "compose/source/yaml_reader.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;

namespace {

struct Read {
    SourceHandle source;
    std::vector<Error> errors;
    std::vector<SourceNode> documents;
};

Read read(std::string text, const YamlLimits& limits = {}) {
    Read out;
    out.source.file = std::make_shared<SourceFile>(SourceFile{"x.yaml", std::move(text)});
    out.documents = read_yaml(out.source, out.errors, nullptr, limits);
    return out;
}

std::string only_error(std::string text, const YamlLimits& limits = {}) {
    const auto result = read(std::move(text), limits);
    REQUIRE_FALSE(result.errors.empty());
    return result.errors.front().to_string();
}

std::string kind_of(std::string_view text) {
    const auto scalar = resolve_plain_scalar(text);
    return concat(kind_name(scalar.kind), " ", scalar.text);
}

} // namespace

TEST_CASE("keys and values know where they stand") {
    const auto result = read("a: 1\nbb:\n  - x\n  - \"quoted\"\n");
    REQUIRE(result.documents.size() == 1);
    const auto& root = result.documents[0];
    CHECK(root.find_entry("bb")->key_at.line == 2);
    const auto& list = *root.find("bb");
    REQUIRE(list.items.size() == 2);
    CHECK(list.items[1].pos().to_string() == "x.yaml:4:5");
    CHECK(list.items[1].at.length == 8);
    CHECK(list.items[0].plain);
    CHECK_FALSE(list.items[1].plain);
}

TEST_CASE("plain scalars have the types of the core schema") {
    CHECK(kind_of("true") == "a boolean true");
    CHECK(kind_of("yes") == "a string yes");
    CHECK(kind_of("0440") == "an integer 288");
    CHECK(kind_of("0o17") == "an integer 15");
    CHECK(kind_of("0x1F") == "an integer 31");
    CHECK(kind_of("1_000") == "an integer 1000");
    CHECK(kind_of("-0") == "an integer 0");
    CHECK(kind_of("12345678901234567890") == "an integer 12345678901234567890");
    CHECK(kind_of("1.50") == "a number 1.5");
    CHECK(kind_of("1e3") == "a number 1000");
    CHECK(kind_of("1e30") == "a number 1e+30");
    CHECK(kind_of("999999.5") == "a number 999999.5");
    CHECK(kind_of("1000000.0") == "a number 1e+06");
    CHECK(kind_of("-1234567.5") == "a number -1.2345675e+06");
    CHECK(kind_of("0.0000001") == "a number 1e-07");
    CHECK(kind_of("08") == "a number 8");
    CHECK(kind_of("22:22") == "a string 22:22");
    CHECK(kind_of("~") == "null ");
    CHECK(kind_of("1.2.3") == "a string 1.2.3");
    CHECK(kind_of("-") == "a string -");
}

TEST_CASE("anchors, aliases and merge keys") {
    const auto result = read("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: *a\n");
    REQUIRE(result.errors.empty());
    const auto& c = *result.documents[0].find("c");
    CHECK(c.text_of("x") == "9");
    CHECK(c.text_of("y") == "2");
    CHECK(c.text_of("z") == "4");
    CHECK(c.find("<<") == nullptr);
    CHECK(result.documents[0].find("d")->text_of("x") == "1");
    for (const auto* key : {"!!merge <<", "!!merge \"<<\""})
        CHECK(read(concat("a: &a {x: 1}\nb: {", key, ": *a}\n")).documents[0].find("b")->text_of("x") == "1");
    CHECK(read("a: &a {x: 1}\nb: {\"<<\": *a}\n").documents[0].find("b")->find("<<") != nullptr);
    CHECK(only_error("a: &s text\nb:\n  <<: *s\n").find("'<<' needs a mapping") != std::string::npos);
}

TEST_CASE("a duplicate key is refused with both places") {
    const auto result = read("a: 1\nb: 2\na: 3\n");
    REQUIRE(result.errors.size() == 1);
    CHECK(result.errors[0].at().line == 3);
    REQUIRE(result.errors[0].notes().size() == 1);
    CHECK(result.errors[0].notes()[0].at.line == 1);
    CHECK(read("<<: {a: 1}\n<<: {b: 1}\n").errors.size() == 1);
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += concat("k", i, ": 1\n");
    CHECK(read(many).errors.empty());
    CHECK(read(many + "k50: 2\n").errors.size() == 1);
}

TEST_CASE("keys are strings") {
    CHECK(only_error("1: x\n").find("a key must be a string") != std::string::npos);
    CHECK(only_error("[a, b]: x\n").find("a key must be a string") != std::string::npos);
    CHECK(read("\"1\": x\n").errors.empty());
}

TEST_CASE("tags of the merge are kept") {
    const auto result = read("a: !reset null\nb: !override [1]\nc: !reset [x]\n");
    CHECK(result.documents[0].find("a")->tag == Tag::reset);
    CHECK(result.documents[0].find("b")->tag == Tag::override_);
    CHECK(result.documents[0].find("c")->tag == Tag::reset);
}

TEST_CASE("several documents are several trees, and share no anchors") {
    CHECK(read("a: 1\n---\nb: 2\n").documents.size() == 2);
    CHECK(read("").documents.empty());
    CHECK_FALSE(read("a: &x 1\n---\nb: *x\n").errors.empty());
}

TEST_CASE("hostile texts end in one error") {
    CHECK(only_error(std::string("a: b\0c", 6)).find("NUL") != std::string::npos);
    CHECK(only_error("a: 1\nb: \xff\xfe\n").find("x.yaml:2:4") != std::string::npos);
    CHECK(only_error(std::string(5000, '[')).find("levels deep") != std::string::npos);
    CHECK(only_error("a: &a [*a]\n").find("cycle") != std::string::npos);
    YamlLimits small;
    small.bytes = 10;
    CHECK(only_error("a: 0123456789\n", small).find("limit") != std::string::npos);
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += concat("a", i, ": &a", i, " [");
        for (int n = 0; n < 10; ++n)
            bomb += concat(n == 0 ? "" : ", ", "*a", i - 1);
        bomb += "]\n";
    }
    CHECK(only_error(bomb).find("expand to more than") != std::string::npos);
    CHECK(only_error("a: [1, 2\nb: 3\n").find("invalid YAML") != std::string::npos);
    CHECK(only_error("b: 1\na: \"unclosed\nc: 1\n").find("x.yaml:2:4: this quote is never closed") !=
          std::string::npos);
    CHECK(read("a: \"x\\\"y\"\nb: 'it''s'").errors.empty());
}

TEST_CASE("a token that no value can begin with is one error, where it stands") {
    for (const auto* text : {", a: b\n", "}\n", "a: 1\n---\n, b\n", "] x\n"}) {
        const auto result = read(text);
        INFO(text);
        REQUIRE(result.errors.size() == 1);
        CHECK(result.errors[0].message().find("invalid YAML") == 0);
    }
    CHECK(read("---\n---\na: 1\n---\n").errors.empty());
    CHECK(only_error("a: 1\n---\n, b\n").find("x.yaml:3:1") == 0);
}
