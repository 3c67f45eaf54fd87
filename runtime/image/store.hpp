// store.hpp - the image store's facade: names to images, their layers as folders that overlayfs can stack.
// Layers are kept unpacked under their chain id and shared; the original compressed blob is not kept. A layer
// exists only under its final name: it is unpacked beside it and renamed.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/fd.hpp"
#include "runtime/image/image_config.hpp"
#include "runtime/image/platform.hpp"
#include "runtime/image/reference.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::image {

struct Image {
    std::string id; // "sha256:..." digest of the configuration's bytes
    ImageConfig config;
    std::string config_json;             // the exact bytes
    std::vector<std::string> references; // full form, sorted
    std::vector<std::string>
        repo_digests;      // "docker.io/library/nginx@sha256:..." when it came from a registry
    std::int64_t size = 0; // bytes of all unpacked layers
    [[nodiscard]] Platform platform() const { return {config.os, config.architecture, config.variant}; }
};

// By reference ("nginx", "nginx:1", "name@sha256:..."), by id ("sha256:..." or a unique hex prefix, however
// short, as docker has it).
[[nodiscard]] Lookup<Image> find_image(const Context& context, const std::string& name);
// Only the id, for the price of one symlink; the image may be broken.
[[nodiscard]] Lookup<std::string> find_image_id(const Context& context, const std::string& name);
// As find_image; "not there" is an error with a hint (build it, load it, pull it; did you mean).
[[nodiscard]] Result<Image> get_image(const Context& context, const std::string& name);
// And not_found as well when it is for another platform than the wanted one.
[[nodiscard]] Result<Image> get_image(const Context& context, const std::string& name,
                                      const WantedPlatform& wanted);
[[nodiscard]] Result<std::vector<Image>>
list_images(const Context& context); // newest first; broken ones are warned of
[[nodiscard]] Status tag_image(const Context& context, const std::string& source, const std::string& target);

struct Removed {
    std::vector<std::string> untagged; // references
    std::vector<std::string> deleted;  // image and layer ids
    std::int64_t bytes = 0;            // of the layers that went
};
// Untags, and deletes image and layers that nothing else uses. While a container (used_by_container answers
// its name for an image id, "" for none) has it: in_use, or with force the names alone go.
[[nodiscard]] Result<Removed>
remove_image(const Context& context, const std::string& name, bool force,
             const std::function<std::string(const std::string& image_id)>& used_by_container);

// Deletes layers that no image has (of broken-off builds and pulls), but for `keep` (chain ids) and what
// those stand on.
[[nodiscard]] Result<Removed> remove_unused_layers(const Context& context,
                                                   const std::vector<std::string>& keep);
[[nodiscard]] bool has_layer(const Context& context, const std::string& chain);

// Unpacked layer folders, topmost first: the lowerdirs of an overlay.
[[nodiscard]] Result<std::vector<std::string>> lower_dirs(const Context& context, const Image& image);
// The image's merged content as a detached read-only mount (fsopen overlay, Linux 5.2): for copy-up, COPY
// --from and reading /etc/passwd, with open_in_root() beneath it. A single layer needs no overlay: its folder
// is opened.
[[nodiscard]] Result<Fd> open_root(const std::vector<std::string>& lower_dirs);

// ---- making images ----

// Registers configuration + layers (diff ids must be in the store under their chain) and, unless empty, the
// reference.
[[nodiscard]] Result<Image> add_image(const Context& context, const ImageConfig& config,
                                      const std::string& reference);
// Same with the configuration's exact bytes, which decide the id.
[[nodiscard]] Result<Image> add_image_bytes(const Context& context, const std::string& config_json,
                                            const std::string& reference);

struct NewLayer {
    std::string diff_id;  // digest of the uncompressed tar
    std::string chain_id; // of this layer on top of its parent
    std::string directory;
    std::int64_t size = 0;
};
// Takes an overlay's upper folder as a layer on top of `parent_chain` ("" for the first): computes the
// canonical tar's digest (names sorted, whiteouts as the image-spec has them) and moves the folder into the
// store. `epoch`: clamp times to it (SOURCE_DATE_EPOCH); -1: as they are.
[[nodiscard]] Result<NewLayer> commit_layer(const Context& context, const std::string& upper_dir,
                                            const std::string& parent_chain, std::int64_t epoch = -1);
// The same from a folder that stays where it is (a container's). skip: paths that do not count. Nothing when
// no change is left: such a layer would say nothing.
[[nodiscard]] Lookup<NewLayer> copy_layer(const Context& context, const std::string& upper_dir,
                                          const std::string& parent_chain,
                                          const std::function<bool(const std::string& path)>& skip);
// A layer of the store once more, on top of another parent; leased. Both share their files.
[[nodiscard]] Result<NewLayer> rebase_layer(const Context& context, const std::string& chain,
                                            const std::string& parent_chain);
[[nodiscard]] std::string chain_id(const std::vector<std::string>& diff_ids);

// Folder for work in progress on the same file system as the layers (builder: upper and work folders).
[[nodiscard]] Result<std::string> staging_dir(const Context& context);

} // namespace berth::image
