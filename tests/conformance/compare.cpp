#include "tests/conformance/compare.hpp"

#include "runtime/base/concat.hpp"

#include <optional>

namespace conformance {

namespace {

using berth::concat;
using berth::Json;

std::optional<double> number(const Json& value) {
    if (const auto* whole = value.as_integer()) return static_cast<double>(*whole);
    if (const auto* large = value.as_large_integer()) return static_cast<double>(*large);
    if (const auto* real = value.as_double()) return *real;
    return std::nullopt;
}

bool same_scalar(const Json& a, const Json& b) {
    if (a == b) return true;
    if (a.as_integer() != nullptr && b.as_integer() != nullptr) return false; // never through a double
    const auto x = number(a);
    const auto y = number(b);
    return x && y && *x == *y;
}

std::string shown(const Json* value) {
    if (value == nullptr) return "nothing";
    constexpr std::size_t k_longest = 160;
    auto text = value->to_text();
    if (text.size() > k_longest) text = concat(text.substr(0, k_longest), "...");
    return text;
}

class Comparison {
  public:
    std::vector<std::string> found;

    void compare(const Json* theirs, const Json* ours, const std::string& path) {
        if (theirs != nullptr && ours != nullptr) {
            if (theirs->as_object() != nullptr && ours->as_object() != nullptr) {
                members(*theirs, *ours, path);
                return;
            }
            const auto* a = theirs->as_array();
            const auto* b = ours->as_array();
            if (a != nullptr && b != nullptr && a->size() == b->size()) {
                for (std::size_t i = 0; i < a->size(); ++i)
                    compare(&(*a)[i], &(*b)[i], concat(path, "[", i, "]"));
                return;
            }
            if (same_scalar(*theirs, *ours)) return;
        }
        found.push_back(concat(path, ": ", shown(theirs), " there, ", shown(ours), " here"));
    }

  private:
    void members(const Json& theirs, const Json& ours, const std::string& path) {
        const auto below = [&](const std::string& key) {
            return path.empty() ? key : concat(path, ".", key);
        };
        for (const auto& member : *theirs.as_object())
            compare(&member.value, ours.find(member.key), below(member.key));
        for (const auto& member : *ours.as_object())
            if (theirs.find(member.key) == nullptr) compare(nullptr, &member.value, below(member.key));
    }
};

} // namespace

std::vector<std::string> differences(const Json& theirs, const Json& ours) {
    Comparison comparison;
    comparison.compare(&theirs, &ours, "");
    return std::move(comparison.found);
}

} // namespace conformance
