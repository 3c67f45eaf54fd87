#include "runtime/build/mount_options.hpp"
#include "runtime/build/refusals.hpp"
#include "tests/unit/build/dockerfile_text.hpp"

using namespace berth;
using namespace berth::build;
using Catch::Matchers::ContainsSubstring;

namespace {
std::string refused(const std::string& steps, bool all_stages = false, const std::string& more = "") {
    const auto file = parse_good("FROM a\n" + steps + "\n" + more);
    GraphInput input;
    input.platform = host_platform();
    const auto graph = make_graph(file, input);
    if (!graph) return graph.error().to_string();
    const auto status = refuse_mistakes(file, *graph, all_stages);
    return status ? "" : status.error().to_string();
}
} // namespace

TEST_CASE("what no variable can mend is refused with its place", "[build]") {
    CHECK_THAT(refused("COPY --chmod=8 a /a"), ContainsSubstring("2:14: '8'"));
    CHECK_THAT(refused("COPY https://a/b /a"), ContainsSubstring("2:6: COPY takes no address"));
    CHECK_THAT(refused("ADD --checksum=sha256:0 a https://b/c /d"), ContainsSubstring("2:16"));
    CHECK_THAT(refused("ENV A=1 B=${C"), ContainsSubstring("2:11: '${' is not closed"));
    CHECK_THAT(refused("ARG A=\"x"), ContainsSubstring("2:7: a double quote"));
    CHECK_THAT(refused("EXPOSE ${P!x}"), ContainsSubstring("modifier"));
    CHECK_THAT(refused("RUN --mount=type=nfs,target=/a true"),
               ContainsSubstring("'nfs' is no type of mount"));
    CHECK_THAT(refused("RUN --mount=type=secret,mode=9,id=a true"),
               ContainsSubstring("'9' is no value for mode"));
}

TEST_CASE("what a variable may make right is left to the build", "[build]") {
    CHECK(refused("ARG M\nCOPY --chmod=$M a /a\nCOPY $U/x /b\nADD --checksum=$S $U /c\nRUN "
                  "--mount=type=$T,target=/x true")
              .empty());
    CHECK(refused("ENV A=${B:?wanted} C=\"it's\"\nLABEL a='\"'\nMAINTAINER \"open").empty());
    CHECK(refused("ADD https://a/b https://c/d.git#main /e/").empty());
}

TEST_CASE("stages that nobody needs are looked at only when all are", "[build]") {
    CHECK(refused("COPY --chmod=8 a /a", false, "FROM b\n").empty());
    CHECK_FALSE(refused("COPY --chmod=8 a /a", true, "FROM b\n").empty());
}

TEST_CASE("the text of a mount", "[build]") {
    const auto parse = [](const std::string& text) { return parse_run_mount(text, {}, "/app"); };
    for (const char* bad :
         {"target=/", "target=/a,mode=0700", "type=cache,target=/a,size=5", "type=secret,id=a,source=b",
          "type=bind,target=/a,sharing=shared", "type=ssh,from=x", "target=/a,nope=1",
          "target=/a,type=floppy", "type=tmpfs,target=/a,size=much", "type=cache,target=/a,sharing=some",
          "type=cache,target=/a,uid=-1", "type=bind,target=/a,rw=maybe", "type=secret"})
        CHECK_FALSE(parse(bad));
    const auto cache = parse("type=cache,target=rel,ro,uid=5,mode=0700");
    REQUIRE(cache);
    CHECK(cache->target == "/app/rel");
    CHECK(cache->id == "rel");
    CHECK(parse("type=cache,target=/a,sharing=LOCKED")->sharing == "locked");
    CHECK(parse("target=.")->target == "/app");
    CHECK(parse("type=bind,from=tools")->target == "/app");
    CHECK(parse_run_mount("target=.", {}, "")); // no working folder is known yet
    CHECK_FALSE(parse_run_mount("target=.", {}, "/"));
    CHECK(parse("target=/a")->read_only);
    for (const char* writable :
         {"target=/a,rw", "target=/a,ro=false", "target=/a,readwrite=true", "target=/a,ro,rw"})
        CHECK_FALSE(parse(writable)->read_only);
    CHECK(cache->read_only);
    CHECK(cache->mode == 0700);
    CHECK(parse("type=secret,id=a")->target == "/run/secrets/a");
    CHECK(parse("type=secret,id=a,env=A")->target.empty());
    CHECK(parse("type=ssh")->id == "default");
}
