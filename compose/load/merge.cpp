#include "compose/load/merge.hpp"

#include "compose/load/canonical.hpp"
#include "compose/load/short_syntax.hpp"

#include <algorithm>
#include <array>

namespace berth::compose::load {

namespace {

enum class Rule : std::uint8_t {
    usual,
    replace,     // the whole value, null too
    key_values,  // list or mapping of KEY=VALUE: as a mapping, a null value replaces
    string_list, // a string is a list of one
    extra_hosts, // appended; "host: address" mappings as a list
    names,       // a list is a mapping of nulls
    depends_on,
    build,
    logging, // merged only for one driver
    ipam_pools,
};

struct RuleRow {
    std::array<const char*, 5> pattern; // "*": any key or index
    Rule rule;
};

constexpr RuleRow k_rules[] = {
    {{"networks", "*", "ipam", "config"}, Rule::ipam_pools},
    {{"networks", "*", "labels"}, Rule::key_values},
    {{"volumes", "*", "labels"}, Rule::key_values},
    {{"configs", "*", "labels"}, Rule::key_values},
    {{"secrets", "*", "labels"}, Rule::key_values},
    {{"services", "*", "annotations"}, Rule::key_values},
    {{"services", "*", "build"}, Rule::build},
    {{"services", "*", "build", "args"}, Rule::key_values},
    {{"services", "*", "build", "additional_contexts"}, Rule::key_values},
    {{"services", "*", "build", "extra_hosts"}, Rule::extra_hosts},
    {{"services", "*", "build", "labels"}, Rule::key_values},
    {{"services", "*", "build", "ssh"}, Rule::key_values},
    {{"services", "*", "command"}, Rule::replace},
    {{"services", "*", "depends_on"}, Rule::depends_on},
    {{"services", "*", "deploy", "labels"}, Rule::key_values},
    {{"services", "*", "dns"}, Rule::string_list},
    {{"services", "*", "dns_opt"}, Rule::string_list},
    {{"services", "*", "dns_search"}, Rule::string_list},
    {{"services", "*", "entrypoint"}, Rule::replace},
    {{"services", "*", "env_file"}, Rule::string_list},
    {{"services", "*", "environment"}, Rule::key_values},
    {{"services", "*", "extra_hosts"}, Rule::extra_hosts},
    {{"services", "*", "healthcheck", "test"}, Rule::replace},
    {{"services", "*", "label_file"}, Rule::string_list},
    {{"services", "*", "labels"}, Rule::key_values},
    {{"services", "*", "logging"}, Rule::logging},
    {{"services", "*", "models"}, Rule::names},
    {{"services", "*", "networks"}, Rule::names},
    {{"services", "*", "sysctls"}, Rule::key_values},
    {{"services", "*", "tmpfs"}, Rule::string_list},
    {{"services", "*", "ulimits", "*"}, Rule::replace},
};

Rule rule_for(const Path& path) {
    std::array<std::string_view, 5> parts{};
    std::size_t count = 0;
    for (const Path* p = &path; p->parent != nullptr; p = p->parent) {
        if (++count > parts.size()) return Rule::usual;
    }
    std::size_t i = count;
    for (const Path* p = &path; p->parent != nullptr; p = p->parent)
        parts[--i] = p->key;
    for (const auto& row : k_rules) {
        bool matches = true;
        for (std::size_t n = 0; n < parts.size() && matches; ++n) {
            const char* pattern = row.pattern[n];
            if (pattern == nullptr)
                matches = n >= count;
            else
                matches = n < count && (pattern[0] == '*' || parts[n] == pattern);
        }
        if (matches) return row.rule;
    }
    return Rule::usual;
}

class Merger {
  public:
    explicit Merger(LoadContext& context) : context_(context) {}

    void merge(SourceNode& base, SourceNode over, const Path& path) {
        const Rule rule = rule_for(path);
        if (rule == Rule::replace) {
            replace(base, std::move(over));
            return;
        }
        if (over.is_null()) return; // an empty value leaves the base as it is
        const bool base_was_list = base.is_sequence();
        const bool over_was_list = over.is_sequence();
        prepare(rule, base);
        prepare(rule, over);
        if (base.is_null()) {
            replace(base, std::move(over));
        } else if (rule == Rule::logging && different_drivers(base, over)) {
            replace(base, std::move(over));
        } else if (base.is_mapping() && over.is_mapping()) {
            const bool as_list = rule == Rule::key_values && !context_.options.interpolate;
            if (as_list) sort_keys(base, base_was_list);
            if (as_list) sort_keys(over, over_was_list);
            mappings(base, std::move(over), path, rule);
            if (as_list) mapping_to_key_values(base);
        } else if (base.is_sequence() && over.is_sequence()) {
            sequences(base, std::move(over), path, rule);
        } else if (base.is_scalar() && over.is_scalar()) {
            replace(base, std::move(over));
        } else {
            context_.error(
                invalid(concat(kind_name(over.kind), " cannot replace ", kind_name(base.kind)), over.pos())
                    .note("the value that would be replaced", base.pos())
                    .hint("write both in the same form, or tag this one with !override"),
                path);
            context_.poison(path);
        }
    }

