#include "compose/source/node.hpp"

#include "runtime/base/concat.hpp"

#include <algorithm>

namespace berth::compose {

SourcePos Place::pos() const {
    if (source == nullptr) return {};
    return {source->file, line, column, length};
}

SourceEntry* SourceNode::find_entry(std::string_view key) {
    for (auto& entry : entries)
        if (entry.key == key) return &entry;
    return nullptr;
}

const SourceEntry* SourceNode::find_entry(std::string_view key) const {
    for (const auto& entry : entries)
        if (entry.key == key) return &entry;
    return nullptr;
}

SourceNode* SourceNode::find(std::string_view key) {
    auto* entry = find_entry(key);
    return entry != nullptr ? &entry->value : nullptr;
}

const SourceNode* SourceNode::find(std::string_view key) const {
    const auto* entry = find_entry(key);
    return entry != nullptr ? &entry->value : nullptr;
}

std::string_view SourceNode::text_of(std::string_view key) const {
    const auto* node = find(key);
    return node != nullptr && node->is_scalar() ? std::string_view(node->text) : std::string_view();
}

SourceNode& SourceNode::set(std::string_view key, SourceNode value) {
    if (auto* entry = find_entry(key)) {
        entry->value = std::move(value);
        return entry->value;
    }
    const Place place = value.at;
    entries.push_back({std::string(key), place, std::move(value)});
    return entries.back().value;
}

bool SourceNode::erase(std::string_view key) {
    const auto found =
        std::find_if(entries.begin(), entries.end(), [&](const auto& e) { return e.key == key; });
    if (found == entries.end()) return false;
    entries.erase(found);
    return true;
}

SourceEntry* KeyIndex::find(std::string_view key) {
    constexpr std::size_t k_linear = 24; // below, comparing is cheaper than hashing
    auto& entries = mapping_.entries;
    if (entries.size() < k_linear) return mapping_.find_entry(key);
    while (at_.size() < entries.size())
        at_.emplace(entries[at_.size()].key, at_.size());
    const auto found = at_.find(std::string(key));
    return found == at_.end() ? nullptr : &entries[found->second];
}

SourceEntry& KeyIndex::add(SourceEntry entry) {
    return mapping_.entries.emplace_back(std::move(entry));
}

bool KeyIndex::erase(std::string_view key) {
    at_.clear();
    return mapping_.erase(key);
}

SourceNode SourceNode::make_scalar(Kind kind, std::string text, const Place& at) {
    SourceNode node;
    node.kind = kind;
    node.plain = kind != Kind::string;
    node.implied = true;
    node.at = at;
    node.text = std::move(text);
    return node;
}

SourceNode SourceNode::make_string(std::string text, const Place& at) {
    return make_scalar(Kind::string, std::move(text), at);
}

SourceNode SourceNode::make_bool(bool value, const Place& at) {
    return make_scalar(Kind::boolean, value ? "true" : "false", at);
}

SourceNode SourceNode::make_mapping(const Place& at) {
    return make_scalar(Kind::mapping, {}, at);
}

SourceNode SourceNode::make_sequence(const Place& at) {
    return make_scalar(Kind::sequence, {}, at);
}

std::string Path::to_string() const {
    std::string out;
    if (parent != nullptr) out = parent->to_string();
    if (key.data() == nullptr) {
        if (parent != nullptr) out += concat("[", index, "]");
    } else {
        if (!out.empty()) out += '.';
        out += key;
    }
    return out;
}

const char* kind_name(Kind kind) {
    switch (kind) {
    case Kind::null:
        return "null";
    case Kind::boolean:
        return "a boolean";
    case Kind::integer:
        return "an integer";
    case Kind::real:
        return "a number";
    case Kind::string:
        return "a string";
    case Kind::mapping:
        return "a mapping";
    case Kind::sequence:
        return "a list";
    }
    return "a value";
}

std::string summary(const SourceNode& node) {
    if (node.is_null()) return "null";
    if (node.is_sequence()) return concat("a list of ", node.items.size());
    if (node.is_mapping() && node.text.empty())
        return concat("a mapping with ", node.entries.size(), node.entries.size() == 1 ? " key" : " keys");
    return node.text;
}

Trace replacement(const SourceNode& by, const SourceNode& what) {
    Trace out;
    out.replaced = what.at;
    out.replaced_text = summary(what);
    out.replaced_trace = what.trace;
    out.before = by.trace;
    return out;
}

bool same_value(const SourceNode& a, const SourceNode& b) {
    if (a.kind != b.kind) return false;
    if (a.is_scalar()) return a.text == b.text;
    if (a.is_sequence())
        return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same_value);
    if (a.entries.size() != b.entries.size()) return false;
    for (const auto& entry : a.entries) {
        const auto* other = b.find(entry.key);
        if (other == nullptr || !same_value(entry.value, *other)) return false;
    }
    return true;
}

std::size_t hash_value(const SourceNode& node) {
    const std::hash<std::string_view> hash;
    std::size_t out = static_cast<std::size_t>(node.kind);
    const auto mix = [](std::size_t a, std::size_t b) { return (a ^ b) * 0x9E3779B97F4A7C15u; };
    if (node.is_scalar()) return mix(out, hash(node.text));
    for (const auto& item : node.items)
        out = mix(out, hash_value(item));
    for (const auto& entry : node.entries) // in any order
        out += mix(hash(entry.key), hash_value(entry.value));
    return out;
}

} // namespace berth::compose
