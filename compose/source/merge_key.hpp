// merge_key.hpp - the YAML merge key "<<": a mapping, or a list of mappings, whose entries fill in what the
// mapping that holds it does not set itself. Earlier mappings of a list win over later ones. yaml-cpp leaves
// this to its users.
#pragma once

#include "compose/source/node.hpp"
#include "runtime/base/result.hpp"

#include <deque>

namespace berth::compose {

// `at` is the place of the key. Traces (none are kept without a place for them) remember who brought a value
// and what it would have been. Error: `source` is neither a mapping nor a list of mappings.
[[nodiscard]] Status apply_merge_key(SourceNode& mapping, SourceNode source, const Place& at,
                                     std::deque<Trace>* traces);

} // namespace berth::compose
