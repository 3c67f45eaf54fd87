#include "compose/load/explain.hpp"

#include "compose/load/emit.hpp"

#include <algorithm>
#include <set>

namespace berth::compose::load {

namespace {

// A node with what is needed to speak about it: its shape, and the nodes above it, whose history is its own
// too.
struct Located {
    const SourceNode* node = nullptr;
    const Shape* shape = nullptr; // null: below an extension
    std::string path;
    std::vector<const SourceNode*> above;
};

const Shape* shape_of(const Shape* shape, const SourceNode& parent, std::string_view key) {
    if (shape == nullptr) return nullptr;
    if (parent.is_sequence()) return shape->items;
    if (const auto* field = find_field(*shape, key)) return field->shape;
    return shape->values;
}

Located child(const Located& of, std::string_view key, const SourceNode& node) {
    Located out{&node, shape_of(of.shape, *of.node, key), of.path, of.above};
    if (of.node->is_sequence())
        out.path += concat("[", key, "]");
    else
        out.path += concat(of.path.empty() ? "" : ".", key);
    out.above.push_back(of.node);
    return out;
}

// What is left of `text` behind `key`, if it begins with it as a whole word of a path.
std::optional<std::string_view> behind(std::string_view text, std::string_view key) {
    if (text.substr(0, key.size()) != key) return std::nullopt;
    const auto rest = text.substr(key.size());
    if (rest.empty() || rest[0] == '[') return rest;
    if (rest[0] == '.') return rest.substr(1);
    return std::nullopt;
}

class Search {
  public:
    explicit Search(const SourceNode& disabled) : disabled_(disabled) {}

    // Keys may have dots, so that every key that fits is tried, the longest first.
    std::optional<Located> find(const Located& from, std::string_view rest) {
        if (rest.empty()) return from;
        if (rest.size() < shortest_rest_) {
            shortest_rest_ = rest.size();
            nearest_ = from;
            missing_ = rest;
        }
        return from.node->is_sequence() ? item(from, rest) : member(from, rest);
    }

    [[nodiscard]] Error nothing(std::string_view key) const {
        std::vector<std::string> known;
        for (const auto* entry : entries_of(nearest_))
            known.push_back(entry->key);
        const std::string_view word = missing_.substr(0, missing_.find_first_of(".["));
        Error error(ErrorCode::not_found, concat("the model has no value ", in_quotes(key)));
        if (const auto hint = did_you_mean(word, known); !hint.empty())
            error.hint(hint);
        else if (nearest_.node->is_sequence())
            error.hint(concat("'", nearest_.path, "' is a list of ", nearest_.node->items.size(),
                              "; its items are named by their number, from [0]"));
        else if (nearest_.node->is_mapping() && !known.empty())
            error.hint(concat(nearest_.path.empty() ? "the top" : concat("'", nearest_.path, "'"), " has ",
                              join(known, ", ")));
        else if (!nearest_.path.empty())
            error.hint(concat("'", nearest_.path, "' has nothing below it"));
        return error;
    }

    // Services of inactive profiles stand beside the others.
    [[nodiscard]] std::vector<const SourceEntry*> entries_of(const Located& located) const {
        std::vector<const SourceEntry*> out;
        for (const auto& entry : located.node->entries)
            out.push_back(&entry);
        if (located.path == "services")
            for (const auto& entry : disabled_.entries)
                out.push_back(&entry);
        return out;
    }

  private:
    std::optional<Located> member(const Located& from, std::string_view rest) {
        auto entries = entries_of(from);
        std::stable_sort(entries.begin(), entries.end(),
                         [](const auto* a, const auto* b) { return a->key.size() > b->key.size(); });
        for (const auto* entry : entries)
            if (const auto further = behind(rest, entry->key))
                if (auto found = find(child(from, entry->key, entry->value), *further)) return found;
        return std::nullopt;
    }

