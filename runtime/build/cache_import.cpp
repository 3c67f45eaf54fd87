// --cache-from: caches opened, layers fetched when a step asks for them.
#include "runtime/build/cache_remote.hpp"

#include "runtime/build/cache_format.hpp"
#include "runtime/build/outcome.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/layout.hpp"

#include <fcntl.h>

namespace berth::build {

namespace {

std::string digest_of(std::string_view bytes) {
    return concat("sha256:", sha256_hex(bytes));
}

Result<std::string> read_blob(const std::string& folder, const std::string& digest) {
    if (!image::is_digest(digest))
        return fail(ErrorCode::invalid_input, "a cache names a digest that is none");
    BERTH_ASSIGN_OR_RETURN(
        auto text, read_file(concat(folder, "/blobs/sha256/", image::hex_of(digest)), k_max_cache_config));
    if (digest_of(text) != digest)
        return fail(ErrorCode::invalid_input, concat("the blob ", digest, " of the cache is damaged"));
    return text;
}

bool holds_records(const std::map<std::string, RemoteStep>& steps) {
    for (const auto& [key, step] : steps) {
        const auto& record = step.record;
        if (key.size() != 64 || key.find_first_not_of("0123456789abcdef") != std::string::npos) return false;
        if (record.empty) continue;
        if (!image::is_digest(record.chain_id) || !image::is_digest(record.diff_id) ||
            (!record.parent.empty() && !image::is_digest(record.parent)) ||
            image::chain_on(record.parent, record.diff_id) != record.chain_id || !image::is_digest(step.blob))
            return false;
    }
    return true;
}

Result<std::map<std::string, RemoteStep>> steps_of(std::string_view text, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(auto config, parse_record<CacheConfig>(text, name));
    std::map<std::string, RemoteStep> out;
    for (auto& step : config.steps) {
        auto key = step.key;
        step.record.directory.clear(); // a path of this machine, never of another's
        out[std::move(key)] = std::move(step);
    }
    if (!holds_records(out)) return fail(ErrorCode::invalid_input, "the cache holds records that are none");
    return out;
}

} // namespace

void RemoteCaches::open(const std::vector<BuildOption>& from, const Platform& platform) {
    for (const auto& option : from) {
        const auto name = option.type == "local" ? option.get("src") : option.get("ref");
        const auto key = concat("importing cache from ", name);
        context_.progress->update(key, "", 0, 0);
        auto cache = option.type == "local" ? open_folder(option) : open_registry(option, platform);
        context_.progress->finish(key, outcome_of(cache), cache.has_value());
        if (!cache) {
            context_.progress->warn(concat("no cache from ", name, ": ", cache.error().to_string()));
            continue;
        }
        (*cache)->name = name;
        caches_.push_back(std::move(*cache));
    }
}

Result<std::unique_ptr<RemoteCaches::Cache>> RemoteCaches::open_folder(const BuildOption& from) const {
    auto out = std::make_unique<Cache>();
    out->folder = from.get("src");
    BERTH_ASSIGN_OR_RETURN(const auto index_text,
                           read_file(out->folder + "/index.json", image::k_max_manifest));
    BERTH_ASSIGN_OR_RETURN(const auto index, image::parse_manifest(index_text));
    if (!index.index) return fail(ErrorCode::invalid_input, "its index.json is no index");
    const auto tag = from.get("tag", "latest");
    auto digest = from.get("digest");
    for (const auto& entry : index.index->manifests) {
        const auto name = entry.annotations.find("org.opencontainers.image.ref.name");
        if (digest.empty() && name != entry.annotations.end() && name->second == tag) digest = entry.digest;
    }
    if (digest.empty()) return fail(ErrorCode::not_found, concat("it has no entry '", tag, "'"));
    BERTH_ASSIGN_OR_RETURN(const auto manifest_text, read_blob(out->folder, digest));
    BERTH_ASSIGN_OR_RETURN(const auto manifest, image::parse_manifest(manifest_text));
    if (!manifest.manifest || manifest.manifest->config.media_type != k_cache_config)
        return fail(ErrorCode::unsupported, "it is no cache of berth's");
    for (const auto& layer : manifest.manifest->layers)
        out->blobs[layer.digest] = layer;
    BERTH_ASSIGN_OR_RETURN(const auto config, read_blob(out->folder, manifest.manifest->config.digest));
    BERTH_ASSIGN_OR_RETURN(out->steps, steps_of(config, out->folder));
    return out;
}

Result<std::unique_ptr<RemoteCaches::Cache>> RemoteCaches::open_registry(const BuildOption& from,
                                                                         const Platform& platform) const {
    auto out = std::make_unique<Cache>();
    BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(from.get("ref")));
    out->client =
        std::make_unique<registry::RegistryClient>(reference.host, reference.repository, context_.cancelled);
    const std::vector<std::string> accept{image::k_oci_manifest, image::k_docker_manifest, image::k_oci_index,
                                          image::k_docker_list};
    auto wanted = reference.digest.empty() ? reference.tag : reference.digest;
    std::optional<image::Manifest> manifest;
    for (int nesting = 0; !manifest && nesting < 4; ++nesting) {
        BERTH_ASSIGN_OR_RETURN(const auto got, out->client->get_manifest(wanted, accept));
        if (image::is_digest(wanted) && digest_of(got.bytes) != wanted)
            return fail(ErrorCode::invalid_input, "the registry sent another manifest");
        BERTH_ASSIGN_OR_RETURN(auto parsed, image::parse_manifest(got.bytes));
        if (parsed.index) {
            BERTH_ASSIGN_OR_RETURN(
                const auto chosen,
                image::choose_manifest(*parsed.index, {platform.os, platform.architecture, platform.variant},
                                       reference.familiar()));
            wanted = chosen.digest;
        }
        manifest = std::move(parsed.manifest);
    }
    if (!manifest) return fail(ErrorCode::invalid_input, "its indexes are nested too deeply");
    if (manifest->config.size > static_cast<std::int64_t>(k_max_cache_config))
        return fail(ErrorCode::invalid_input, "its configuration is too large");
    BERTH_ASSIGN_OR_RETURN(auto config,
                           out->client->get_small_blob(manifest->config.digest, manifest->config.size));
    if (digest_of(config) != manifest->config.digest)
        return fail(ErrorCode::invalid_input, "the registry sent another configuration");
    for (const auto& layer : manifest->layers)
        out->blobs[layer.digest] = layer;
    if (manifest->config.media_type == k_cache_config) {
        BERTH_ASSIGN_OR_RETURN(out->steps, steps_of(config, from.get("ref")));
        return out;
    }
    // An image: its steps stand in its configuration, its layers are the blobs, in their order.
    BERTH_ASSIGN_OR_RETURN(const auto json, parse_json(config));
    const auto* member = json.find(k_inline_member);
    if (member == nullptr)
        return fail(ErrorCode::not_found,
                    "the image has no cache in it: build it with --cache-to type=inline");
    BERTH_ASSIGN_OR_RETURN(const auto parsed, image::parse_image_config(config));
    BERTH_ASSIGN_OR_RETURN(auto inlined, parse_record<CacheConfig>(member->to_text(), from.get("ref")));
    const auto chains = image::chain_ids(parsed.rootfs.diff_ids);
    for (auto& step : inlined.steps)
        for (std::size_t i = 0; i < chains.size() && i < manifest->layers.size(); ++i)
            if (step.record.chain_id == chains[i]) step.blob = manifest->layers[i].digest;
    std::erase_if(inlined.steps, [](const auto& step) { return !step.record.empty && step.blob.empty(); });
    BERTH_ASSIGN_OR_RETURN(out->steps, steps_of(to_json(inlined).to_text(), from.get("ref")));
    return out;
}

