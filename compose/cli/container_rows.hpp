// container_rows.hpp - containers as `ps` and `compose ps` list them: filters, and one JSON object a row with
// docker's field names. Pure but for reading endpoints of running containers.
#pragma once

#include "compose/ui/formatter.hpp"
#include "network/model.hpp"
#include "runtime/base/context.hpp"
#include "runtime/container/store.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::cli {

// "key=value" words of --filter by key; a word without "=" is a usage error.
using Filters = std::map<std::string, std::vector<std::string>>;
[[nodiscard]] Result<Filters> parse_filters(const std::vector<std::string>& words,
                                            const std::vector<std::string>& known);
// label=k, label=k=v: all that are given must hold.
[[nodiscard]] bool labels_match(const std::map<std::string, std::string>& labels,
                                const std::vector<std::string>& wanted);
// "label!=": none of them may hold.
[[nodiscard]] Result<std::vector<runtime::Container>>
filter_containers(const Context& context, std::vector<runtime::Container> containers, const Filters& filters);
[[nodiscard]] const std::vector<std::string>& container_filters();

// Published ports as they are now: settled ones of a running container, none otherwise.
[[nodiscard]] std::vector<runtime::PublishedPort> settled_ports(const Context& context,
                                                                const runtime::Container& container);
[[nodiscard]] std::vector<std::string> network_names_of(const runtime::Container& container);

struct RowOptions {
    bool no_trunc = false, compose = false;
    bool size = false;
};
[[nodiscard]] ui::Row container_row(const Context& context, const runtime::Container& container,
                                    const RowOptions& options);

[[nodiscard]] std::string age_words(std::string_view rfc3339);      // "2 hours ago"
[[nodiscard]] std::string created_text(std::string_view rfc3339);   // "2026-01-02 03:04:05 +0000 UTC"
[[nodiscard]] std::string created_second(std::string_view rfc3339); // "2026-01-02T03:04:05Z"
[[nodiscard]] std::int64_t now_seconds();
// Bytes of a container's own layer; what `ps -s` shows.
[[nodiscard]] std::int64_t image_size(const Context& context, const runtime::Container& container);
[[nodiscard]] std::int64_t layer_size(const Context& context, const runtime::Container& container);

} // namespace berth::cli
