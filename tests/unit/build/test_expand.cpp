#include "runtime/build/expand.hpp"
#include "tests/support/catch.hpp"

#include <map>

using namespace berth;
using namespace berth::build;

namespace {
Expander make_expander() {
    Expander out;
    out.lookup = [](std::string_view name) -> std::optional<std::string> {
        static const std::map<std::string, std::string, std::less<>> values = {
            {"A", "alpha"}, {"EMPTY", ""}, {"PATHS", "/usr/lib/x.tar.gz"}, {"TWO", "a b"}, {"STAR", "a*b*c"}};
        const auto found = values.find(name);
        if (found == values.end()) return std::nullopt;
        return found->second;
    };
    return out;
}
std::string expanded(std::string_view text) {
    const auto out = expand_word(text, make_expander());
    return out ? *out : "error: " + out.error().message();
}
} // namespace

TEST_CASE("broken expansions are errors", "[build]") {
    for (const char* text :
         {"${", "${}", "${A", "${A:=x}", "${A:x}", "${.}", "'open", "\"open", "${A:-${B}", "${A/x"})
        CHECK_FALSE(expand_word(text, make_expander()).has_value());
}

TEST_CASE("nesting without end is refused", "[build]") {
    std::string text;
    for (int i = 0; i < 2000; ++i)
        text += "${X:-";
    CHECK_FALSE(expand_word(text, make_expander()).has_value());
}

TEST_CASE("required variables fail with the given text", "[build]") {
    CHECK(expanded("${NOT:?set it}") == "error: NOT: set it");
    CHECK(expanded("${EMPTY?x}").empty());
    CHECK(expanded("${EMPTY:?x}") == "error: EMPTY: x");
    CHECK(expanded("${A:?x}") == "alpha");
}

TEST_CASE("defaults and alternatives work as in a shell", "[build]") {
    CHECK(expanded("$A-${A}") == "alpha-alpha");
    CHECK(expanded("${NOT:-d}${EMPTY:-d}${EMPTY-d}") == "dd");
    CHECK(expanded("${A:+yes}${EMPTY:+no}${EMPTY+yes}") == "yesyes");
    CHECK(expanded("${NOT:-${A:+in}}") == "in");
}

TEST_CASE("prefixes and suffixes are stripped", "[build]") {
    CHECK(expanded("${PATHS#*/}") == "usr/lib/x.tar.gz");
    CHECK(expanded("${PATHS##*/}") == "x.tar.gz");
    CHECK(expanded("${PATHS%.*}") == "/usr/lib/x.tar");
    CHECK(expanded("${PATHS%%.*}") == "/usr/lib/x");
    CHECK(expanded("${STAR#a\\*}") == "b*c");
    CHECK(expanded("${A#?}") == "lpha");
}

TEST_CASE("text is replaced once or everywhere", "[build]") {
    CHECK(expanded("${A/a/A}") == "Alpha");
    CHECK(expanded("${A//a/A}") == "AlphA");
    CHECK(expanded("${A//a}") == "error: '${' is not closed by '}'");
}

TEST_CASE("quotes and escapes hold variables back", "[build]") {
    CHECK(expanded("'$A'") == "$A");
    CHECK(expanded("\"$A\"") == "alpha");
    CHECK(expanded("\\$A") == "$A");
    CHECK(expanded("\"a\\tb\"") == "a\\tb");
    CHECK(expanded("a\\tb") == "atb");
}

TEST_CASE("unquoted blanks of a variable split words", "[build]") {
    const auto words = expand_words("x${TWO}y \"${TWO}\" ''", make_expander());
    REQUIRE(words.has_value());
    CHECK(*words == std::vector<std::string>{"xa", "by", "a b", ""});
}

TEST_CASE("a pattern that could backtrack for ever ends soon", "[build]") {
    Expander expander;
    const std::string value(20'000, 'a');
    expander.lookup = [&](std::string_view) { return std::optional(value); };
    const auto out = expand_word("${X#*a*a*a*a*a*a*b}", expander);
    REQUIRE(out.has_value());
    CHECK(out->size() == value.size());
}
