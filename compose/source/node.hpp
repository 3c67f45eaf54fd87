// node.hpp - the located tree that all phases of loading work on: every key and every value knows its file,
// line and column. Invariants: `entries` is used by mappings only, `items` by sequences only; keys of one
// mapping are unique; the text of a boolean, integer or real is canonical (true, 288, 1e+30), that of a
// string is its value, that of a mapping the short form that it was made from, if any. Ownership:
// SourceHandle and Trace objects belong to the load context and outlive the nodes that point at them.
#pragma once

#include "runtime/base/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth::compose {

// One file of the load. Nodes point here instead of holding a shared_ptr each: 100,000 nodes copy and move
// for free.
struct SourceHandle {
    std::shared_ptr<const SourceFile> file;
};

struct Place {
    const SourceHandle* source = nullptr;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::uint32_t length = 1;
    [[nodiscard]] SourcePos pos() const;
};

struct VariableUse {
    std::string name;
    std::string value;
    std::string origin; // ".env:3", "shell", "default"
};
// One thing that happened to a value beyond being written at its place: variables went into it, it took the
// place of another one, or a merge key brought it. The chain of `before` goes back in time.
struct Trace {
    std::vector<VariableUse> variables;
    Place replaced; // the value that this one took the place of
    std::string replaced_text;
    const Trace* replaced_trace = nullptr; // what had happened to that one
    Place merged_by;                       // the key "<<"
    const Trace* before = nullptr;
};

enum class Kind : std::uint8_t { null, boolean, integer, real, string, mapping, sequence };
enum class Tag : std::uint8_t { none, reset, override_ };

struct SourceEntry;

struct SourceNode {
    Kind kind = Kind::null;
    Tag tag = Tag::none;
    bool plain = true; // written without quotes
    bool interpolated =
        false;            // a variable went into it: typed fields may read its text as a number or boolean
    bool implied = false; // made by a phase, not written by anybody
    bool refused =
        false; // reported already; stays in its list, so that the others keep their index, until the check
    Place at;
    std::string text;
    std::vector<SourceEntry> entries;
    std::vector<SourceNode> items;
    const Trace* trace = nullptr;

    [[nodiscard]] bool is_mapping() const { return kind == Kind::mapping; }
    [[nodiscard]] bool is_sequence() const { return kind == Kind::sequence; }
    [[nodiscard]] bool is_string() const { return kind == Kind::string; }
    [[nodiscard]] bool is_null() const { return kind == Kind::null; }
    [[nodiscard]] bool is_scalar() const { return kind < Kind::mapping; }

    [[nodiscard]] SourceEntry* find_entry(std::string_view key);
    [[nodiscard]] const SourceEntry* find_entry(std::string_view key) const;
    [[nodiscard]] SourceNode* find(std::string_view key);
    [[nodiscard]] const SourceNode* find(std::string_view key) const;
    // The text of a scalar member, or "" when it is absent or no scalar.
    [[nodiscard]] std::string_view text_of(std::string_view key) const;
    SourceNode& set(std::string_view key, SourceNode value); // adds or replaces
    bool erase(std::string_view key);
    [[nodiscard]] SourcePos pos() const { return at.pos(); }

    // Values that a phase makes itself; they point at the place of what caused them.
    [[nodiscard]] static SourceNode make_string(std::string text, const Place& at);
    [[nodiscard]] static SourceNode make_scalar(Kind kind, std::string text, const Place& at);
    [[nodiscard]] static SourceNode make_bool(bool value, const Place& at);
    [[nodiscard]] static SourceNode make_mapping(const Place& at);
    [[nodiscard]] static SourceNode make_sequence(const Place& at);
};

struct SourceEntry {
    std::string key;
    Place key_at;
    SourceNode value;
};

// Finds and adds entries of one mapping; by hash once it is large, because a phase that looks for each of n
// keys among n others must not take n * n. Nothing else may add or remove entries while it lives.
class KeyIndex {
  public:
    explicit KeyIndex(SourceNode& mapping) : mapping_(mapping) {}
    [[nodiscard]] SourceEntry* find(std::string_view key);
    SourceEntry& add(SourceEntry entry); // a key that is not there yet
    bool erase(std::string_view key);

  private:
    SourceNode& mapping_;
    std::unordered_map<std::string, std::size_t> at_; // of the first at_.size() entries
};

// The path of a node, kept on the stack while a phase walks down; text is made only for a message.
struct Path {
    const Path* parent = nullptr;
    std::string_view key;
    std::size_t index = 0; // of a sequence item, when `key` is null
    [[nodiscard]] Path operator/(std::string_view name) const { return {this, name, 0}; }
    [[nodiscard]] Path operator[](std::size_t item) const { return {this, {}, item}; }
    [[nodiscard]] std::string to_string() const; // "services.web.ports[1]"
};

[[nodiscard]] const char* kind_name(Kind kind); // "a mapping", "a list", "a string"
// What stands for a value in a sentence: the text of a scalar, "a list of 3", "a mapping with 2 keys".
[[nodiscard]] std::string summary(const SourceNode& node);
// That `by` took the place of `what`, as an event of `by`.
[[nodiscard]] Trace replacement(const SourceNode& by, const SourceNode& what);
// Deep equality of values; places, quotes and traces do not count.
[[nodiscard]] bool same_value(const SourceNode& a, const SourceNode& b);
// Equal for values that are the same in that sense.
[[nodiscard]] std::size_t hash_value(const SourceNode& node);

} // namespace berth::compose
