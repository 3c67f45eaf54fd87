#include "runtime/build/tree.hpp"
#include "tests/support/catch.hpp"

using namespace berth::build;

namespace {
unsigned changed(const char* text, unsigned mode, unsigned type = S_IFREG) {
    const auto change = ModeChange::parse(text);
    REQUIRE(change.has_value());
    return change->apply(static_cast<mode_t>(type | mode)) & 07777u;
}
} // namespace

TEST_CASE("what is no file mode is refused", "[build]") {
    for (const char* text : {"", "8", "77777", "rwx", "u", "u=z", "x+r", "u=r,"})
        CHECK_FALSE(ModeChange::parse(text).has_value());
}

TEST_CASE("octal modes replace all permission bits", "[build]") {
    CHECK(changed("755", 0600) == 0755);
    CHECK(changed("04755", 0600) == 04755);
    CHECK(changed("0", 0777) == 0);
}

TEST_CASE("symbolic modes work as chmod's", "[build]") {
    CHECK(changed("u=rwX,go=rX", 0600) == 0644);
    CHECK(changed("u=rwX,go=rX", 0700) == 0755);
    CHECK(changed("a=rX", 0600, S_IFDIR) == 0555);
    CHECK(changed("+x", 0644) == 0755);
    CHECK(changed("go-rwx", 0777) == 0700);
    CHECK(changed("g=u", 0640) == 0660);
    CHECK(changed("u+s", 0755) == 04755);
    CHECK(changed("+t", 0777) == 01777);
}
