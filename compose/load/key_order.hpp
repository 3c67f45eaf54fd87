// key_order.hpp - the order in which the reference writes the keys of a mapping: by bytes in JSON, as people
// count in YAML ("s2" before "s10").
#pragma once

#include <string_view>

namespace berth::compose::load {

[[nodiscard]] bool counts_before(std::string_view a, std::string_view b);

} // namespace berth::compose::load
