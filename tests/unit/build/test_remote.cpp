#include "runtime/build/git_source.hpp"
#include "runtime/build/named_context.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

namespace {
std::string address_error(const std::string& text) {
    const auto address = parse_git_address(text);
    return address ? "no error" : address.error().to_string();
}
GitAddress address_of(const std::string& text) {
    const auto address = parse_git_address(text);
    REQUIRE(address.has_value());
    REQUIRE(address->has_value());
    return **address;
}
std::string context_error(const std::string& value) {
    const auto context = parse_named_context("name", value);
    return context ? "no error" : context.error().to_string();
}
} // namespace

TEST_CASE("a git address that means nothing, or an option of git's, is refused", "[build]") {
    CHECK_THAT(address_error("https://host/a.git#-upload-pack=x"), ContainsSubstring("dash"));
    CHECK_THAT(address_error("ssh://-oProxyCommand=x"), ContainsSubstring("dash"));
    CHECK_THAT(address_error("git@-x"), ContainsSubstring("dash"));
    CHECK_THAT(address_error("https://host/a.git?ref=-x"), ContainsSubstring("dash"));
    CHECK_THAT(address_error("https://host/a.git?reff=x"), ContainsSubstring("unexpected query 'reff'"));
    CHECK_THAT(address_error("https://host/a.git?ref="), ContainsSubstring("has no value"));
    CHECK_THAT(address_error("https://host/a.git?tag=a&branch=b"), ContainsSubstring("exclude"));
    CHECK_THAT(address_error("https://host/a.git?ref=a#b"), ContainsSubstring("ref conflicts"));
    CHECK_THAT(address_error("https://host/a.git?subdir=a#:b"), ContainsSubstring("subdir conflicts"));
    CHECK_THAT(address_error("https://host/a.git?checksum=xyz"), ContainsSubstring("is no commit"));
    CHECK_THAT(address_error("https://me:secret@host/a.git?x=y"), !ContainsSubstring("secret"));
}

TEST_CASE("only what git fetches is a git address", "[build]") {
    for (const char* text :
         {"", "https://host/file.tar", "/folder", "./repo.git", "https://host/a.git.tar?ref=x"}) {
        CAPTURE(text);
        const auto address = parse_git_address(text);
        CHECK((address && !*address));
    }
}

TEST_CASE("reference and folder are taken from the fragment", "[build]") {
    const auto address = address_of("https://host/a.git#v1:sub/dir");
    CHECK(address.repository == "https://host/a.git");
    CHECK(address.ref == "v1");
    CHECK(address.directory == "sub/dir");
    CHECK(address_of("github.com/o/r").repository == "https://github.com/o/r");
    CHECK(address_of("git@host:o/r.git").ref.empty());
}

TEST_CASE("reference, folder and commit are taken from the query", "[build]") {
    const auto address = address_of(
        "https://host/a.git?branch=main&subdir=a%2Fb&checksum=ABC123&keep-git-dir=true&submodules=0");
    CHECK(address.repository == "https://host/a.git");
    CHECK(address.ref == "refs/heads/main");
    CHECK(address.directory == "a/b");
    CHECK(address.checksum == "abc123");
    CHECK(address.keep_git_dir == true);
    CHECK_FALSE(address.submodules);
    CHECK(address_of("git://host/a?tag=v1").ref == "refs/tags/v1");
    CHECK(address_of("git@host:o/r.git?ref=x#x").ref == "x");
    CHECK(address_of("https://host/a.git?commit=" + std::string(40, 'a')).ref == std::string(40, 'a'));
}

TEST_CASE("passwords of addresses are not shown", "[build]") {
    CHECK(shown_address("https://me:pw@host/x@y") == "https://host/x@y");
    CHECK(shown_address("https://host/x@y") == "https://host/x@y");
    CHECK(shown_address("git@host:o/r") == "git@host:o/r");
}

TEST_CASE("named contexts: bad ones", "[build]") {
    CHECK_THAT(context_error(""), ContainsSubstring("empty"));
    CHECK_THAT(context_error("docker-image://UP:!"), ContainsSubstring("build context 'name'"));
    CHECK_THAT(context_error("oci-layout://"), ContainsSubstring("no folder"));
    CHECK_THAT(context_error("oci-layout:///x@sha256:1"), ContainsSubstring("no digest"));
    CHECK_THAT(context_error("oci-layout:///x:"), ContainsSubstring("empty"));
    CHECK_THAT(context_error("target:base"), ContainsSubstring("bake"));
    CHECK_THAT(context_error("ftp://host/x"), ContainsSubstring("no known kind"));
}

TEST_CASE("named contexts: their kinds and names", "[build]") {
    using Kind = NamedContext::Kind;
    CHECK(parse_named_context("n", "docker-image://alpine:3")->value == "alpine:3");
    CHECK(parse_named_context("n", "https://host/a.git#x")->kind == Kind::git);
    CHECK(parse_named_context("n", "https://host/a.tar")->kind == Kind::url);
    CHECK(parse_named_context("n", "/folder")->kind == Kind::folder);
    const auto layout = parse_named_context("n", "oci-layout:///a:b/c:v1");
    CHECK(layout->value == "/a:b/c");
    CHECK(layout->tag == "v1");
    const auto digest = concat("sha256:", std::string(64, 'a'));
    CHECK(parse_named_context("n", "oci-layout:///a@" + digest)->digest == digest);
    CHECK(context_name("docker.io/library/alpine:latest") == "alpine");
    CHECK(context_name("Not A Reference") == "Not A Reference");
}
