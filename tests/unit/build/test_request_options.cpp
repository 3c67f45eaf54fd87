#include "runtime/build/request_options.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

using namespace berth;
using namespace berth::build;

TEST_CASE("values of build flags that are wrong are refused", "[build]") {
    CHECK_FALSE(split_option("a=\"b").has_value());
    for (const char* bad : {"", "src=/etc/passwd", "id=a,sorce=/x", "id=a,type=vault",
                            "id=a,src=/no/such/file", "id=a,env=BERTH_NO_SUCH_VARIABLE", "id=a,b"})
        CHECK_FALSE(parse_secret(bad, "/").has_value());
    CHECK_FALSE(parse_ssh("default=/no/such/socket", "/").has_value());
    CHECK_FALSE(parse_ssh("default=/etc/passwd", "/").has_value()); // a key: an agent reads it
    BuildRequest request;
    for (const char* bad : {"memry=1g", "memory=much", "cpu-quota=", "1g"})
        CHECK_FALSE(add_resource(request, bad).has_value());
    CHECK_FALSE(allow_entitlement(request, "security.everything").has_value());
    CHECK_FALSE(allow_entitlement(request, "device=gpu").has_value());
    CHECK_FALSE(allow_entitlement(request, "fsx.read=/").has_value());
    CHECK(allow_entitlement(request, "fs.read=/").has_value());
    CHECK_FALSE(request.allow_insecure);
}

TEST_CASE("fields are split as CSV has them", "[build]") {
    const auto fields = split_option("Type=local,\"dest=a,b\",x");
    REQUIRE(fields.has_value());
    REQUIRE(fields->size() == 3);
    CHECK((*fields)[0] == std::pair<std::string, std::string>("type", "local"));
    CHECK((*fields)[1] == std::pair<std::string, std::string>("dest", "a,b"));
    CHECK((*fields)[2] == std::pair<std::string, std::string>("", "x"));
}

TEST_CASE("a secret comes from a file or a variable", "[build]") {
    ::setenv("BERTH_TEST_SECRET", "word", 1);
    const auto file = parse_secret("id=a,src=etc/passwd", "/");
    REQUIRE(file.has_value());
    CHECK(file->second.file == "/etc/passwd");
    for (const char* text :
         {"id=BERTH_TEST_SECRET", "id=x,env=BERTH_TEST_SECRET", "id=x,type=env,src=BERTH_TEST_SECRET"}) {
        const auto variable = parse_secret(text, "/");
        REQUIRE(variable.has_value());
        CHECK(variable->second.file.empty());
        CHECK(variable->second.text == "word");
    }
    ::unsetenv("BERTH_TEST_SECRET");
}

TEST_CASE("resources and entitlements go into the request", "[build]") {
    BuildRequest request;
    REQUIRE(add_resource(request, "memory=64m,cpu-quota=50000").has_value());
    CHECK(request.limits.memory == 64 << 20);
    CHECK(request.limits.cpu_quota == 50000);
    REQUIRE(allow_entitlement(request, "security.insecure").has_value());
    CHECK(request.allow_insecure);
}
