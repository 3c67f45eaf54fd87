// --cache-to: the steps that a build met, written beside their layers.
#include "runtime/build/cache_format.hpp"
#include "runtime/build/layout_writer.hpp"
#include "runtime/build/outcome.hpp"
#include "runtime/build/packing_options.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/image/known_blobs.hpp"
#include "runtime/image/layer_store.hpp"

#include <array>
#include <fcntl.h>

namespace berth::build {

namespace {

RemoteStep remote_step(const StepLog::Entry& entry) {
    RemoteStep out;
    out.key = entry.key;
    out.record = entry.record;
    out.record.directory.clear();
    return out;
}

// The two kinds of place: both keep blobs by their digest and one list under a name.
class CachePlace {
  public:
    virtual ~CachePlace() = default;
    [[nodiscard]] virtual Result<bool> has(const image::Descriptor& blob) = 0;
    [[nodiscard]] virtual Status add_file(const image::Descriptor& blob, const std::string& path) = 0;
    [[nodiscard]] virtual Status add_text(const std::string& digest, const std::string& text) = 0;
    [[nodiscard]] virtual Status finish(const std::string& manifest, const std::string& digest) = 0;
    [[nodiscard]] virtual std::string repository() const { return {}; }
};

class FolderPlace final : public CachePlace {
  public:
    FolderPlace(LayoutWriter writer, std::string tag) : writer_(std::move(writer)), tag_(std::move(tag)) {}
    Result<bool> has(const image::Descriptor& blob) override {
        return writer_.has_blob(blob.digest, blob.size);
    }
    Status add_file(const image::Descriptor& blob, const std::string& path) override {
        return writer_.add_blob_file(blob.digest, blob.size, path);
    }
    Status add_text(const std::string& digest, const std::string& text) override {
        return writer_.add_blob(digest, text);
    }
    Status finish(const std::string& manifest, const std::string& digest) override {
        BERTH_TRY(writer_.add_blob(digest, manifest));
        image::Descriptor entry;
        entry.media_type = image::k_oci_manifest;
        entry.digest = digest;
        entry.size = static_cast<std::int64_t>(manifest.size());
        entry.annotations["org.opencontainers.image.ref.name"] = tag_;
        Json list = Json::array();
        list.push(image::to_json_descriptor(entry));
        Json index = Json::object();
        index.set("schemaVersion", 2);
        index.set("mediaType", image::k_oci_index);
        index.set("manifests", std::move(list));
        BERTH_TRY(writer_.add_file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
        BERTH_TRY(writer_.add_file("index.json", index.to_text()));
        return writer_.finish();
    }

  private:
    LayoutWriter writer_;
    std::string tag_;
};

class RegistryPlace final : public CachePlace {
  public:
    RegistryPlace(const Context& context, image::Reference reference)
        : reference_(std::move(reference)),
          client_(reference_.host, reference_.repository, context.cancelled) {}
    Result<bool> has(const image::Descriptor& blob) override { return client_.has_blob(blob.digest); }
    Status add_file(const image::Descriptor& blob, const std::string& path) override {
        struct Into : image::ByteSink {
            explicit Into(registry::RegistryClient& client) : upload(client) {}
            Status write(std::string_view bytes) override { return upload.write(bytes); }
            registry::BlobUpload upload;
        } into(client_);
        BERTH_ASSIGN_OR_RETURN(const Fd file, open_file(path, O_RDONLY));
        image::FdSource source(file.get());
        BERTH_TRY(image::pump(source, into));
        return into.upload.finish(blob.digest);
    }
    Status add_text(const std::string& digest, const std::string& text) override {
        return client_.put_small_blob(digest, text);
    }
    Status finish(const std::string& manifest, const std::string&) override {
        return client_.put_manifest(reference_.tag, manifest, image::k_oci_manifest);
    }
    [[nodiscard]] std::string repository() const override {
        return concat(reference_.host, "/", reference_.repository);
    }

