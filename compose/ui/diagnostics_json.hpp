// diagnostics_json.hpp - errors and warnings for programs: what `compose config --format json` writes to
// standard error instead of text.
//
//   {"errors": [{"message", "path", "file", "line", "column", "length", "hint", "notes": [{"message", "file",
//   ...}]}],
//    "warnings": [...]}
//
// A part that a diagnostic does not have is left out.
#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/json.hpp"

namespace berth::ui {

[[nodiscard]] Json diagnostics_json(const Diagnostics& diagnostics);

} // namespace berth::ui
