#include "runtime/build/context_source.hpp"
#include "tests/support/catch.hpp"

using namespace berth::build;

TEST_CASE("only what git fetches is a git address", "[build]") {
    for (const char* text :
         {"", "https://host/file.tar", "/folder", "./repo.git", "ssh://-oProxyCommand=x", "git@-x"}) {
        const auto address = parse_git_address(text);
        CHECK((!address || !address->repository.starts_with("-")));
    }
    CHECK_FALSE(parse_git_address("https://host/file.tar").has_value());
    CHECK_FALSE(parse_git_address("https://host/a.git#-upload-pack=x").has_value());
}

TEST_CASE("reference and folder are taken from the fragment", "[build]") {
    const auto address = parse_git_address("https://host/a.git#v1:sub/dir");
    REQUIRE(address.has_value());
    CHECK(address->repository == "https://host/a.git");
    CHECK(address->ref == "v1");
    CHECK(address->directory == "sub/dir");
    CHECK(parse_git_address("github.com/o/r")->repository == "https://github.com/o/r");
    CHECK(parse_git_address("git@host:o/r.git")->ref.empty());
}
