// go_zero_values.hpp - what docker's templates print of a member that is not set. They run over Go structs, whose members
// have types; our JSON has null there, or nothing.
#pragma once

#include <optional>
#include <string_view>

namespace berth::ui::tmpl {

// "" of a text, "[]" of a list, "map[]", "<nil>" of a pointer; nothing: no member that we know.
[[nodiscard]] std::optional<std::string_view> zero_text(std::string_view member);

} // namespace berth::ui::tmpl
