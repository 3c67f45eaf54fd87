// packing.hpp - in which form a layer's tar is handed out: compression and its level, and the names of the
// result.
#pragma once

#include "runtime/image/inflate.hpp"
#include "runtime/image/manifest.hpp"

#include <memory>
#include <optional>
#include <string>

namespace berth::image {

struct Packing {
    Compression compression = Compression::gzip; // none, gzip or zstd
    std::optional<int> level;                    // the library's own default otherwise
    // Also what a registry has in another compression is packed anew.
    bool force = false;
};

// Bytes in, packed bytes to `next`; finish() ends the stream and finishes `next`. The same bytes give the
// same result on the same libraries.
[[nodiscard]] std::unique_ptr<ByteSink> make_packer(const Packing& packing, ByteSink& next);
// "application/vnd.oci.image.layer.v1.tar+zstd"
[[nodiscard]] std::string layer_media_type(Compression compression);
// A blob that is there already may stand for the layer.
[[nodiscard]] bool suits(const Packing& packing, const std::string& media_type);
// Docker's name for what is known by an OCI one; others as they are.
[[nodiscard]] std::string docker_media_type(const std::string& oci);

} // namespace berth::image
