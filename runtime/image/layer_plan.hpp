// layer_plan.hpp - gets the layers of one image into the store: skips what is there, unpacks the rest at most
// two at a time, and puts them on top of each other in order. Where the bytes come from is the caller's
// business.
#pragma once

#include "runtime/image/image_config.hpp"
#include "runtime/image/layer_store.hpp"

#include <functional>

namespace berth::image {

struct LayerSource {
    std::string label;           // for progress: the short digest
    std::string blob_digest;     // compressed bytes' digest; empty: not known
    std::int64_t blob_size = -1; // -1: not known
    // Pushes the layer's bytes into the sink, without finishing it. Called from any thread.
    std::function<Status(ByteSink&)> send;
};

// sources: bottom first, one for each diff id. `label` names the image in errors.
[[nodiscard]] Status store_layers(const Context& context, const std::vector<std::string>& diff_ids,
                                  const std::vector<LayerSource>& sources, std::string_view doing);

} // namespace berth::image
