// platform.hpp - "linux/arm64/v8" and which images of an index run here.
#pragma once

#include "runtime/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace berth::image {

struct Platform {
    std::string os, architecture, variant;
    friend bool operator==(const Platform&, const Platform&) = default;
    [[nodiscard]] std::string to_string() const;
};
[[nodiscard]] Platform host_platform();
// Go's and uname's names of an architecture; empty: the host's.
[[nodiscard]] Result<Platform> parse_platform(std::string_view text);
// What somebody asks for: one platform, or nothing and so any.
using WantedPlatform = std::optional<Platform>;
[[nodiscard]] Result<WantedPlatform> parse_wanted_platform(std::string_view text);
// 0: does not run on `host`; larger is better (an exact variant before an older one).
[[nodiscard]] int platform_fit(const Platform& image, const Platform& host);
[[nodiscard]] bool suits(const Platform& image, const WantedPlatform& wanted);

} // namespace berth::image
