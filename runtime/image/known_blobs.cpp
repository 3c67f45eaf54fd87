#include "runtime/image/known_blobs.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/layout.hpp"
#include "runtime/image/reference.hpp"

#include <algorithm>

namespace berth::image {

namespace {

constexpr std::size_t k_most_blobs = 8, k_most_repositories = 16;

struct Memory {
    std::int64_t version = 1;
    std::vector<KnownBlob> blobs; // latest last
};
template <class V> void describe(V& v, Memory& m) {
    v.field("version", m.version);
    v.field("blobs", m.blobs);
}

std::string path_of(const Context& context, const std::string& chain) {
    return layer_dir(context, chain) + "/blobs.json";
}

Memory read_memory(const Context& context, const std::string& chain) {
    const auto path = path_of(context, chain);
    const auto text = read_file_if_exists(path, 1u << 20);
    if (!text || !*text) return {};
    auto memory = parse_record<Memory>(**text, path);
    if (!memory) return {};
    std::erase_if(memory->blobs,
                  [](const KnownBlob& blob) { return !is_digest(blob.digest) || blob.size < 0; });
    return std::move(*memory);
}

// "" for what is no layer.
std::string oci_layer_type(const std::string& media_type) {
    const std::string docker = k_docker_layer, oci = k_oci_layer;
    for (const char* suffix : {"", "+gzip", "+zstd"})
        if (media_type == oci + suffix) return media_type;
    if (media_type == docker) return oci;
    for (const char* suffix : {"gzip", "zstd"})
        if (media_type == docker + "." + suffix) return oci + "+" + suffix;
    return {};
}

// To the end, once; the oldest go.
template <class T, class Same> void renew(std::vector<T>& all, T value, const Same& same, std::size_t most) {
    std::erase_if(all, same);
    all.push_back(std::move(value));
    if (all.size() > most) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
}

} // namespace

std::vector<KnownBlob> known_blobs(const Context& context, const std::string& chain) {
    auto blobs = read_memory(context, chain).blobs;
    std::reverse(blobs.begin(), blobs.end());
    return blobs;
}

void remember_blob(const Context& context, const std::string& chain, const Descriptor& blob,
                   const std::string& repository) {
    const auto type = oci_layer_type(blob.media_type);
    if (type.empty()) return;
    Memory memory = read_memory(context, chain);
    KnownBlob entry{type, blob.digest, blob.size, {}};
    for (const auto& known : memory.blobs)
        if (known.digest == blob.digest) entry.repositories = known.repositories;
    const bool known_here = !entry.repositories.empty() && entry.repositories.back() == repository;
    if (known_here && memory.blobs.back().digest == blob.digest) return;
    renew(
        entry.repositories, repository, [&](const auto& name) { return name == repository; },
        k_most_repositories);
    renew(
        memory.blobs, entry, [&](const auto& known) { return known.digest == blob.digest; }, k_most_blobs);
    // The layer may be on its way out: then so is this.
    (void)write_atomic(path_of(context, chain), to_json(memory).to_text(), 0600);
}

} // namespace berth::image
