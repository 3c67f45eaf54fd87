// volume_rows.hpp - volumes as `volume ls` and `compose volumes` list them, and who uses them.
#pragma once

#include "compose/cli/container_rows.hpp"
#include "compose/cli/prune_filter.hpp"
#include "compose/ui/formatter.hpp"
#include "volumes/model.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::cli {

// Container names by volume name.
[[nodiscard]] Result<std::map<std::string, std::vector<std::string>>> volume_users(const Context& context);
// By name; filters dangling, driver, label, name.
[[nodiscard]] Result<std::vector<volumes::Volume>> list_volumes(const Context& context,
                                                                const Filters& filters);
[[nodiscard]] ui::Row volume_row(const Context& context, const volumes::Volume& volume);

struct PrunedVolumes {
    std::vector<std::string> names;
    std::int64_t bytes = 0;
};
[[nodiscard]] Result<PrunedVolumes> prune_volumes(const Context& context, bool all,
                                                  const PruneFilter& filter);

} // namespace berth::cli
