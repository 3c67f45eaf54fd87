// image_store.hpp - images by id and reference inside the store; what store.hpp, archive.hpp and pull.hpp
// share.
#pragma once

#include "runtime/image/layout.hpp"
#include "runtime/image/store.hpp"

#include <map>

namespace berth::image {

// Kept beside the configuration, so that a look at an image reads two small files and no layer.
struct ImageRecord {
    std::int64_t version = 1;
    std::vector<std::string> chains; // bottom first
    std::int64_t size = 0;
};
template <class V> void describe(V& v, ImageRecord& r) {
    v.field("version", r.version);
    v.field("chains", r.chains);
    v.field("size", r.size);
}

struct StoredReference {
    Reference reference;
    std::string id; // "sha256:..."
    std::string path;
};
[[nodiscard]] Result<std::vector<StoredReference>> read_references(const Context& context);
// Empty: no such name.
[[nodiscard]] Lookup<std::string> resolve_reference(const Context& context, const Reference& reference);
[[nodiscard]] Result<ImageRecord> read_image_record(const Context& context, std::string_view id);
// Ids of all images, also of broken ones.
[[nodiscard]] Result<std::vector<std::string>> image_ids(const Context& context);
// Points a name at an image; the caller holds the store's lock.
[[nodiscard]] Status write_reference(const Context& context, const Reference& reference, std::string_view id);
// Deletes the name and the folders that it leaves empty; fine if it is gone.
[[nodiscard]] Status erase_reference(const StoredReference& stored);
// add_image_bytes with several names, and digests by which a registry knows the image. manifest: the bytes
// that it came with, if it came from a registry.
[[nodiscard]] Result<Image> add_image_named(const Context& context, const std::string& config_json,
                                            const std::vector<Reference>& names,
                                            const std::string& manifest = {});
// Its layers stay where they are until this process ends or releases them, whoever removes the image.
[[nodiscard]] Status lease_image(const Context& context, const Image& image);
// The manifest that the image came with last; empty: it is not from a registry, or that is not known.
[[nodiscard]] std::string kept_manifest(const Context& context, const std::string& id);
[[nodiscard]] Result<Image> load_image(const Context& context, const std::string& id,
                                       const std::vector<StoredReference>& references);

} // namespace berth::image
