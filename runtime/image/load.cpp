// Archives of images into the store: Docker's (manifest.json, any age that has one) and OCI layouts, as tar
// or folder.
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/archive_files.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_plan.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/manifest.hpp"

#include <algorithm>

namespace berth::image {

namespace {

constexpr int k_most_nesting = 8; // indexes within indexes
constexpr std::size_t k_most_images =
    1000; // each may name a configuration of 4 MiB, and all may name the same

std::string blob_path(std::string_view digest) {
    return concat("blobs/sha256/", hex_of(digest));
}

LayerSource source_of(const ArchiveFiles::Range& range, const std::string& digest, bool digest_known) {
    LayerSource out;
    out.label = short_id(hex_of(digest));
    if (digest_known) {
        out.blob_digest = digest;
        out.blob_size = range.size;
    }
    out.send = [range](ByteSink& sink) {
        RangeSource source(range.file->get(), range.offset, range.size);
        return pump(source, sink);
    };
    return out;
}

Result<std::string> needed_text(const ArchiveFiles& files, const std::string& name, std::size_t limit) {
    BERTH_ASSIGN_OR_RETURN(auto text, files.read(name, limit));
    if (!text)
        return fail(ErrorCode::invalid_input, concat("archive has no member '", name.substr(0, 200), "'"));
    return std::move(*text);
}

Result<ArchiveFiles::Range> needed_range(const ArchiveFiles& files, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(auto range, files.find(name));
    if (!range)
        return fail(ErrorCode::invalid_input, concat("archive has no member '", name.substr(0, 200), "'"));
    return std::move(*range);
}

// What one image of the archive is made of, checked as far as that goes without reading layers.
struct ImagePlan {
    std::string config_json;
    std::vector<std::string> diff_ids;
    std::vector<LayerSource> sources;
    std::vector<Reference> names;
};

// A load that fails takes the layers that came before the bad one away again: no later command would look for
// them.
Result<Image> store_image(const Context& context, const ImagePlan& plan) {
    Status stored = store_layers(context, plan.diff_ids, plan.sources, "Loading layer");
    Result<Image> image =
        stored ? add_image_named(context, plan.config_json, plan.names) : fail(std::move(stored).error());
    if (!image) forget_layers(context, chain_ids(plan.diff_ids));
    return image;
}

// Every image is looked at before the first is stored, so that a bad one leaves none of its archive behind.
// Plans are made twice and not kept: many entries of a small manifest can name one big configuration.
template <class Entries, class MakePlan> Result<std::vector<Image>>
store_all(const Context& context, const Entries& entries, const MakePlan& make_plan) {
    if (entries.size() > k_most_images)
        return fail(ErrorCode::invalid_input, concat("the archive names ", entries.size(), " images"));
    for (const auto& entry : entries) {
        const Result<ImagePlan> plan = make_plan(entry);
        if (!plan) return fail(plan.error());
    }
    std::vector<Image> out;
    for (const auto& entry : entries) {
        BERTH_ASSIGN_OR_RETURN(const ImagePlan plan, make_plan(entry));
        BERTH_ASSIGN_OR_RETURN(Image image, store_image(context, plan));
        // Manifests that differ only in how layers are compressed are the same image.
        auto same =
            std::find_if(out.begin(), out.end(), [&](const Image& have) { return have.id == image.id; });
        if (same == out.end()) {
            image.references.clear(); // those that it had before were not loaded
            same = out.insert(out.end(), std::move(image));
        }
        for (const auto& name : plan.names)
            same->references.push_back(name.to_string());
    }
    return out;
}

// ---- Docker's archive ----

struct DockerEntry {
    std::string config;
    std::vector<std::string> repo_tags, layers;
};
template <class V> void describe(V& v, DockerEntry& e) {
    v.field("Config", e.config);
    v.field("RepoTags", e.repo_tags);
    v.field("Layers", e.layers);
}

Status check_platform(const ImageConfig& config, const WantedPlatform& wanted) {
    const Platform have{config.os, config.architecture, config.variant};
    if (suits(have, wanted)) return {};
    return fail(ErrorCode::not_found, concat("the image is for ", have.to_string(), " and not for ",
                                             wanted->to_string(), ", which is asked for"));
}

Result<ImagePlan> plan_docker_image(const ArchiveFiles& files, const DockerEntry& entry,
                                    const WantedPlatform& wanted) {
    ImagePlan out;
    BERTH_ASSIGN_OR_RETURN(out.config_json, needed_text(files, entry.config, k_max_manifest));
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, parse_image_config(out.config_json));
    BERTH_TRY(check_platform(config, wanted));
    // A blob's name promises its bytes; the older "<hex>.json" is only a name, which tools have kept across
    // edits.
    if (entry.config.starts_with("blobs/sha256/") &&
        entry.config != blob_path(concat("sha256:", sha256_hex(out.config_json))))
        return fail(ErrorCode::invalid_input,
                    concat("configuration '", entry.config,
                           "' is damaged: its digest is sha256:", sha256_hex(out.config_json)));
    for (const auto& tag : entry.repo_tags) {
        BERTH_ASSIGN_OR_RETURN(out.names.emplace_back(), parse_reference(tag));
        // That a registry has an image under this digest is nothing that an archive can say.
        if (!out.names.back().digest.empty())
            return fail(ErrorCode::invalid_input,
                        concat("'", tag, "' in manifest.json of the archive is no tag"));
    }
    if (entry.layers.size() != config.rootfs.diff_ids.size())
        return fail(ErrorCode::invalid_input,
                    concat("archive has ", entry.layers.size(), " layers, the configuration lists ",
                           config.rootfs.diff_ids.size()));
    for (std::size_t i = 0; i < entry.layers.size(); ++i) {
        BERTH_ASSIGN_OR_RETURN(const auto range, needed_range(files, entry.layers[i]));
        out.sources.push_back(source_of(range, config.rootfs.diff_ids[i], false));
    }
    out.diff_ids = std::move(config.rootfs.diff_ids);
    return out;
}

Result<std::vector<DockerEntry>> docker_entries(const std::string& text) {
    auto json = parse_json(text);
    if (!json) return fail(std::move(json).error().context("read manifest.json of the archive"));
    auto entries = from_json<std::vector<DockerEntry>>(*json);
    if (!entries) return fail(std::move(entries).error().context("read manifest.json of the archive"));
    return entries;
}

Result<std::vector<Image>> load_docker(const Context& context, const ArchiveFiles& files,
                                       const std::string& text, const WantedPlatform& wanted) {
    BERTH_ASSIGN_OR_RETURN(const auto entries, docker_entries(text));
    if (entries.empty()) return fail(ErrorCode::invalid_input, "manifest.json of the archive names no image");
    return store_all(context, entries,
                     [&](const DockerEntry& entry) { return plan_docker_image(files, entry, wanted); });
}

// ---- OCI layout ----

Result<std::string> read_blob(const ArchiveFiles& files, const Descriptor& descriptor) {
    BERTH_ASSIGN_OR_RETURN(std::string text,
                           needed_text(files, blob_path(descriptor.digest), k_max_manifest));
    if (static_cast<std::int64_t>(text.size()) != descriptor.size)
        return fail(ErrorCode::invalid_input, concat("blob ", descriptor.digest, " has ", text.size(),
                                                     " bytes, its descriptor says ", descriptor.size));
    if (concat("sha256:", sha256_hex(text)) != descriptor.digest)
        return fail(ErrorCode::invalid_input, concat("blob ", descriptor.digest, " is damaged"));
    return text;
}

// The image's full name: containerd's annotation, or the image-spec's where it holds more than a tag.
Result<std::optional<Reference>> name_of(const Descriptor& descriptor) {
    for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
        const auto found = descriptor.annotations.find(key);
        if (found == descriptor.annotations.end()) continue;
        if (found->second.find_first_of(":/") == std::string::npos) continue; // only a tag
        BERTH_ASSIGN_OR_RETURN(Reference reference, parse_reference(found->second));
        if (!reference.digest.empty()) return std::optional<Reference>(); // as in a Docker archive: no tag
        return std::optional<Reference>(std::move(reference));
    }
    return std::optional<Reference>();
}

