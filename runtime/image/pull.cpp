#include "runtime/image/pull.hpp"
#include "runtime/base/id.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/known_blobs.hpp"
#include "runtime/image/layer_plan.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/registry/client.hpp"
#include "runtime/registry/trust.hpp"

namespace berth::image {

namespace {

std::string digest_of(std::string_view bytes) {
    return concat("sha256:", sha256_hex(bytes));
}

Result<std::string> fetch_by_digest(registry::RegistryClient& client, const Descriptor& wanted) {
    BERTH_ASSIGN_OR_RETURN(registry::ManifestBytes got, client.get_manifest(wanted.digest, manifest_types()));
    if (digest_of(got.bytes) != wanted.digest || static_cast<std::int64_t>(got.bytes.size()) != wanted.size)
        return fail(ErrorCode::invalid_input, concat("registry sent another manifest than ", wanted.digest));
    return std::move(got.bytes);
}

struct FetchedManifest {
    std::string bytes;
    Manifest manifest;
};
Result<FetchedManifest> fetch_manifest(registry::RegistryClient& client, std::string bytes,
                                       const Platform& platform, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(ManifestOrIndex parsed, parse_manifest(bytes));
    for (int nesting = 0; parsed.index; ++nesting) {
        if (nesting >= 4) return fail(ErrorCode::invalid_input, "image indexes are nested too deeply");
        BERTH_ASSIGN_OR_RETURN(const Descriptor chosen, choose_manifest(*parsed.index, platform, name));
        BERTH_ASSIGN_OR_RETURN(bytes, fetch_by_digest(client, chosen));
        BERTH_ASSIGN_OR_RETURN(parsed, parse_manifest(bytes));
    }
    BERTH_TRY(check_is_image(*parsed.manifest));
    return FetchedManifest{std::move(bytes), std::move(*parsed.manifest)};
}

Result<std::string> fetch_config(registry::RegistryClient& client, const Descriptor& descriptor) {
    if (descriptor.size > static_cast<std::int64_t>(k_max_manifest))
        return fail(ErrorCode::invalid_input, concat("image configuration of ", descriptor.size, " bytes"));
    BERTH_ASSIGN_OR_RETURN(std::string bytes, client.get_small_blob(descriptor.digest, descriptor.size));
    if (digest_of(bytes) != descriptor.digest)
        return fail(ErrorCode::invalid_input,
                    concat("registry sent another configuration than ", descriptor.digest));
    return bytes;
}

Platform platform_of(const ImageConfig& config) {
    return {config.os, config.architecture, config.variant};
}

// The image that this very manifest already brought, with all its layers and for this platform.
Result<std::optional<Image>> already_here(const Context& context, const Reference& by_digest,
                                          const Platform& platform) {
    BERTH_ASSIGN_OR_RETURN(auto image, find_image(context, by_digest.to_string()));
    if (!image || platform_fit(platform_of(image->config), platform) == 0) return std::optional<Image>();
    for (const auto& chain : chain_ids(image->config.rootfs.diff_ids))
        if (!has_layer(context, chain)) return std::optional<Image>();
    return image;
}

Result<Image> pull_from(const Context& context, registry::RegistryClient& client, const Reference& reference,
                        const Platform& platform, bool named) {
    const std::string familiar = reference.familiar();
    context.progress->update(familiar, "Pulling", 0, 0);
    BERTH_ASSIGN_OR_RETURN(
        const registry::ManifestBytes top,
        client.get_manifest(reference.digest.empty() ? reference.tag : reference.digest, manifest_types()));
    Reference by_digest = reference;
    by_digest.tag.clear();
    by_digest.digest = digest_of(top.bytes);
    if (!reference.digest.empty() && by_digest.digest != reference.digest)
        return fail(ErrorCode::invalid_input,
                    concat("registry sent another manifest than ", reference.digest));
    std::vector<Reference> names;
    if (named) names.push_back(by_digest);
    if (named && reference.digest.empty()) names.push_back(reference);
    BERTH_ASSIGN_OR_RETURN(const auto here, already_here(context, by_digest, platform));
    if (here) return add_image_named(context, here->config_json, names);
    BERTH_ASSIGN_OR_RETURN(const auto fetched, fetch_manifest(client, top.bytes, platform, familiar));
    const auto& manifest = fetched.manifest;
    BERTH_ASSIGN_OR_RETURN(const std::string config_json, fetch_config(client, manifest.config));
    BERTH_ASSIGN_OR_RETURN(const ImageConfig config, parse_image_config(config_json));
    std::vector<LayerSource> sources;
    for (const auto& layer : manifest.layers) {
        LayerSource source;
        source.label = short_id(hex_of(layer.digest));
        source.blob_digest = layer.digest;
        source.blob_size = layer.size;
        source.send = [&client, layer](ByteSink& sink) {
            return client.get_blob(layer.digest, layer.size,
                                   [&](std::string_view bytes) { return sink.write(bytes); });
        };
        sources.push_back(std::move(source));
    }
    clean_staging(context);
    BERTH_TRY(store_layers(context, config.rootfs.diff_ids, sources, "Downloading"));
    const auto chains = chain_ids(config.rootfs.diff_ids);
    for (std::size_t i = 0; i < chains.size(); ++i)
        remember_blob(context, chains[i], manifest.layers[i],
                      concat(reference.host, "/", reference.repository));
    return add_image_named(context, config_json, names, fetched.bytes);
}

// Docker Hub's mirrors first, in their order; whatever goes wrong there, the next one is asked.
template <class Ask> auto ask_registries(const Context& context, const Reference& reference, const Ask& ask)
    -> decltype(ask(std::declval<registry::RegistryClient&>())) {
    const auto& settings = registry::settings();
    if (!settings) return fail(settings.error());
    if (reference.host == "docker.io")
        for (const auto& mirror : settings->mirrors) {
            const auto client = registry::RegistryClient::at(mirror, reference.repository, context.cancelled);
            auto answer = ask(*client);
            if (answer || answer.error().code() == ErrorCode::interrupted) return answer;
            if (answer.error().code() != ErrorCode::not_found)
                context.progress->warn(concat("mirror ", mirror, ": ", answer.error().message()));
        }
    registry::RegistryClient client(reference.host, reference.repository, context.cancelled);
    return ask(client);
}

} // namespace

const std::vector<std::string>& manifest_types() {
    static const std::vector<std::string> types{k_oci_index, k_docker_list, k_oci_manifest,
                                                k_docker_manifest};
    return types;
}

Result<std::string> resolve_digest(const Context& context, const Reference& reference) {
    if (!reference.digest.empty()) return reference.digest;
    BERTH_ASSIGN_OR_RETURN(const auto image, find_image(context, reference.to_string()));
    const std::string prefix = concat(reference.host, "/", reference.repository, "@");
    if (image)
        for (const auto& known : image->repo_digests)
            if (known.starts_with(prefix)) return known.substr(prefix.size());
    registry::RegistryClient client(reference.host, reference.repository, context.cancelled);
    BERTH_ASSIGN_OR_RETURN(const registry::ManifestBytes top,
                           client.get_manifest(reference.tag, manifest_types()));
    return digest_of(top.bytes);
}

Result<std::vector<Reference>> registry_tags(const Context& context, const Reference& repository) {
    auto tags = ask_registries(context, repository, [](auto& client) { return client.list_tags(); });
    if (!tags)
        return fail(std::move(tags).error().context(concat("list the tags of ", repository.familiar_name())));
    std::vector<Reference> out;
    for (const auto& tag : *tags) {
        const auto name = concat(repository.host, "/", repository.repository, ":", tag);
        // A tag becomes a file's name here.
        auto reference = parse_reference(name);
        if (!reference) return fail(std::move(reference).error().context("a tag that the registry lists"));
        out.push_back(std::move(*reference));
    }
    return out;
}

Result<Image> pull_image(const Context& context, const std::string& reference, const PullOptions& options) {
    BERTH_ASSIGN_OR_RETURN(const Reference parsed, parse_reference(reference));
    BERTH_ASSIGN_OR_RETURN(const Platform platform, parse_platform(options.platform));
    auto image = ask_registries(context, parsed, [&](registry::RegistryClient& client) {
        return pull_from(context, client, parsed, platform, options.named);
    });
    if (!image) {
        context.progress->finish(parsed.familiar(), "Error", false);
        return fail(std::move(image).error().context(concat("pull ", parsed.familiar())));
    }
    context.progress->finish(parsed.familiar(), "Pulled", true);
    return image;
}

} // namespace berth::image
