// manifest.hpp - descriptors, manifests and indexes of the OCI image-spec 1.1 and Docker's media types (the
// same structure under other names), parsed with limits. What is ambiguous - an index that is also a manifest
// - is refused (CVE-2021-41190), and so is schema 1, which has no digests worth the name.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/image/platform.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::image {

inline constexpr std::size_t k_max_manifest = 4u << 20;

inline constexpr const char* k_oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* k_oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* k_oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* k_oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* k_docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* k_docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* k_docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr const char* k_docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";

struct Descriptor {
    std::string media_type, digest;
    std::int64_t size = 0;
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
};
struct Manifest {
    std::string media_type;
    Descriptor config;
    std::vector<Descriptor> layers;
};
struct Index {
    std::string media_type;
    std::vector<Descriptor> manifests;
};
struct ManifestOrIndex {
    std::optional<Manifest> manifest; // one of the two
    std::optional<Index> index;
};

[[nodiscard]] Result<ManifestOrIndex> parse_manifest(std::string_view text);
// Other things are kept in registries under the same structure: charts, signatures, caches. unsupported, with
// what it is, unless configuration and layers have types of an image. So are layers that are kept elsewhere.
[[nodiscard]] Status check_is_image(const Manifest& manifest);
// The entry that runs on `platform`: the best fit, the first among equals. not_found lists what there is.
// Attestations (platform "unknown") are never chosen.
[[nodiscard]] Result<Descriptor> choose_manifest(const Index& index, const Platform& platform,
                                                 std::string_view what);
[[nodiscard]] bool is_index_type(std::string_view media_type);
[[nodiscard]] Json to_json_descriptor(const Descriptor& descriptor);

} // namespace berth::image