  private:
    static void prepare(Rule rule, SourceNode& node) {
        switch (rule) {
        case Rule::key_values:
            key_values_to_mapping(node);
            break;
        case Rule::string_list:
            string_to_list(node);
            break;
        case Rule::names:
            names_to_mapping(node);
            break;
        case Rule::depends_on:
            depends_on_to_mapping(node);
            break;
        case Rule::build:
            build_to_mapping(node);
            break;
        case Rule::extra_hosts:
            hosts_to_list(node);
            break;
        default:
            break;
        }
    }

    // What stays as it was written becomes a list when it is merged, the keys of a mapping in their order.
    static void sort_keys(SourceNode& mapping, bool was_list) {
        if (!was_list)
            std::sort(mapping.entries.begin(), mapping.entries.end(),
                      [](const auto& a, const auto& b) { return a.key < b.key; });
    }

    static void hosts_to_list(SourceNode& node) {
        if (node.is_sequence())
            for (auto& item : node.items)
                if (item.is_string())
                    if (auto text = expand_extra_host(item.text, item.at)) item.text = std::move(*text);
        if (!node.is_mapping()) return;
        SourceNode list = SourceNode::make_sequence(node.at);
        for (auto& entry : node.entries) {
            const auto add = [&](SourceNode address) {
                address.text = concat(entry.key, "=", address.text);
                address.kind = Kind::string;
                list.items.push_back(std::move(address));
            };
            if (entry.value.is_sequence())
                for (auto& address : entry.value.items)
                    add(std::move(address));
            else
                add(std::move(entry.value));
        }
        node = std::move(list);
    }

    static bool different_drivers(const SourceNode& base, const SourceNode& over) {
        const auto a = base.text_of("driver");
        const auto b = over.text_of("driver");
        return !a.empty() && !b.empty() && a != b;
    }

    void replace(SourceNode& base, SourceNode over) {
        strip_tags(over);
        if (base.at.source != nullptr) context_.remember(over, replacement(over, base));
        base = std::move(over);
    }

    void mappings(SourceNode& base, SourceNode over, const Path& path, Rule rule) {
        KeyIndex known(base);
        for (auto& entry : over.entries) {
            auto* existing = known.find(entry.key);
            if (entry.value.tag == Tag::reset) {
                if (existing != nullptr)
                    context_.remember_removal(path / entry.key, entry.value, existing->value);
                known.erase(entry.key);
            } else if (existing == nullptr) {
                strip_tags(entry.value);
                known.add(std::move(entry));
            } else if (entry.value.tag == Tag::override_ || rule == Rule::key_values) {
                replace(existing->value, std::move(entry.value));
                existing->key_at = entry.key_at;
            } else {
                merge(existing->value, std::move(entry.value), path / entry.key);
            }
        }
    }

    void sequences(SourceNode& base, SourceNode over, const Path& path, Rule rule) {
        if (rule == Rule::ipam_pools) {
            pools(base, std::move(over), path);
            return;
        }
        for (auto& item : over.items) {
            const auto same = [&](const SourceNode& other) { return same_value(other, item); };
            if (item.tag == Tag::reset) {
                for (std::size_t i = 0; i < base.items.size(); ++i)
                    if (same(base.items[i])) context_.remember_removal(path[i], item, base.items[i]);
                std::erase_if(base.items, same);
                continue;
            }
            if (rule == Rule::extra_hosts && std::any_of(base.items.begin(), base.items.end(), same))
                continue;
            strip_tags(item);
            base.items.push_back(std::move(item));
        }
    }

    // Pools of one subnet are merged; others are appended.
    void pools(SourceNode& base, SourceNode over, const Path& path) {
        for (auto& pool : over.items) {
            const auto subnet = pool.text_of("subnet");
            const auto found = std::find_if(base.items.begin(), base.items.end(), [&](const auto& other) {
                return other.text_of("subnet") == subnet;
            });
            if (found == base.items.end() || !found->is_mapping() || !pool.is_mapping())
                base.items.push_back(std::move(pool));
            else
                mappings(*found, std::move(pool), path[static_cast<std::size_t>(found - base.items.begin())],
                         Rule::usual);
        }
    }

    LoadContext& context_;
};

} // namespace

void strip_tags(SourceNode& node) {
    if (node.is_mapping()) {
        std::erase_if(node.entries, [](const auto& entry) { return entry.value.tag == Tag::reset; });
        for (auto& entry : node.entries)
            strip_tags(entry.value);
    } else if (node.is_sequence()) {
        std::erase_if(node.items, [](const auto& item) { return item.tag == Tag::reset; });
        for (auto& item : node.items)
            strip_tags(item);
    }
    node.tag = Tag::none;
}

void merge_node(LoadContext& context, SourceNode& base, SourceNode overriding, const Path& path) {
    Merger(context).merge(base, std::move(overriding), path);
}

} // namespace berth::compose::load
