#include "compose/load/context.hpp"

namespace berth::compose::load {

bool LoadContext::is_poisoned(std::string_view path) const {
    const auto below = [](std::string_view a, std::string_view b) { // a is b or stands below it
        return a.substr(0, b.size()) == b &&
               (a.size() == b.size() || a[b.size()] == '.' || a[b.size()] == '[');
    };
    for (const auto& broken : poisoned)
        if (below(path, broken) || below(broken, path)) return true;
    return false;
}

} // namespace berth::compose::load