Result<ImagePlan> plan_oci_image(const ArchiveFiles& files, const Descriptor& descriptor,
                                 const std::vector<Reference>& names, const Platform& platform, int nesting) {
    if (nesting > k_most_nesting)
        return fail(ErrorCode::invalid_input, "image indexes are nested too deeply");
    BERTH_ASSIGN_OR_RETURN(const std::string text, read_blob(files, descriptor));
    BERTH_ASSIGN_OR_RETURN(const ManifestOrIndex parsed, parse_manifest(text));
    if (parsed.index) {
        BERTH_ASSIGN_OR_RETURN(const Descriptor chosen,
                               choose_manifest(*parsed.index, platform, "the archive"));
        return plan_oci_image(files, chosen, names, platform, nesting + 1);
    }
    const Manifest& manifest = *parsed.manifest;
    BERTH_TRY(check_is_image(manifest));
    ImagePlan out;
    out.names = names;
    BERTH_ASSIGN_OR_RETURN(out.config_json, read_blob(files, manifest.config));
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, parse_image_config(out.config_json));
    if (manifest.layers.size() != config.rootfs.diff_ids.size())
        return fail(ErrorCode::invalid_input,
                    concat("image has ", manifest.layers.size(), " layers, its configuration lists ",
                           config.rootfs.diff_ids.size()));
    for (const auto& layer : manifest.layers) {
        BERTH_ASSIGN_OR_RETURN(const auto range, needed_range(files, blob_path(layer.digest)));
        if (range.size != layer.size)
            return fail(ErrorCode::invalid_input, concat("blob ", layer.digest, " has ", range.size,
                                                         " bytes, its manifest says ", layer.size));
        out.sources.push_back(source_of(range, layer.digest, true));
    }
    out.diff_ids = std::move(config.rootfs.diff_ids);
    return out;
}

