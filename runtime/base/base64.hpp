// base64.hpp - bytes as text (RFC 4648): logins, logs of builds. Decoding takes the URL alphabet too.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace berth {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] Result<std::string> base64_decode(std::string_view text);

} // namespace berth
