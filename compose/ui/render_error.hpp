// render_error.hpp - an Error as people read it: first line greppable, then source line and caret, notes and
// hint.
//
//   compose.yaml:12:17: error: services.web.ports[1]: port '80800' is not a number from 1 to 65535
//      12 |       - "8080:80800"
//         |               ^~~~~
//      note: ...
//      hint: write ports as "HOST:CONTAINER", for example "8080:80"
#pragma once

#include "runtime/base/error.hpp"

#include <string>

namespace berth::ui {

[[nodiscard]] std::string render_error(const Error& error, bool color);
[[nodiscard]] std::string render_warning(const Error& warning, bool color);
// The line of a place with a caret below its column, "" when the place is unknown or a whole file.
[[nodiscard]] std::string render_source_line(const SourcePos& at, bool color);
// All of them, errors after warnings.
[[nodiscard]] std::string render_diagnostics(const Diagnostics& diagnostics, bool color);
// Control characters and escape sequences of foreign text made harmless for a terminal (S89).
[[nodiscard]] std::string printable(std::string_view text);

} // namespace berth::ui
