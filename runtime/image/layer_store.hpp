// layer_store.hpp - unpacked layers by chain id. A layer exists when its folder has its final name; it is
// unpacked in tmp/ and renamed. A layer that work in progress counts on, but no image mentions yet, is
// leased: its folder is flocked shared, and removal passes it over.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/layout.hpp"
#include "runtime/image/unpack.hpp"

#include <memory>
#include <vector>

namespace berth::image {

struct NewLayer;

struct LayerRecord {
    std::int64_t version = 1;
    std::string chain_id, diff_id, parent; // parent: chain id, empty for the first
    std::int64_t size = 0;                 // bytes in regular files
    std::int64_t tar_size = 0;             // of the uncompressed tar
    std::int64_t entries = 0;
};
template <class V> void describe(V& v, LayerRecord& r) {
    v.field("version", r.version);
    v.field("chainId", r.chain_id);
    v.field("diffId", r.diff_id);
    v.field("parent", r.parent);
    v.field("size", r.size);
    v.field("tarSize", r.tar_size);
    v.field("entries", r.entries);
}

[[nodiscard]] std::string chain_on(std::string_view parent_chain, std::string_view diff_id);
[[nodiscard]] std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids);
[[nodiscard]] Result<LayerRecord> read_layer(const Context& context, const std::string& chain);

// True, and leased until release_layers(), when the layer is there.
[[nodiscard]] Result<bool> lease_layer(const Context& context, const std::string& chain);
void release_layers(const Context& context, const std::vector<std::string>& chains);

// Gives the leases back and removes those layers that neither an image nor other work counts on. Nothing is
// reported: the failure that led here is, and what stays is swept with the next unused layers.
void forget_layers(const Context& context, const std::vector<std::string>& chains);

// Writes layer.json into staging and gives staging's folder `name` (with diff/ in it) its final place;
// leased.
[[nodiscard]] Status publish_layer(const Context& context, Staging& staging, const std::string& name,
                                   const LayerRecord& record);

// What whoever made that layer is told of it (store.hpp).
[[nodiscard]] NewLayer new_layer(const Context& context, const LayerRecord& record);

// The layer's tar with exactly its diff id, to a sink that is not finished.
[[nodiscard]] Status write_layer_tar(const Context& context, const std::string& chain, ByteSink& sink);

enum class LayerInput : std::uint8_t {
    blob,    // plain or compressed, blob_digest() wanted
    file,    // plain or compressed
    own_tar, // plain, from our TarWriter: needs no skeleton to be written again
};

// One layer on its way in: compressed or plain bytes are pushed, digested on both sides of the decompression,
// and unpacked. After finish() the digests are known, and keep() puts it on top of a parent that is already
// in the store.
class LayerIngest : public ByteSink {
  public:
    [[nodiscard]] static Result<std::unique_ptr<LayerIngest>> start(const Context& context, LayerInput input);
    [[nodiscard]] Status write(std::string_view bytes) override;
    [[nodiscard]] Status finish() override;
    [[nodiscard]] const std::string& blob_digest() const { return blob_digest_; }
    [[nodiscard]] std::int64_t blob_size() const { return blob_size_; }
    [[nodiscard]] const std::string& diff_id() const { return diff_id_; }
    [[nodiscard]] const UnpackResult& unpacked() const { return unpacker_->result(); }
    [[nodiscard]] Result<LayerRecord> keep(const std::string& parent_chain);

  private:
    LayerIngest(const Context& context, LayerInput input, Staging staging, Fd root, Fd skeleton_file,
                Fd kept);
    [[nodiscard]] Status adopt_implied_dirs(const std::string& parent_chain);
    const Context& context_;
    Staging staging_;
    Fd root_;
    Fd skeleton_file_;
    Fd kept_;
    std::unique_ptr<SkeletonWriter> skeleton_;
    std::unique_ptr<Unpacker> unpacker_;
    std::unique_ptr<DigestSink> diff_;
    std::unique_ptr<Decompressor> inflate_;
    std::unique_ptr<DigestSink> blob_;
    ByteSink* first_ = nullptr; // of the chain
    std::string blob_digest_, diff_id_;
    std::int64_t blob_size_ = 0;
    std::int64_t tar_size_ = 0;
};

} // namespace berth::image
