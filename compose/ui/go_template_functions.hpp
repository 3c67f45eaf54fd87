// go_template_functions.hpp - the functions that templates can call. Pure, over JSON values. Private to
// go_template.
#pragma once

#include "runtime/base/json.hpp"

#include <string>
#include <vector>

namespace berth::ui::tmpl {

// Go's truth: false, 0, "", nil and empty collections are not.
[[nodiscard]] bool truth(const Json& value);
// As Go's %v prints it: strings raw, lists "[a b]", maps "map[k:v]", nil "<no value>".
[[nodiscard]] std::string print_value(const Json& value);
// Every function but `and` and `or`, which evaluate their arguments only as far as needed.
[[nodiscard]] Result<Json> call_function(const std::string& name, const std::vector<Json>& arguments);

} // namespace berth::ui::tmpl