    // "[1]" as we write it, or ".1" as others do.
    std::optional<Located> item(const Located& from, std::string_view rest) {
        const bool bracket = rest[0] == '[';
        const auto digits =
            rest.substr(bracket ? 1 : 0, rest.find_first_of(bracket ? "]" : ".[") - (bracket ? 1 : 0));
        const auto index = parse_integer(digits, 0);
        if (!index || static_cast<std::size_t>(*index) >= from.node->items.size()) return std::nullopt;
        auto further = rest.substr(std::min(rest.size(), digits.size() + (bracket ? 2 : 0)));
        if (!further.empty() && further[0] == '.') further.remove_prefix(1);
        return find(child(from, digits, from.node->items[static_cast<std::size_t>(*index)]), further);
    }

    const SourceNode& disabled_;
    std::size_t shortest_rest_ = std::string_view::npos;
    Located nearest_;
    std::string_view missing_;
};

// The chain of what happened to one value, and to what it replaced.
class History {
  public:
    explicit History(ExplainedValue& out) : out_(out) {}

    void follow(const Trace* trace) { walk(trace, k_now); }

  private:
    static constexpr std::size_t k_now = static_cast<std::size_t>(-1);

    ValueStep& step(std::size_t index) { return index == k_now ? out_.now : out_.replaced[index]; }

    void walk(const Trace* trace, std::size_t index) {
        for (; trace != nullptr; trace = trace->before) {
            if (!seen_.insert(trace).second) continue;
            auto& variables = step(index).variables;
            variables.insert(variables.end(), trace->variables.begin(), trace->variables.end());
            if (trace->merged_by.source != nullptr) step(index).merged_by.push_back(trace->merged_by.pos());
            if (trace->replaced.source == nullptr) continue;
            out_.replaced.push_back({trace->replaced_text, trace->replaced.pos(), false, {}, {}});
            walk(trace->replaced_trace, out_.replaced.size() - 1);
        }
    }

    ExplainedValue& out_;
    std::set<const Trace*> seen_;
};

ExplainedValue explain_leaf(const LoadContext& context, const Located& leaf) {
    ExplainedValue out;
    out.path = leaf.path;
    const EmitOptions as_it_is{Dialect::json, context.options.interpolate, false};
    auto value = emit_value(*leaf.node, leaf.shape, as_it_is);
    out.value = value ? std::move(*value) : emit_value(*leaf.node, nullptr, as_it_is).value_or(Json());
    out.now.text = leaf.node->text;
    out.now.at = leaf.node->pos();
    out.now.implied = leaf.node->implied;
    History history(out);
    history.follow(leaf.node->trace);
    for (auto above = leaf.above.rbegin(); above != leaf.above.rend(); ++above)
        history.follow((*above)->trace);
    return out;
}

constexpr std::size_t k_most_explained = 10'000;

void leaves(const LoadContext& context, const Search& search, const Located& at,
            std::vector<ExplainedValue>& out) {
    if (out.size() > k_most_explained) return;
    const auto entries = search.entries_of(at);
    if (at.node->is_scalar() || (entries.empty() && at.node->items.empty())) {
        out.push_back(explain_leaf(context, at));
        return;
    }
    for (const auto* entry : entries)
        leaves(context, search, child(at, entry->key, entry->value), out);
    for (std::size_t i = 0; i < at.node->items.size(); ++i)
        leaves(context, search, child(at, concat(i), at.node->items[i]), out);
}

void removals(const LoadContext& context, std::string_view key, std::vector<ExplainedValue>& out) {
    for (const auto& removed : context.removed) {
        if (!behind(removed.path, key) && !behind(key, removed.path)) continue;
        ExplainedValue value;
        value.path = removed.path;
        value.removed = true;
        value.now.at = removed.at.pos();
        History(value).follow(&removed.was);
        out.push_back(std::move(value));
    }
}

} // namespace

Result<std::vector<ExplainedValue>> explain(const LoadContext& context, const SourceNode& root,
                                            const SourceNode& disabled, std::string_view key) {
    std::vector<ExplainedValue> out;
    Search search(disabled);
    if (const auto found = search.find({&root, &project_shape(), {}, {}}, key))
        leaves(context, search, *found, out);
    if (out.size() > k_most_explained)
        return fail(Error(ErrorCode::invalid_input,
                          concat(in_quotes(key), " has more than ", k_most_explained, " values below it"))
                        .hint("name a smaller part of the model"));
    removals(context, key, out);
    if (out.empty()) return fail(search.nothing(key));
    return out;
}

} // namespace berth::compose::load
