// Three lists of the keys of the Compose Specification must agree: the table that the loader works with, the
// one in compose/load/README.md (BERTH_ACCEPT=1 writes it anew, for somebody to read what becomes of a key),
// and, where BERTH_COMPOSE_SPEC names the specification's JSON schema, that.
#include "compose/load/schema.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <map>
#include <set>

using namespace berth;
using namespace berth::compose::load;

namespace {

using Paths = std::map<std::string, Support>;

constexpr std::string_view k_head = "| below | done | warned | refused |\n|---|---|---|---|\n";

Paths own_paths() {
    Paths out;
    for (const auto& entry : all_schema_paths())
        out.emplace(entry.path, entry.support);
    return out;
}

std::string table_of(const Paths& paths) {
    std::map<std::string, std::map<Support, std::string>> rows;
    for (const auto& [path, support] : paths) {
        const auto dot = path.rfind('.');
        const auto parent = dot == std::string::npos ? std::string("top") : path.substr(0, dot);
        auto& cell = rows[parent][support];
        cell += (cell.empty() ? "" : " ") + path.substr(dot == std::string::npos ? 0 : dot + 1);
    }
    std::string out(k_head);
    for (auto& [parent, cells] : rows)
        out += "| `" + parent + "` | " + cells[Support::done] + " | " + cells[Support::warned] + " | " +
               cells[Support::refused] + " |\n";
    return out;
}

// From the head of the table to the first line that is none of it.
std::pair<std::size_t, std::size_t> table_in(const std::string& text) {
    const auto start = text.find(k_head);
    if (start == std::string::npos) return {text.size(), text.size()};
    auto end = start;
    while (end < text.size() && text[end] == '|')
        end = text.find('\n', end) + 1;
    return {start, end};
}

// The properties of a JSON schema, as paths of the same form.
class Properties {
  public:
    explicit Properties(const Json& schema) : root_(schema) { walk(schema, ""); }
    std::set<std::string> paths;

  private:
    const Json& target(const Json& node) const {
        const auto* reference = node.find("$ref");
        if (reference == nullptr) return node;
        const Json* out = &root_;
        for (const auto& step : split(reference->as_string()->substr(2), '/'))
            out = out->find(step);
        REQUIRE(out != nullptr);
        return target(*out);
    }

    static std::string below(const std::string& path, const std::string& key) {
        return path.empty() ? key : path + "." + key;
    }

    void walk(const Json& reference, const std::string& path) {
        const Json& node = target(reference);
        for (const auto* choice : {"oneOf", "anyOf", "allOf"})
            if (const auto* all = node.find(choice); all != nullptr && all->as_array() != nullptr)
                for (const auto& one : *all->as_array())
                    walk(one, path);
        if (const auto* all = node.find("properties"); all != nullptr)
            for (const auto& member : *all->as_object()) {
                paths.insert(below(path, member.key));
                walk(member.value, below(path, member.key));
            }
        if (const auto* all = node.find("patternProperties"); all != nullptr)
            for (const auto& member : *all->as_object())
                if (member.key.rfind("^x-", 0) != 0) walk(member.value, below(path, "*"));
        if (const auto* rest = node.find("additionalProperties");
            rest != nullptr && rest->as_object() != nullptr)
            walk(*rest, below(path, "*"));
        if (const auto* items = node.find("items"); items != nullptr && items->as_object() != nullptr)
            walk(*items, path + "[]");
    }

    const Json& root_;
};

} // namespace

TEST_CASE("the README says of every key whether it is done, warned about or refused") {
    const std::string path = std::string(BERTH_SOURCE_DIR) + "/compose/load/README.md";
    std::string text = read_file(path).value();
    const auto [start, end] = table_in(text);
    const std::string expected = table_of(own_paths());
    if (std::getenv("BERTH_ACCEPT") != nullptr) {
        text.replace(start, end - start, expected);
        REQUIRE(write_atomic(path, text, 0644));
        return;
    }
    CHECK(text.substr(start, end - start) == expected);
}

TEST_CASE("every key of the specification's schema has been decided upon") {
    const char* path = std::getenv("BERTH_COMPOSE_SPEC");
    if (path == nullptr) {
        WARN("skipped: BERTH_COMPOSE_SPEC does not name the JSON schema of the Compose Specification");
        return;
    }
    const auto schema = parse_json(read_file(path).value());
    REQUIRE(schema);
    const auto theirs = Properties(*schema).paths;
    CHECK(theirs.size() > 300);
    const auto ours = own_paths();
    for (const auto& key : theirs) {
        INFO("the schema has a key that compose/load/schema_*.cpp does not know: " << key);
        CHECK(ours.count(key) == 1);
    }
    for (const auto& [key, support] : ours) {
        INFO("the schema has no such key: " << key);
        CHECK(theirs.count(key) == 1);
    }
}
