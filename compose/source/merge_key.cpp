#include "compose/source/merge_key.hpp"

namespace berth::compose {

namespace {

// go-yaml merges nested mappings not at all: the first one that sets a key wins as a whole.
void fill_in(SourceNode& mapping, SourceNode& source) {
    for (auto& entry : source.entries)
        if (mapping.find_entry(entry.key) == nullptr) mapping.entries.push_back(std::move(entry));
}

} // namespace

Status apply_merge_key(SourceNode& mapping, SourceNode source) {
    const auto refuse = [](const SourceNode& node) {
        return fail(Error(ErrorCode::invalid_input,
                          concat("'<<' needs a mapping or a list of mappings, not ", kind_name(node.kind)))
                        .at(node.pos()));
    };
    if (source.is_mapping()) {
        fill_in(mapping, source);
        return {};
    }
    if (!source.is_sequence()) return refuse(source);
    for (auto& item : source.items) {
        if (!item.is_mapping()) return refuse(item);
        fill_in(mapping, item);
    }
    return {};
}

} // namespace berth::compose
