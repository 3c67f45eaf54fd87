// yaml_reader.hpp - YAML text to located trees, through yaml-cpp's events. Anchors, aliases, merge keys,
// duplicate keys and all limits are handled here; nothing after this phase knows YAML. Bounds: whatever the
// text is, memory and time stay within the limits and the answer is a tree or errors with places.
#pragma once

#include "compose/source/node.hpp"
#include "runtime/base/result.hpp"

#include <deque>

namespace berth::compose {

struct YamlLimits {
    std::size_t bytes = 16u << 20;
    std::size_t depth = 256;
    std::size_t nodes = 1'000'000;
    std::size_t alias_nodes = 1'000'000; // nodes that aliases may copy in all
    std::size_t errors = 1000;
};

// The documents of the text, in order; an empty text has none. Duplicate keys, keys that are no strings and
// misused merge keys are all collected in `errors`; a syntax error or a limit ends the reading and is the
// last of them. `traces` (which never moves its elements) remembers what merge keys did.
[[nodiscard]] std::vector<SourceNode> read_yaml(const SourceHandle& source, std::vector<Error>& errors,
                                                std::deque<Trace>* traces = nullptr,
                                                const YamlLimits& limits = {});

} // namespace berth::compose
