// fields.hpp - reads of a member into a field of the model; an absent member leaves the field alone. Private
// to decode_*.
#pragma once

#include "compose/source/command_line.hpp"
#include "compose/source/decode.hpp"

#include <map>
#include <optional>

namespace berth::compose::fields {

inline void text(const SourceNode& node, std::string_view key, std::string& out) {
    const auto* member = node.find(key);
    if (member != nullptr && member->is_scalar() && !member->is_null()) out = member->text;
}
inline void flag(const SourceNode& node, std::string_view key, bool& out) {
    if (const auto* member = node.find(key))
        if (const auto value = read_bool(*member)) out = *value;
}
// Whole part of a number.
inline std::optional<std::int64_t> whole(const SourceNode* node) {
    if (node == nullptr || node->is_null()) return std::nullopt;
    if (node->kind == Kind::real) {
        const auto value = read_real(*node);
        return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
    }
    const auto value = read_integer(*node);
    return value ? std::optional(*value) : std::nullopt;
}
inline void number(const SourceNode& node, std::string_view key, std::int64_t& out) {
    out = whole(node.find(key)).value_or(out);
}
inline void number(const SourceNode& node, std::string_view key, std::optional<std::int64_t>& out) {
    if (auto value = whole(node.find(key))) out = value;
}
inline void bytes(const SourceNode& node, std::string_view key, std::int64_t& out) {
    if (const auto* member = node.find(key))
        if (const auto value = read_bytes(*member)) out = *value;
}
inline void duration(const SourceNode& node, std::string_view key, std::optional<Duration>& out) {
    if (const auto* member = node.find(key))
        if (const auto value = read_duration(*member)) out = *value;
}
inline void texts(const SourceNode& node, std::string_view key, std::vector<std::string>& out) {
    if (const auto* member = node.find(key))
        for (const auto& item : member->items)
            out.push_back(item.text);
}
inline void text_or_texts(const SourceNode& node, std::string_view key, std::vector<std::string>& out) {
    const auto* member = node.find(key);
    if (member != nullptr && member->is_scalar() && !member->is_null())
        out.push_back(member->text);
    else
        texts(node, key, out);
}
inline void text_map(const SourceNode& node, std::string_view key, std::map<std::string, std::string>& out) {
    if (const auto* member = node.find(key))
        for (const auto& entry : member->entries)
            out[entry.key] = entry.value.text;
}
inline void optional_text_map(const SourceNode& node, std::string_view key,
                              std::map<std::string, std::optional<std::string>>& out) {
    if (const auto* member = node.find(key))
        for (const auto& entry : member->entries)
            out[entry.key] = entry.value.is_null() ? std::nullopt : std::optional(entry.value.text);
}
inline void position(const SourceNode& node, std::string_view key, SourcePos& out) {
    if (const auto* member = node.find(key)) out = member->pos();
}
// null: none; a string is split like a shell line.
inline void command(const SourceNode& node, std::string_view key,
                    std::optional<std::vector<std::string>>& out) {
    const auto* member = node.find(key);
    if (member == nullptr || member->is_null()) return;
    out.emplace();
    for (const auto& item : member->items)
        out->push_back(item.text);
    if (member->is_sequence()) return;
    if (auto line = split_command_line(member->text)) out = std::move(line->words);
}

} // namespace berth::compose::fields
