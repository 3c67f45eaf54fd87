// Documents of registries and archives: what parses has only digests that are safe in a path.
#include "runtime/image/image_config.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/image/reference.hpp"
#include "runtime/registry/auth.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth::image;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto parsed = parse_manifest(text)) {
        if (parsed->manifest)
            for (const auto& layer : parsed->manifest->layers)
                if (!is_digest(layer.digest) || layer.size < 0) std::abort();
        if (parsed->index) (void)choose_manifest(*parsed->index, {"linux", "arm", "v7"}, "fuzz");
    }
    if (const auto config = parse_image_config(text)) {
        const auto again = parse_image_config(write_image_config(*config));
        if (!again || write_image_config(*again) != write_image_config(*config)) std::abort();
    }
    (void)berth::registry::parse_challenges(text);
    return 0;
}
