#include "runtime/image/push.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/side_by_side.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/known_blobs.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/registry/client.hpp"

#include <algorithm>
#include <optional>
#include <span>

namespace berth::image {

namespace {

// Compressing is bound by the processor, sending by the line.
constexpr std::size_t k_parallel = 2;
constexpr std::int64_t k_progress_step = 1 << 20;

// Where the compressed bytes go: to the registry, and into the progress.
class UploadSink : public ByteSink {
  public:
    UploadSink(const Context& context, registry::RegistryClient& client, std::string label)
        : context_(context), upload_(client), label_(std::move(label)) {}
    Status write(std::string_view bytes) override {
        if (context_.is_cancelled()) return fail(ErrorCode::interrupted, "interrupted");
        done_ += static_cast<std::int64_t>(bytes.size());
        if (done_ - reported_ >= k_progress_step) {
            reported_ = done_;
            context_.progress->update(label_, "Pushing", done_, 0);
        }
        return upload_.write(bytes);
    }
    Status commit(const std::string& digest) { return upload_.finish(digest); }

  private:
    const Context& context_;
    registry::BlobUpload upload_;
    std::string label_;
    std::int64_t done_ = 0, reported_ = 0;
};

class Pusher {
  public:
    Pusher(const Context& context, const Reference& target, const PushOptions& options)
        : context_(context), target_(target), options_(options),
          client_(target.host, target.repository, context.cancelled),
          here_(concat(target.host, "/", target.repository)) {}

    // kept: the manifest that the image was pulled with; its forms of the layers come before others.
    Result<std::vector<Descriptor>> push_layers(const std::vector<std::string>& chains,
                                                const std::vector<std::string>& diff_ids,
                                                const std::optional<Manifest>& kept) {
        std::vector<Descriptor> out(chains.size());
        // A layer twice in one image is pushed by whoever comes first; the other finds it there.
        BERTH_TRY(side_by_side(chains.size(), k_parallel, [&](std::size_t at) -> Status {
            const auto label = short_id(hex_of(diff_ids[at]));
            auto pushed = push_layer(chains[at], label, kept ? kept->layers[at].digest : std::string());
            if (!pushed) {
                context_.progress->finish(label, "Error", false);
                return fail(std::move(pushed).error());
            }
            out[at] = std::move(*pushed);
            return {};
        }));
        return out;
    }

    Status push_config(const Image& image) { return client_.put_small_blob(image.id, image.config_json); }

    Result<Pushed> put_manifest(const std::string& text, const std::string& media_type) {
        BERTH_TRY(client_.put_manifest(target_.tag, text, media_type));
        return Pushed{concat("sha256:", sha256_hex(text)), static_cast<std::int64_t>(text.size())};
    }

    Result<Pushed> push_new_manifest(const Image& image, const std::vector<Descriptor>& layers) {
        Descriptor config;
        config.media_type = named(k_oci_config);
        config.digest = image.id;
        config.size = static_cast<std::int64_t>(image.config_json.size());
        Json manifest = Json::object(), list = Json::array();
        for (auto layer : layers) {
            layer.media_type = named(layer.media_type);
            list.push(to_json_descriptor(layer));
        }
        manifest.set("schemaVersion", 2);
        manifest.set("mediaType", named(k_oci_manifest));
        manifest.set("config", to_json_descriptor(config));
        manifest.set("layers", std::move(list));
        if (!options_.annotations.empty())
            manifest.set("annotations", JsonWriter::encode(options_.annotations));
        return put_manifest(manifest.to_text(), named(k_oci_manifest));
    }

  private:
    Result<Descriptor> push_layer(const std::string& chain, const std::string& label,
                                  const std::string& first) {
        context_.progress->update(label, "Preparing", 0, 0);
        auto known = known_blobs(context_, chain);
        std::stable_partition(known.begin(), known.end(),
                              [&](const auto& blob) { return blob.digest == first; });
        std::erase_if(known, [&](const auto& blob) { return !suits(options_.packing, blob.media_type); });
        // The first of them is wanted most, so it is also tried to be mounted before the others are asked for.
        const auto preferred = static_cast<std::size_t>(!known.empty() && known.front().digest == first);
        for (const auto& forms : {std::span(known).first(preferred), std::span(known).subspan(preferred)}) {
            for (const auto& blob : forms) {
                BERTH_ASSIGN_OR_RETURN(const bool there, client_.has_blob(blob.digest));
                if (there) return done(chain, label, descriptor(blob), "Layer already exists");
            }
            for (const auto& blob : forms) {
                BERTH_ASSIGN_OR_RETURN(const auto from, mount(blob));
                if (!from.empty()) return done(chain, label, descriptor(blob), concat("Mounted from ", from));
            }
        }
        return upload(chain, label);
    }