// Entries of one name are one image for several platforms: the best of them is taken.
Result<std::vector<Image>> load_oci(const Context& context, const ArchiveFiles& files,
                                    const std::string& text, const WantedPlatform& wanted) {
    const Platform platform = wanted.value_or(host_platform());
    BERTH_ASSIGN_OR_RETURN(const ManifestOrIndex parsed, parse_manifest(text));
    if (!parsed.index) return fail(ErrorCode::invalid_input, "index.json of the archive is not an index");
    std::map<std::string, Index> by_name; // "" for those without a name
    std::map<std::string, Reference> references;
    for (const auto& entry : parsed.index->manifests) {
        BERTH_ASSIGN_OR_RETURN(const auto name, name_of(entry));
        const std::string key = name ? name->to_string() : concat("\n", entry.digest);
        if (name) references.emplace(key, *name);
        by_name[name || entry.platform ? name ? key : "" : key].manifests.push_back(entry);
    }
    if (by_name.empty()) return fail(ErrorCode::invalid_input, "index.json of the archive names no image");
    // One blob can have several names; it is loaded once.
    std::map<std::string, std::pair<Descriptor, std::vector<Reference>>> chosen;
    for (const auto& [key, index] : by_name) {
        Descriptor pick = index.manifests.front();
        if (index.manifests.size() > 1) {
            BERTH_ASSIGN_OR_RETURN(pick, choose_manifest(index, platform, "the archive"));
        }
        auto& slot = chosen[pick.digest];
        slot.first = pick;
        if (const auto name = references.find(key); name != references.end())
            slot.second.push_back(name->second);
    }
    return store_all(context, chosen, [&](const auto& entry) -> Result<ImagePlan> {
        BERTH_ASSIGN_OR_RETURN(auto plan,
                               plan_oci_image(files, entry.second.first, entry.second.second, platform, 0));
        BERTH_ASSIGN_OR_RETURN(const ImageConfig config, parse_image_config(plan.config_json));
        BERTH_TRY(check_platform(config, wanted));
        return plan;
    });
}

Result<std::vector<Image>> load_files(const Context& context, const ArchiveFiles& files,
                                      const WantedPlatform& wanted) {
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const auto docker, files.read("manifest.json", k_max_manifest));
    if (docker) return load_docker(context, files, *docker, wanted);
    BERTH_ASSIGN_OR_RETURN(const auto index, files.read("index.json", k_max_manifest));
    if (index) return load_oci(context, files, *index, wanted);
    BERTH_ASSIGN_OR_RETURN(const auto repositories, files.find("repositories"));
    if (repositories)
        return fail(
            Error(ErrorCode::unsupported, "the archive is of Docker before 1.10, without manifest.json")
                .hint("save it again with a current tool"));
    return fail(Error(ErrorCode::invalid_input,
                      "the archive is no image: it has neither manifest.json nor index.json")
                    .hint("a root file system goes in with import"));
}

