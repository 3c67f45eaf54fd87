// layout_writer.hpp - an OCI image layout as a tar or a folder: the outputs type=oci and type=docker, and the
// cache of type=local. Blobs that a folder already has are not written again; index.json comes last, so a
// folder that a killed build leaves is still the one before. Private to runtime/build.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/image/packing.hpp"
#include "runtime/image/tar_writer.hpp"

#include <memory>
#include <set>
#include <string>

namespace berth::build {

class LayoutWriter {
  public:
    // One of the two. `fd` is borrowed.
    [[nodiscard]] static Result<LayoutWriter> to_folder(const std::string& path);
    [[nodiscard]] static LayoutWriter to_tar(int fd, std::int64_t mtime);

    [[nodiscard]] bool has_blob(const std::string& digest, std::int64_t size) const; // folders only
    [[nodiscard]] Status add_blob(const std::string& digest, std::string_view bytes);
    [[nodiscard]] Status add_blob_file(const std::string& digest, std::int64_t size, const std::string& path);
    [[nodiscard]] Status add_file(const std::string& name, std::string_view text);
    [[nodiscard]] Status finish();

  private:
    LayoutWriter() = default;
    [[nodiscard]] Status begin(const std::string& digest, std::int64_t size, bool& there);
    std::string folder_;
    std::unique_ptr<image::ByteSink> sink_;
    std::unique_ptr<image::TarWriter> tar_;
    std::int64_t mtime_ = 0;
    std::set<std::string> written_;
};

// A layer's tar in the form in which it is handed out.
struct PackedLayer {
    image::Descriptor descriptor;
    std::string path; // of a file in the build's own folder
};
[[nodiscard]] Result<PackedLayer> pack_layer(const Context& context, const std::string& chain,
                                             const std::string& scratch, const image::Packing& packing);

} // namespace berth::build
