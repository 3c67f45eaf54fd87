// pull.hpp - an image from a registry into the store.
#pragma once

#include "runtime/image/store.hpp"

namespace berth::image {

struct PullOptions {
    std::string platform; // "linux/amd64"; empty: this machine's
    bool named = true;    // false: the names here stay with what they stand for now
};
// Layers that are in the store are not fetched again. not_found when the registry has no such image.
[[nodiscard]] Result<Image> pull_image(const Context& context, const std::string& reference,
                                       const PullOptions& options);

// The types of manifests that a registry is asked for: indexes, and images of both kinds.
[[nodiscard]] const std::vector<std::string>& manifest_types();

// All tags that the registry has of a repository, in its order.
[[nodiscard]] Result<std::vector<Reference>> registry_tags(const Context& context,
                                                           const Reference& repository);

// The digest that the reference's tag stands for ("sha256:..."): the store's answer when the image came from
// a registry, else that of the registry, which sends a manifest and no layer. A reference with a digest has
// its own.
[[nodiscard]] Result<std::string> resolve_digest(const Context& context, const Reference& reference);

} // namespace berth::image
