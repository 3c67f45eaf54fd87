// canonical.hpp - short forms to long forms: after this phase a field has one form only. Tolerant: what has a
// wrong kind is left for the check of shapes to name; a string that its syntax refuses is reported and
// removed. Idempotent.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

// How much of it. `references`: only what names files, networks, volumes and the like, which is as far as the
// reference goes with `config --no-interpolate`; values, and lists of KEY=VALUE, stay as they are written.
enum class Forms : std::uint8_t { all, references };
void canonicalise(LoadContext& context, SourceNode& root, Forms forms = Forms::all);
void canonicalise_service(LoadContext& context, SourceNode& service, const Path& path,
                          Forms forms = Forms::all);
// Key-value lists ("A=1") and mappings to a mapping; used by the merge as well. A name without "=" has a null
// value.
void key_values_to_mapping(SourceNode& node);
void mapping_to_key_values(SourceNode& node); // {A: 1, B: } to [A=1, B]
void names_to_mapping(SourceNode& node);      // [a, b] -> {a: null, b: null}
void depends_on_to_mapping(SourceNode& node); // [a] -> {a: {condition: service_started, required: true}}
void string_to_list(SourceNode& node);
void build_to_mapping(SourceNode& node);
// Lists whose items have a key (a port its address, a volume its target): the last item of a key stays, at
// the place of the first.
void enforce_unique_items(LoadContext& context, SourceNode& root);

} // namespace berth::compose::load
