// emit.hpp - the checked, normalised tree to the canonical model. Two dialects, because Docker Compose has
// two: its JSON
// (`config --format json`) leaves extensions out and has a null command; its YAML keeps extensions and
// models.
#pragma once

#include "compose/load/schema.hpp"
#include "compose/source/node.hpp"
#include "runtime/base/json.hpp"

#include <optional>

namespace berth::compose::load {

enum class Dialect : std::uint8_t { json, yaml };
struct EmitOptions {
    Dialect dialect = Dialect::json;
    bool interpolated = true;   // false: a value may still be a variable, and is written as it stands
    bool escape_dollars = true; // "$" as "$$", so that the output can be loaded again
};
// One value of the model, nothing when `config` leaves it out. A null shape: as it is.
[[nodiscard]] std::optional<Json> emit_value(const SourceNode& node, const Shape* shape,
                                             const EmitOptions& options);
// The tree as it is written: `config --no-interpolate`. The dialects differ in the order of keys only.
[[nodiscard]] Json emit_written(const SourceNode& root, Dialect dialect);
[[nodiscard]] Json emit_project(const SourceNode& root, const EmitOptions& options);

} // namespace berth::compose::load