std::optional<StepRecord> RemoteCaches::find(const std::string& key) {
    const std::lock_guard lock(mutex_);
    for (auto& cache : caches_) {
        const auto found = cache->steps.find(key);
        if (found == cache->steps.end()) continue;
        auto record = found->second.record;
        if (record.empty) return record;
        const auto there = image::lease_layer(context_, record.chain_id);
        if (!there) continue;
        if (!*there) {
            if (const auto fetched = fetch(*cache, found->second); !fetched) {
                context_.progress->warn(
                    concat("a layer of the cache ", cache->name, ": ", fetched.error().to_string()));
                cache->steps.erase(found);
                continue;
            }
        }
        record.directory = image::layer_dir(context_, record.chain_id) + "/diff";
        return record;
    }
    return std::nullopt;
}

Status RemoteCaches::fetch(Cache& cache, const RemoteStep& step) {
    const auto blob = cache.blobs.find(step.blob);
    if (blob == cache.blobs.end())
        return fail(ErrorCode::invalid_input, concat("the blob ", step.blob, " is not in it"));
    const auto& descriptor = blob->second;
    BERTH_ASSIGN_OR_RETURN(auto ingest, image::LayerIngest::start(context_, image::LayerInput::blob));
    if (cache.client) {
        BERTH_TRY(cache.client->get_blob(descriptor.digest, descriptor.size,
                                         [&](std::string_view bytes) { return ingest->write(bytes); }));
    } else {
        BERTH_ASSIGN_OR_RETURN(
            const Fd file,
            open_file(concat(cache.folder, "/blobs/sha256/", image::hex_of(descriptor.digest)), O_RDONLY));
        image::FdSource source(file.get());
        BERTH_TRY(image::pump(source, *ingest));
    }
    BERTH_TRY(ingest->finish());
    if (ingest->blob_digest() != descriptor.digest || ingest->diff_id() != step.record.diff_id)
        return fail(ErrorCode::invalid_input, concat("the blob ", descriptor.digest, " is damaged"));
    BERTH_ASSIGN_OR_RETURN(const auto kept, ingest->keep(step.record.parent));
    if (kept.chain_id != step.record.chain_id)
        return fail(ErrorCode::invalid_input, "the layer is not what its record says");
    return {};
}

} // namespace berth::build
