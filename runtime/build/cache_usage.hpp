// cache_usage.hpp - what the build cache holds, as `buildx du` lists it, and taking chosen parts of it away.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/parse.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

// A layer that steps made, or the folder of a RUN --mount=type=cache.
struct CacheEntry {
    std::string id;
    std::string parent; // id of the layer below; empty: none, or not of the cache
    bool mount = false;
    bool in_use = false; // a running build works with it
    bool shared = false; // an image has this layer: nothing is won by dropping it
    std::int64_t size = 0;
    std::int64_t created = 0, used = 0; // seconds since 1970
    std::string description;
    [[nodiscard]] const char* type() const { return mount ? "exec.cachemount" : "regular"; }
};

// "id=PREFIX", "type!=regular", "description~=npm", "inuse", "until=24h" (last used longer ago than that).
class CacheFilter {
  public:
    [[nodiscard]] static Result<CacheFilter> parse(const std::vector<std::string>& words);
    [[nodiscard]] bool takes(const CacheEntry& entry, std::int64_t now) const;
    [[nodiscard]] bool empty() const { return rules_.empty() && !unused_for_; }

  private:
    enum class Test : std::uint8_t { equal, unequal, contains };
    struct Rule {
        std::string field, value;
        Test test = Test::equal;
    };
    std::vector<Rule> rules_; // all must hold
    std::optional<Duration> unused_for_;
};

// Used last comes first.
[[nodiscard]] Result<std::vector<CacheEntry>> list_cache(const Context& context);

struct CachePrune {
    std::int64_t keep_bytes = 0; // layers are dropped, those used longest ago first, until this much is left
    CacheFilter filter;          // only what it takes
};
struct PrunedCache {
    std::vector<CacheEntry> entries;
    std::int64_t freed = 0; // bytes; what an image still has is not among them
};
// What images and running builds use stays on the disk. keep_bytes 0: the folders of cache mounts go too.
[[nodiscard]] Result<PrunedCache> prune_cache(const Context& context, const CachePrune& prune);

} // namespace berth::build