// The entry of a digest, or those of a tag, which are one image for several platforms.
Result<Descriptor> choose_entry(const Index& index, const std::string& tag, const std::string& digest,
                                const Platform& platform) {
    const auto named = [](const Descriptor& entry, const std::string& name) {
        const auto found = entry.annotations.find("org.opencontainers.image.ref.name");
        return found != entry.annotations.end() &&
               (found->second == name || found->second.ends_with(":" + name));
    };
    const bool only = index.manifests.size() == 1 && tag.empty();
    Index fitting;
    for (const auto& entry : index.manifests)
        if (digest.empty() ? only || named(entry, tag.empty() ? "latest" : tag) : entry.digest == digest)
            fitting.manifests.push_back(entry);
    if (fitting.manifests.empty())
        return fail(ErrorCode::not_found, digest.empty()
                                              ? concat("it has no image '", tag.empty() ? "latest" : tag, "'")
                                              : concat("it has no image ", digest));
    if (fitting.manifests.size() == 1) return fitting.manifests.front();
    return choose_manifest(fitting, platform, "the layout");
}

Result<Image> store_entry(const Context& context, const ArchiveFiles& files, const std::string& tag,
                          const std::string& digest, const Platform& platform) {
    BERTH_ASSIGN_OR_RETURN(const std::string text, needed_text(files, "index.json", k_max_manifest));
    BERTH_ASSIGN_OR_RETURN(const ManifestOrIndex parsed, parse_manifest(text));
    if (!parsed.index) return fail(ErrorCode::invalid_input, "its index.json is not an index");
    BERTH_ASSIGN_OR_RETURN(const Descriptor entry, choose_entry(*parsed.index, tag, digest, platform));
    BERTH_ASSIGN_OR_RETURN(const ImagePlan plan, plan_oci_image(files, entry, {}, platform, 0));
    BERTH_TRY(store_layers(context, plan.diff_ids, plan.sources, "Loading layer"));
    Image image;
    image.id = concat("sha256:", sha256_hex(plan.config_json));
    BERTH_ASSIGN_OR_RETURN(image.config, parse_image_config(plan.config_json));
    image.config_json = plan.config_json;
    return image;
}

} // namespace

Result<std::vector<ArchivedImage>> list_archived_images(const ArchiveFiles& files) {
    BERTH_ASSIGN_OR_RETURN(const auto text, needed_text(files, "manifest.json", k_max_manifest));
    BERTH_ASSIGN_OR_RETURN(const auto entries, docker_entries(text));
    std::vector<ArchivedImage> out;
    for (const auto& entry : entries) {
        constexpr std::string_view blobs = "blobs/sha256/";
        const auto id = entry.config.starts_with(blobs)
                            ? concat("sha256:", std::string_view(entry.config).substr(blobs.size()))
                            : std::string();
        out.push_back({is_digest(id) ? id : "", entry.repo_tags});
    }
    return out;
}

Result<std::vector<Image>> load_archive(const Context& context, int fd, const WantedPlatform& wanted) {
    auto files = open_tar_files(context, fd);
    if (!files) return fail(std::move(files).error().context("load the archive"));
    auto images = load_files(context, **files, wanted);
    if (!images) return fail(std::move(images).error().context("load the archive"));
    return images;
}

Result<std::vector<Image>> load_layout(const Context& context, const std::string& directory,
                                       const WantedPlatform& wanted) {
    BERTH_ASSIGN_OR_RETURN(const auto files, open_folder_files(directory));
    auto images = load_files(context, *files, wanted);
    if (!images) return fail(std::move(images).error().context(concat("load '", directory, "'")));
    return images;
}

Result<Image> load_layout_image(const Context& context, const std::string& directory, const std::string& tag,
                                const std::string& digest, const Platform& platform) {
    BERTH_ASSIGN_OR_RETURN(const auto files, open_folder_files(directory));
    auto image = store_entry(context, *files, tag, digest, platform);
    if (!image) return fail(std::move(image).error().context(concat("read the layout '", directory, "'")));
    return image;
}

} // namespace berth::image
