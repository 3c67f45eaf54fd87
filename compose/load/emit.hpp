// emit.hpp - the checked, normalised tree to the canonical model. Two dialects, because Docker Compose has
// two: its JSON
// (`config --format json`) leaves extensions out and has a null command; its YAML keeps extensions and
// models.
#pragma once

#include "compose/load/schema.hpp"
#include "compose/source/node.hpp"
#include "runtime/base/json.hpp"

namespace berth::compose::load {

enum class Dialect : std::uint8_t { json, yaml };
struct EmitOptions {
    Dialect dialect = Dialect::json;
    bool escape_dollars = true;
};
[[nodiscard]] Json emit_project(const SourceNode& root, const EmitOptions& options);

} // namespace berth::compose::load
