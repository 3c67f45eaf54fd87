#include "compose/load/interpolate.hpp"
#include "tests/support/catch.hpp"

using namespace berth::compose::load;

namespace {

const std::map<std::string, Variable, std::less<>> k_variables = {
    {"HOST", {"db.local", ".env:1"}}, {"EMPTY", {"", ".env:2"}}, {"PORT", {"5432", "shell"}}};

Substitution run(std::string_view text) {
    return substitute(text, [](std::string_view name) -> const Variable* {
        const auto found = k_variables.find(name);
        return found == k_variables.end() ? nullptr : &found->second;
    });
}

std::string value(std::string_view text) {
    const auto result = run(text);
    return result.error ? "error: " + result.error->message : result.text;
}

} // namespace

TEST_CASE("every form of a variable") {
    CHECK(value("tcp://$HOST:$PORT/x") == "tcp://db.local:5432/x");
    CHECK(value("${HOST}${PORT}") == "db.local5432");
    CHECK(value("${EMPTY:-fallback} ${EMPTY-fallback} ${NOPE-fallback}") == "fallback  fallback");
    CHECK(value("${EMPTY:+set}|${EMPTY+set}|${NOPE+set}|${HOST:+set}") == "|set||set");
    CHECK(value("${HOST:?needed}${EMPTY?needed}") == "db.local");
    CHECK(value("${A:-${B:-${HOST}}}") == "db.local");
    CHECK(value("${A-b?c}") == "b?c");
    CHECK(value("${A:-x:y-z}") == "x:y-z");
}

TEST_CASE("dollar signs that are no variables stay") {
    CHECK(value("$$HOST $${HOST}") == "$HOST ${HOST}");
    CHECK(value("costs 5$") == "costs 5$");
    CHECK(value("$1 $ $}") == "$1 $ $}");
}

TEST_CASE("a required variable says what is missing, once its message is expanded") {
    CHECK(value("${NOPE:?set it to $HOST}") ==
          "error: required variable NOPE is missing a value: set it to db.local");
    CHECK(value("${EMPTY:?}") == "error: required variable EMPTY is missing a value");
    const auto result = run("ab${NOPE?}");
    REQUIRE(result.error);
    CHECK(result.error->offset == 2);
    CHECK(result.error->length == 8);
}

TEST_CASE("bad expressions are refused, not passed on") {
    for (const auto* text :
         {"${", "${}", "${ A}", "${A }", "${A!}", "${A/b/c}", "${A^}", "${A:}", "${1}", "x${HOST"})
        CHECK(run(text).error.has_value());
}

TEST_CASE("words that are not used are not evaluated") {
    CHECK(run("${HOST:-$NOPE}").unset.empty());
    CHECK(run("${HOST:-${ALSO:?never}}").text == "db.local");
    CHECK(run("$NOPE$NOPE").unset.size() == 2);
}

TEST_CASE("the uses name the origin of each value") {
    const auto result = run("${HOST}:${OTHER:-9}");
    REQUIRE(result.uses.size() == 2);
    CHECK(result.uses[0].origin == ".env:1");
    CHECK(result.uses[1].origin == "default");
    CHECK(result.uses[1].value == "9");
}

TEST_CASE("defaults nested a thousand times end in an error, not in the stack") {
    std::string text;
    for (int i = 0; i < 1000; ++i)
        text += "${A:-";
    text += std::string(1000, '}');
    CHECK(run(text).error.has_value());
}
