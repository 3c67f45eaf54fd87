// prune_filter.hpp - `--filter` of the prune commands: label=K[=V], label!=K[=V], until=TIME.
#pragma once

#include "compose/cli/container_rows.hpp"
#include "runtime/base/clock.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::cli {

class PruneFilter {
  public:
    // more: names of further filters that the command reads itself, from values().
    [[nodiscard]] static Result<PruneFilter> parse(const std::vector<std::string>& words,
                                                   const std::vector<std::string>& more = {});
    // created: RFC 3339; what has no time that can be read is as old as it gets.
    [[nodiscard]] bool takes(const std::map<std::string, std::string>& labels,
                             const std::string& created) const;
    [[nodiscard]] bool takes_labels(const std::map<std::string, std::string>& labels) const;
    [[nodiscard]] bool empty() const { return filters_.empty(); }
    [[nodiscard]] bool has_until() const { return until_.has_value(); }
    [[nodiscard]] std::string value_of(const std::string& name) const; // the last one; "": not given

  private:
    Filters filters_;
    std::optional<WallTime> until_;
};

} // namespace berth::cli
