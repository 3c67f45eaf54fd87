// archive.hpp - images as tar files: docker save's archive and OCI layouts (tar or folder), read as one
// stream through decompress -> digest -> unpack with nothing held whole in memory; and plain root file
// systems (import, export).
#pragma once

#include "runtime/image/platform.hpp"
#include "runtime/image/store.hpp"
#include "runtime/image/unpack.hpp"

namespace berth::image {

// From an open descriptor (a file or a pipe): gzip, zstd, xz, bzip2 or plain. Every image and tag in it;
// the references of the images are those that the archive gives them, in its order. Of what it has for several
// platforms, the wanted one's is taken, else this machine's; not_found when an image is for another than that.
[[nodiscard]] Result<std::vector<Image>> load_archive(const Context& context, int fd,
                                                      const WantedPlatform& wanted = {});
// An OCI layout folder.
[[nodiscard]] Result<std::vector<Image>> load_layout(const Context& context, const std::string& directory,
                                                     const WantedPlatform& wanted = {});
// One image of an OCI layout folder: by digest, else by tag ("latest" when that is empty too; a layout's only
// image needs none). Its layers are in the store, leased; the image itself and its name are not.
[[nodiscard]] Result<Image> load_layout_image(const Context& context, const std::string& directory,
                                              const std::string& tag, const std::string& digest,
                                              const Platform& platform);
// docker save: docker-archive with OCI layout members beside, as Docker 25+ writes it.
// front: further small files at its beginning, which readers of images pass over.
struct ArchivedText {
    std::string name, text;
};
[[nodiscard]] Status save_archive(const Context& context, const std::vector<std::string>& names, int fd,
                                  const std::vector<ArchivedText>& front = {});
struct ImportOptions {
    std::string reference;            // empty: an image without a name
    std::vector<std::string> changes; // Dockerfile instructions (docker import -c)
    std::string message;
    std::string platform; // of the files; empty: this machine's
};
// A root file system's tar as a one-layer image.
[[nodiscard]] Result<Image> import_archive(const Context& context, int fd, const ImportOptions& options);
// A folder as a one-layer image without a detour through tar (our set-up scripts, tests).
[[nodiscard]] Result<Image> import_directory(const Context& context, const std::string& directory,
                                             const ImportOptions& options);
// Merged root (open_root, or a container's) as a tar.
[[nodiscard]] Status export_tree(int root, int out_fd);

// Is this seekable file a tar, plain or compressed (Dockerfile ADD unpacks those)? Its position is left
// alone.
[[nodiscard]] Result<bool> is_archive(int fd);
// Unpacks a tar, plain or compressed, into the folder `path` beneath `root`, which must exist; what has the
// same name there is replaced. Symlinks are followed inside that folder only.
[[nodiscard]] Status extract_archive(int fd, int root, const std::string& path);
// Unpacks into an open folder what `send` writes, plain or compressed, up to the end mark.
[[nodiscard]] Status extract_stream(int folder, const UnpackOptions& options,
                                    const std::function<Status(ByteSink&)>& send);

} // namespace berth::image
