// A whole archive of images into a store: manifest.json, index.json, a configuration and a layer of the
// fuzzer's making, four texts with 0xff between them. Digests that it could never guess are written as "@"
// (of the configuration) and "#" (of the layer). What is refused leaves nothing.
#include "runtime/base/file.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/archive_files.hpp"
#include "runtime/image/tar_writer.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>

using namespace berth;
using namespace berth::image;

namespace {

std::string filled(const std::string& text, const std::string& config, const std::string& layer) {
    std::string out;
    for (const char c : text) {
        if (c == '@')
            out += config;
        else if (c == '#')
            out += layer;
        else
            out += c;
    }
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::array<std::string, 4> parts; // manifest.json, index.json, configuration, layer
    std::size_t part = 0;
    for (std::size_t i = 0; i < size; ++i) {
        if (data[i] == 0xff && part + 1 < parts.size())
            ++part;
        else
            parts[part] += static_cast<char>(data[i]);
    }
    const auto layer = sha256_hex(parts[3]);
    parts[2] = filled(parts[2], "", layer);
    const auto config = sha256_hex(parts[2]);
    StringSink sink(4u << 20);
    TarWriter writer(sink);
    if (!writer.add_text("blobs/sha256/" + config, parts[2], 0) ||
        !writer.add_text("blobs/sha256/" + layer, parts[3], 0))
        return 0;
    if (!parts[0].empty() && !writer.add_text("manifest.json", filled(parts[0], config, layer), 0)) return 0;
    if (!parts[1].empty() && !writer.add_text("index.json", filled(parts[1], config, layer), 0)) return 0;
    if (!writer.finish()) return 0;

    const auto place = TempDir::make("/tmp", "berth-fuzz-archive-");
    const auto file = make_memfd("archive", sink.take());
    if (!place || !file) std::abort();
    const Context context{Paths(place->path() + "/data", place->path() + "/run"), &no_progress(), nullptr};
    if (const auto files = open_tar_files(context, file->get())) (void)list_archived_images(**files);
    const auto images = load_archive(context, file->get());
    if (images) {
        for (const auto& image : *images)
            if (!is_digest(image.id)) std::abort();
        return 0;
    }
    for (const char* folder : {"/layers", "/configs", "/tmp"}) {
        const auto left = list_dir(context.paths.images() + folder);
        if (!left || !left->empty()) std::abort();
    }
    return 0;
}