  private:
    image::Reference reference_;
    registry::RegistryClient client_;
};

Result<image::Descriptor> put_layer(const Context& context, CachePlace& place, const std::string& chain,
                                    const std::string& scratch, const image::Packing& packing) {
    for (const auto& known : image::known_blobs(context, chain)) {
        if (!image::suits(packing, known.media_type)) continue;
        image::Descriptor blob;
        blob.media_type = known.media_type;
        blob.digest = known.digest;
        blob.size = known.size;
        BERTH_ASSIGN_OR_RETURN(const bool there, place.has(blob));
        if (there) return blob;
    }
    BERTH_ASSIGN_OR_RETURN(const auto packed, pack_layer(context, chain, scratch, packing));
    BERTH_ASSIGN_OR_RETURN(const bool there, place.has(packed.descriptor));
    if (!there) BERTH_TRY(place.add_file(packed.descriptor, packed.path));
    BERTH_TRY(remove_file(packed.path));
    image::remember_blob(context, chain, packed.descriptor, place.repository());
    return packed.descriptor;
}

Status put_cache(const Context& context, CachePlace& place, std::vector<RemoteStep> steps,
                 const std::string& scratch, const image::Packing& packing) {
    std::map<std::string, image::Descriptor> layers; // by chain
    Json list = Json::array();
    for (auto& step : steps) {
        if (step.record.empty) continue;
        auto found = layers.find(step.record.chain_id);
        if (found == layers.end()) {
            BERTH_ASSIGN_OR_RETURN(auto blob,
                                   put_layer(context, place, step.record.chain_id, scratch, packing));
            list.push(image::to_json_descriptor(blob));
            found = layers.emplace(step.record.chain_id, std::move(blob)).first;
        }
        step.blob = found->second.digest;
    }
    const auto config = to_json(CacheConfig{1, std::move(steps)}).to_text();
    image::Descriptor about;
    about.media_type = k_cache_config;
    about.digest = concat("sha256:", sha256_hex(config));
    about.size = static_cast<std::int64_t>(config.size());
    BERTH_TRY(place.add_text(about.digest, config));
    Json manifest = Json::object();
    manifest.set("schemaVersion", 2);
    manifest.set("mediaType", image::k_oci_manifest);
    manifest.set("config", image::to_json_descriptor(about));
    manifest.set("layers", std::move(list));
    const auto text = manifest.to_text();
    return place.finish(text, concat("sha256:", sha256_hex(text)));
}

Result<std::unique_ptr<CachePlace>> open_place(const Context& context, const BuildOption& option) {
    if (option.type == "local") {
        BERTH_ASSIGN_OR_RETURN(auto folder, LayoutWriter::to_folder(option.get("dest")));
        return std::unique_ptr<CachePlace>(
            std::make_unique<FolderPlace>(std::move(folder), option.get("tag", "latest")));
    }
    BERTH_ASSIGN_OR_RETURN(auto reference, image::parse_reference(option.get("ref")));
    return std::unique_ptr<CachePlace>(std::make_unique<RegistryPlace>(context, std::move(reference)));
}

Status check_cache(const BuildOption& option, bool to) {
    const auto flag = concat(to ? "--cache-to" : "--cache-from", " type=", option.type);
    static constexpr std::array k_services{"gha", "s3", "azblob"};
    if (std::find(k_services.begin(), k_services.end(), option.type) != k_services.end())
        return fail(Error(ErrorCode::unsupported, concat(flag, " needs a service that berth does not know"))
                        .hint("use type=registry, or type=local and keep the folder"));
    if (option.type != "local" && option.type != "registry" && !(to && option.type == "inline"))
        return fail(Error(ErrorCode::usage, concat(flag, ": unknown type of cache"))
                        .hint(to ? "one of local, registry, inline" : "one of local, registry"));
    const char* key = option.type == "local" ? (to ? "dest" : "src") : "ref";
    if (option.type != "inline" && option.get(key).empty())
        return fail(ErrorCode::usage, concat(flag, ": ", key, "= is missing"));
    const auto mode = option.get("mode", "min");
    if (mode != "min" && mode != "max")
        return fail(Error(ErrorCode::usage, concat(flag, ": unknown mode '", mode, "'")).hint("min or max"));
    if (to) {
        BERTH_TRY(packing_of(option));
        for (const char* name : {"oci-mediatypes", "image-manifest"}) {
            BERTH_ASSIGN_OR_RETURN(const bool oci, flag_of(option, name, true));
            if (!oci)
                return fail(Error(ErrorCode::unsupported, concat(flag, ": ", name, "=false"))
                                .hint("a cache is always an OCI image manifest: leave it out"));
        }
    }
    if (option.type == "registry") {
        BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(option.get("ref")));
        if (to && !reference.digest.empty())
            return fail(ErrorCode::usage, concat(flag, ": a cache cannot choose its digest"));
    }
    return {};
}

} // namespace

void StepLog::add(std::size_t stage, const std::string& key, const StepRecord& record) {
    const std::lock_guard lock(mutex_);
    entries_.push_back({stage, key, record});
}

std::vector<StepLog::Entry> StepLog::take() {
    const std::lock_guard lock(mutex_);
    return std::move(entries_);
}

bool wants_inline_cache(const BuildRequest& request) {
    if (const auto given = request.args.find("BUILDKIT_INLINE_CACHE");
        given != request.args.end() && parse_bool(given->second).value_or(false))
        return true;
    for (const auto& option : request.cache_to)
        if (option.type == "inline") return true;
    return false;
}

Result<std::string> with_inline_cache(const std::string& config_json,
                                      const std::vector<StepLog::Entry>& steps) {
    BERTH_ASSIGN_OR_RETURN(auto json, parse_json(config_json));
    BERTH_ASSIGN_OR_RETURN(const auto config, image::parse_image_config(config_json));
    const auto chains = image::chain_ids(config.rootfs.diff_ids);
    CacheConfig cache;
    for (const auto& entry : steps)
        if (entry.record.empty ||
            std::find(chains.begin(), chains.end(), entry.record.chain_id) != chains.end())
            cache.steps.push_back(remote_step(entry));
    json.set(k_inline_member, to_json(cache));
    return json.to_text();
}

Status check_caches(const BuildRequest& request) {
    for (const auto& option : request.cache_from)
        BERTH_TRY(check_cache(option, false));
    for (const auto& option : request.cache_to)
        BERTH_TRY(check_cache(option, true));
    return {};
}

Status export_caches(const Context& context, const BuildRequest& request,
                     const std::vector<StepLog::Entry>& steps, const std::set<std::size_t>& final_stages,
                     const std::string& scratch) {
    for (const auto& option : request.cache_to) {
        if (option.type == "inline") continue;
        const auto name = option.type == "local" ? option.get("dest") : option.get("ref");
        const auto key = concat("exporting cache to ", name);
        context.progress->update(key, "", 0, 0);
        std::vector<RemoteStep> wanted;
        for (const auto& entry : steps)
            if (option.get("mode", "min") == "max" || final_stages.contains(entry.stage))
                wanted.push_back(remote_step(entry));
        const auto put = [&]() -> Status {
            BERTH_ASSIGN_OR_RETURN(const auto packing, packing_of(option));
            BERTH_ASSIGN_OR_RETURN(const auto place, open_place(context, option));
            return put_cache(context, *place, std::move(wanted), scratch, packing);
        };
        auto status = put();
        context.progress->finish(key, outcome_of(status), status.has_value());
        if (status) continue;
        if (!parse_bool(option.get("ignore-error", "false")).value_or(false))
            return fail(std::move(status).error().context(concat("export the cache to ", name)));
        context.progress->warn(status.error().to_string());
    }
    return {};
}

} // namespace berth::build
