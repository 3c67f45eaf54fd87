#include "compose/load/context.hpp"

namespace berth::compose::load {

bool LoadContext::is_poisoned(std::string_view path) const {
    const auto has = [&](std::string_view key) { return poisoned.count(std::string(key)) != 0; };
    if (has(path)) return true;
    for (std::size_t i = 0; i < path.size(); ++i)
        if ((path[i] == '.' || path[i] == '[') && has(path.substr(0, i))) return true;
    for (const char step : {'.', '['}) {
        const std::string start = concat(path, std::string_view(&step, 1));
        const auto first = poisoned.lower_bound(start);
        if (first != poisoned.end() && first->compare(0, start.size(), start) == 0) return true;
    }
    return false;
}

} // namespace berth::compose::load