    // The repository of this registry that it could be taken from; empty: none.
    Result<std::string> mount(const KnownBlob& blob) {
        for (const auto& name : blob.repositories) {
            if (!name.starts_with(target_.host + "/") || name == here_) continue;
            const auto repository = name.substr(target_.host.size() + 1);
            BERTH_ASSIGN_OR_RETURN(const bool mounted, client_.mount_blob(blob.digest, repository));
            if (mounted) return repository;
        }
        return std::string();
    }

    Result<Descriptor> upload(const std::string& chain, const std::string& label) {
        UploadSink sink(context_, client_, label);
        DigestSink digest(&sink);
        const auto packer = make_packer(options_.packing, digest);
        BERTH_TRY(write_layer_tar(context_, chain, *packer));
        BERTH_TRY(packer->finish());
        Descriptor made;
        made.media_type = layer_media_type(options_.packing.compression);
        made.size = digest.size();
        made.digest = digest.digest();
        BERTH_TRY(sink.commit(made.digest));
        return done(chain, label, made, "Pushed");
    }

    [[nodiscard]] std::string named(const std::string& oci) const {
        return options_.oci_types ? oci : docker_media_type(oci);
    }

    static Descriptor descriptor(const KnownBlob& blob) {
        Descriptor out;
        out.media_type = blob.media_type;
        out.digest = blob.digest;
        out.size = blob.size;
        return out;
    }

    Result<Descriptor> done(const std::string& chain, const std::string& label, const Descriptor& layer,
                            const std::string& how) {
        remember_blob(context_, chain, layer, here_);
        context_.progress->finish(label, how, true);
        return layer;
    }

    const Context& context_;
    const Reference& target_;
    const PushOptions& options_;
    registry::RegistryClient client_;
    std::string here_;
};

// The manifest that the image was pulled with, where it may be pushed again.
struct KeptManifest {
    std::string bytes;
    Manifest manifest;
};
std::optional<KeptManifest> usable_manifest(const Context& context, const Image& image,
                                            const PushOptions& options) {
    if (!options.as_pulled) return std::nullopt;
    KeptManifest out{kept_manifest(context, image.id), {}};
    auto parsed = parse_manifest(out.bytes);
    if (!parsed || !parsed->manifest || parsed->manifest->config.digest != image.id ||
        parsed->manifest->layers.size() != image.config.rootfs.diff_ids.size())
        return std::nullopt;
    out.manifest = std::move(*parsed->manifest);
    return out;
}

bool same_blobs(const std::vector<Descriptor>& a, const std::vector<Descriptor>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const auto& x, const auto& y) { return x.digest == y.digest; });
}

} // namespace

Result<Pushed> push_image(const Context& context, const Reference& reference, const PushOptions& options) {
    if (reference.tag.empty() || !reference.digest.empty())
        return fail(ErrorCode::usage, "cannot push a digest reference: name a tag");
    BERTH_ASSIGN_OR_RETURN(const auto image, find_image(context, reference.to_string()));
    if (!image)
        return fail(Error(ErrorCode::not_found,
                          concat("An image does not exist locally with the tag: ", reference.familiar_name()))
                        .hint(concat("'berth tag IMAGE ", reference.familiar(), "' gives it that name")));
    const auto& diff_ids = image->config.rootfs.diff_ids;
    const auto chains = chain_ids(diff_ids);
    BERTH_TRY(lease_image(context, *image)); // whoever removes it meanwhile leaves its layers to us
    Pusher pusher(context, reference, options);
    const auto kept = usable_manifest(context, *image, options);
    BERTH_ASSIGN_OR_RETURN(
        const auto layers,
        pusher.push_layers(chains, diff_ids, kept ? std::optional(kept->manifest) : std::nullopt));
    BERTH_TRY(pusher.push_config(*image));
    const bool unchanged = kept && same_blobs(layers, kept->manifest.layers);
    const auto& type = kept ? kept->manifest.media_type : std::string();
    BERTH_ASSIGN_OR_RETURN(const Pushed pushed,
                           unchanged ? pusher.put_manifest(kept->bytes, type.empty() ? k_oci_manifest : type)
                                     : pusher.push_new_manifest(*image, layers));
    Reference by_digest = reference;
    by_digest.tag.clear();
    by_digest.digest = pushed.digest;
    BERTH_TRY(add_image_named(context, image->config_json, {by_digest}));
    return pushed;
}

} // namespace berth::image
