// capability_names.hpp - "CAP_NET_RAW" and its number. Pure.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::sandbox {

// Upper or lower case, with or without "CAP_". An unknown name gets a "did you mean".
[[nodiscard]] Result<int> capability_number(std::string_view name);
[[nodiscard]] std::string capability_name(int number); // "CAP_CHOWN"
[[nodiscard]] Result<std::uint64_t> capability_mask(const std::vector<std::string>& names);
[[nodiscard]] std::vector<std::string> capability_names(std::uint64_t mask); // the known ones of a mask

} // namespace berth::sandbox
