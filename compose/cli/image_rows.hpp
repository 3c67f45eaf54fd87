// image_rows.hpp - images as `images`, `history` and `system df` list them; filters; what uses an image.
#pragma once

#include "compose/cli/container_rows.hpp"
#include "compose/cli/prune_filter.hpp"
#include "compose/ui/formatter.hpp"
#include "runtime/image/store.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::cli {

// One line of `images`: an image under one of its names.
struct ImageEntry {
    const image::Image* image = nullptr;
    std::string repository, tag, digest;
};
[[nodiscard]] const std::vector<std::string>& image_filters();
// pattern: "repository[:tag]" of the command line, with * and ?; empty: all.
[[nodiscard]] Result<std::vector<ImageEntry>> image_entries(const Context& context,
                                                            const std::vector<image::Image>& images,
                                                            const Filters& filters,
                                                            const std::string& pattern);
[[nodiscard]] ui::Row image_row(const ImageEntry& entry, bool no_trunc);
[[nodiscard]] std::string image_short_id(const std::string& id); // without "sha256:"
[[nodiscard]] Result<std::vector<ui::Row>> history_rows(const Context& context, const image::Image& image,
                                                        bool human, bool no_trunc);

// Answers the name of a container that runs or keeps an image; "" for none.
[[nodiscard]] Result<std::function<std::string(const std::string&)>> image_users(const Context& context);
// "Untagged: ...\nDeleted: ..."; Docker's prune commands write it small.
enum class RemovedWords : std::uint8_t { of_rmi, of_prune };
[[nodiscard]] std::string removed_text(const image::Removed& removed, RemovedWords words);

struct PrunedImages {
    std::string lines;
    std::int64_t bytes = 0;
};
[[nodiscard]] Result<PrunedImages> prune_images(const Context& context, bool all, const PruneFilter& filter);

} // namespace berth::cli
