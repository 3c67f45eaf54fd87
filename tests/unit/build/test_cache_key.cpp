#include "runtime/base/id.hpp"
#include "runtime/build/cache.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::build;

TEST_CASE("no two lists of parts give one key", "[build]") {
    const auto key = [](std::vector<std::pair<std::string, std::string>> parts) {
        KeyBuilder builder;
        for (const auto& [name, value] : parts)
            builder.add(name, value);
        return builder.finish();
    };
    CHECK(key({{"a", "bc"}}) != key({{"ab", "c"}}));
    CHECK(key({{"a", ""}, {"b", ""}}) != key({{"a", "b"}}));
    CHECK(key({{"a", "b"}, {"c", "d"}}) == key({{"a", "b"}, {"c", "d"}}));
}

TEST_CASE("damaged and missing records are misses", "[build]") {
    const auto folder = TempDir::make("/tmp", "berth-cache-").value();
    const Context context{Paths(folder.path() + "/data", folder.path() + "/exec"), &no_progress(), nullptr};
    REQUIRE(context.paths.ensure_roots().has_value());
    const StepCache cache(context, true);
    const std::string key(64, 'a');
    CHECK_FALSE(cache.find(key).has_value());
    StepRecord record;
    record.empty = true;
    record.created = "2026-01-01T00:00:00Z";
    REQUIRE(cache.store(key, record).has_value());
    const auto found = cache.find(key);
    REQUIRE(found.has_value());
    CHECK(found->created == record.created);
    CHECK_FALSE(StepCache(context, false).find(key).has_value());
    REQUIRE(write_atomic(context.paths.build() + "/steps/" + key, "{\"version\":", 0600).has_value());
    CHECK_FALSE(cache.find(key).has_value());
    record.empty = false; // and its layer is gone
    record.chain_id = "sha256:" + std::string(64, 'b');
    record.directory = "/nowhere";
    REQUIRE(cache.store(key, record).has_value());
    CHECK_FALSE(cache.find(key).has_value());
}
