// push.hpp - an image to a registry, under a name that it has here. Layers that the registry has, or can take
// from another of its repositories, are not sent; the others are compressed on their way, two at a time.
#pragma once

#include "runtime/image/packing.hpp"
#include "runtime/image/store.hpp"

#include <map>

namespace berth::image {

struct PushOptions {
    Packing packing;
    bool oci_types = true;                          // false: Docker's media types
    std::map<std::string, std::string> annotations; // of the manifest
    bool as_pulled = true; // where every layer can be had as it was pulled, its manifest is kept too
};
struct Pushed {
    std::string digest; // of the manifest
    std::int64_t size = 0;
};
// not_found when no image has this name; usage for a digest, which a push cannot choose.
[[nodiscard]] Result<Pushed> push_image(const Context& context, const Reference& reference,
                                        const PushOptions& options = {});

} // namespace berth::image
