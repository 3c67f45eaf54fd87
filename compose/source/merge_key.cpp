#include "compose/source/merge_key.hpp"

namespace berth::compose {

namespace {

// go-yaml merges nested mappings not at all: the first one that sets a key wins as a whole.
class Filler {
  public:
    Filler(SourceNode& mapping, const Place& at, std::deque<Trace>* traces)
        : known_(mapping), at_(at), traces_(traces) {}

    void fill_in(SourceNode& source) {
        for (auto& entry : source.entries) {
            if (auto* own = known_.find(entry.key)) {
                remember(own->value, replacement(own->value, entry.value));
                continue;
            }
            Trace brought;
            brought.merged_by = at_;
            brought.before = entry.value.trace;
            remember(entry.value, std::move(brought));
            known_.add(std::move(entry));
        }
    }

  private:
    void remember(SourceNode& node, Trace trace) {
        if (traces_ == nullptr) return;
        traces_->push_back(std::move(trace));
        node.trace = &traces_->back();
    }

    KeyIndex known_;
    const Place& at_;
    std::deque<Trace>* traces_;
};

} // namespace

Status apply_merge_key(SourceNode& mapping, SourceNode source, const Place& at, std::deque<Trace>* traces) {
    Filler filler(mapping, at, traces);
    const auto refuse = [](const SourceNode& node) {
        return fail(Error(ErrorCode::invalid_input,
                          concat("'<<' needs a mapping or a list of mappings, not ", kind_name(node.kind)))
                        .at(node.pos()));
    };
    if (source.is_mapping()) {
        filler.fill_in(source);
        return {};
    }
    if (!source.is_sequence()) return refuse(source);
    for (auto& item : source.items) {
        if (!item.is_mapping()) return refuse(item);
        filler.fill_in(item);
    }
    return {};
}

} // namespace berth::compose
