#include "runtime/image/reference.hpp"
#include "tests/support/catch.hpp"

using namespace berth::image;

namespace {
const std::string k_hex(64, 'a');
}

TEST_CASE("a bare name is an official image of Docker Hub with the tag latest") {
    const auto reference = parse_reference("nginx");
    REQUIRE(reference);
    CHECK(reference->to_string() == "docker.io/library/nginx:latest");
    CHECK(reference->familiar() == "nginx:latest");
    CHECK(reference->familiar_name() == "nginx");
}

TEST_CASE("the first component is a host only when it looks like one") {
    CHECK(parse_reference("me/app")->to_string() == "docker.io/me/app:latest");
    CHECK(parse_reference("localhost/app")->host == "localhost");
    CHECK(parse_reference("quay.io/app")->host == "quay.io");
    CHECK(parse_reference("registry:5000/app:1")->host == "registry:5000");
    CHECK(parse_reference("Registry/app")->host == "Registry");
    CHECK(parse_reference("[::1]:5000/app")->host == "[::1]:5000");
    CHECK(parse_reference("index.docker.io/nginx")->to_string() == "docker.io/library/nginx:latest");
    CHECK(parse_reference("docker.io/me/app")->familiar() == "me/app:latest");
}

TEST_CASE("the familiar form is only as short as it stays unambiguous") {
    for (const std::string& text :
         {std::string("docker.io/a.b/c:1"), std::string("docker.io/localhost/c:1"),
          "docker.io/library/" + k_hex + ":1", std::string("docker.io/library/a.b:1")}) {
        const auto reference = parse_reference(text);
        REQUIRE(reference);
        CHECK(parse_reference(reference->familiar()).value() == *reference);
    }
}

TEST_CASE("a digest stands beside or instead of a tag") {
    const auto both = parse_reference("app:1@sha256:" + k_hex);
    REQUIRE(both);
    CHECK(both->tag == "1");
    CHECK(both->digest == "sha256:" + k_hex);
    const auto only = parse_reference("app@sha256:" + k_hex);
    REQUIRE(only);
    CHECK(only->tag.empty());
    CHECK(only->familiar() == "app@sha256:" + k_hex);
}

TEST_CASE("what the grammar does not allow is refused") {
    for (const std::string& text : {std::string(),
                                    std::string(":tag"),
                                    std::string("UPPER"),
                                    std::string("a//b"),
                                    std::string("a/"),
                                    std::string("/a"),
                                    std::string("a..b"),
                                    std::string("a_-b"),
                                    std::string("-a"),
                                    std::string("a:"),
                                    std::string("a:b:c/d"),
                                    std::string("a@sha256:12"),
                                    "a@sha256:" + std::string(64, 'A'),
                                    "a@sha512:" + std::string(128, 'a'),
                                    "a@sha256:../" + std::string(61, 'a'),
                                    k_hex,
                                    "sha256:" + k_hex,
                                    std::string("sha256"),
                                    std::string("docker.io/library/sha256:1"),
                                    std::string("https://host/app"),
                                    std::string("a:" + std::string(129, 't')),
                                    std::string(300, 'a'),
                                    std::string("a\0b", 3),
                                    std::string("a b"),
                                    std::string("../a"),
                                    std::string("a/../b"),
                                    std::string("[::1/a"),
                                    std::string("host:port/a")})
        CHECK_FALSE(parse_reference(text));
}

TEST_CASE("only sha256 with 64 lower-case digits is a digest, because digests become paths") {
    CHECK(is_digest("sha256:" + k_hex));
    CHECK_FALSE(is_digest("sha256:" + std::string(64, 'F')));
    CHECK_FALSE(is_digest("sha256:../../" + std::string(58, 'a')));
    CHECK_FALSE(is_digest("sha256:" + std::string(63, 'a')));
    CHECK_FALSE(is_digest("md5:" + k_hex));
    CHECK_FALSE(is_digest(std::string("sha256:") + std::string(63, 'a') + '\0'));
}
