// cache_format.hpp - the text of a cache that travels; shared by its two ends. Private to runtime/build.
#pragma once

#include "runtime/build/cache_remote.hpp"

namespace berth::build {

inline constexpr const char* k_cache_config = "application/vnd.berth.buildcache.config.v1+json";
inline constexpr const char* k_inline_member = "berth.buildcache.v1";
inline constexpr std::size_t k_max_cache_config = 16u << 20;

struct CacheConfig {
    std::int64_t version = 1;
    std::vector<RemoteStep> steps;
};
template <class V> void describe(V& v, CacheConfig& c) {
    v.field("version", c.version);
    v.field("steps", c.steps);
}

} // namespace berth::build
