// id.hpp - object ids and names. An id is 64 lower-case hex digits from getrandom(2); a name is
// [a-zA-Z0-9][a-zA-Z0-9_.-]* of at most 255 bytes, so it can stand in paths, nftables comments and /etc/hosts.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth {

[[nodiscard]] std::string make_id();
[[nodiscard]] std::string short_id(std::string_view id); // the first 12 digits
[[nodiscard]] bool is_valid_name(std::string_view name);
[[nodiscard]] Status check_name(std::string_view name, std::string_view what); // "container", "volume", ...
[[nodiscard]] std::string random_name(); // "brave_mercator": for run without --name
[[nodiscard]] bool is_hex(std::string_view text);

} // namespace berth
