// known_blobs.hpp - in which compressed form registries know a layer: remembered at a pull and at a push, so
// that a push uploads nothing that is there and compresses nothing to find that out. Only a memory: where it
// is missing or wrong, the layer is compressed and sent.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/image/manifest.hpp"

#include <string>
#include <vector>

namespace berth::image {

struct KnownBlob {
    std::string media_type; // of an OCI layer
    std::string digest;
    std::int64_t size = 0;
    std::vector<std::string> repositories; // "host/repository" that have it, latest last
};
template <class V> void describe(V& v, KnownBlob& b) {
    v.field("mediaType", b.media_type);
    v.field("digest", b.digest);
    v.field("size", b.size);
    v.field("repositories", b.repositories);
}

// Latest first.
[[nodiscard]] std::vector<KnownBlob> known_blobs(const Context& context, const std::string& chain);
// Docker's media types are remembered under their OCI names; what is no layer's type is not remembered at
// all.
void remember_blob(const Context& context, const std::string& chain, const Descriptor& blob,
                   const std::string& repository);

} // namespace berth::image
