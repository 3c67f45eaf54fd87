#include "runtime/build/ignore.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::build;

namespace {
IgnoreRules rules(const std::string& text) {
    auto out = IgnoreRules::parse(text, ".dockerignore");
    if (!out) FAIL(out.error().to_string());
    return std::move(*out);
}
} // namespace

TEST_CASE("a broken pattern is an error with its line", "[build]") {
    for (const char* text : {"a\n[b", "a\n!", "a\nx\\"}) {
        const auto out = IgnoreRules::parse(text, ".dockerignore");
        REQUIRE_FALSE(out.has_value());
        CHECK(out.error().at().line == 2);
    }
}

TEST_CASE("comments, blanks, slashes and the byte order mark are cleaned away", "[build]") {
    const auto r = rules("\xEF\xBB\xBF# no\n\n  /a/../b/  \n");
    CHECK(r.excludes("b"));
    CHECK(r.excludes("b/c"));
    CHECK_FALSE(r.excludes("a"));
    CHECK_FALSE(r.excludes("# no"));
}

TEST_CASE("the last match wins", "[build]") {
    const auto r = rules("*\n!src\nsrc/*.o\n!src/keep.o\n");
    CHECK(r.excludes("README"));
    CHECK_FALSE(r.excludes("src/a.c"));
    CHECK(r.excludes("src/a.o"));
    CHECK_FALSE(r.excludes("src/keep.o"));
}

TEST_CASE("two stars cross folders, one does not", "[build]") {
    CHECK(rules("**/*.o").excludes("a/b/c.o"));
    CHECK(rules("**/*.o").excludes("c.o"));
    CHECK_FALSE(rules("*.o").excludes("a/c.o"));
    CHECK(rules("a/**").excludes("a/b/c"));
    // With nothing else special in it, it is the end of a name.
    for (const char* path : {"b", "ab", "x/ab", "x/b"})
        CHECK(rules("**b").excludes(path));
    CHECK(rules("**b").excludes("xb/inside"));
    CHECK_FALSE(rules("**b?").excludes("abc"));
    CHECK_FALSE(rules("**/b").excludes("ab"));
    CHECK(rules("a/**/z").excludes("a/z"));
    CHECK(rules("[a-c]?").excludes("bx"));
    CHECK_FALSE(rules("[^a-c]?").excludes("bx"));
}

TEST_CASE("a question mark and a set stand for one character, however many bytes it has", "[build]") {
    CHECK(rules("?.txt").excludes("\u00e9.txt"));
    CHECK(rules("[\u00e0-\u00ef]?").excludes("\u00e9\u20ac"));
    CHECK_FALSE(rules("??.txt").excludes("\u00e9.txt"));
    CHECK(rules("?").excludes("\xff")); // a byte that is no character of its own
    CHECK_FALSE(rules("\xff").excludes("\xfe"));
}

TEST_CASE("an excluded folder is entered only where something in it may be included", "[build]") {
    const auto r = rules("node_modules\n!keep/this\n!any/**/x\n");
    CHECK_FALSE(r.may_include_below("node_modules"));
    CHECK(r.may_include_below("keep"));
    CHECK(r.may_include_below("keep/this"));
    CHECK_FALSE(r.may_include_below("keep/that"));
    CHECK(r.may_include_below("any/where/deep"));
}

TEST_CASE("a hostile pattern is linear in the path", "[build]") {
    std::string pattern, path(4000, 'a');
    for (int i = 0; i < 200; ++i)
        pattern += "*a";
    const auto compiled = Pattern::compile(pattern + "b", false);
    REQUIRE(compiled.has_value());
    CHECK_FALSE(compiled->matches(path));
}
