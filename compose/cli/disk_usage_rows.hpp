// disk_usage_rows.hpp - what `system df -v` lists: each image, container, volume and record of the build cache.
#pragma once

#include "compose/ui/formatter.hpp"
#include "runtime/base/context.hpp"

#include <string>
#include <vector>

namespace berth::cli {

struct UsageSection {
    std::string title, json_key; // "Images space usage:", "Images"
    std::vector<ui::Column> columns;
    std::vector<ui::Row> rows;
};
// In docker's order and with its field names. Sizes of layers and volumes are those of their files' content. The cache
// keeps no count of its uses, so there is no column USAGE.
[[nodiscard]] Result<std::vector<UsageSection>> disk_usage_rows(const Context& context, bool no_trunc);

} // namespace berth::cli
