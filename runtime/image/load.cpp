// Archives of images into the store: Docker's (manifest.json, any age that has one) and OCI layouts, as tar
// or folder.
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/archive_files.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_plan.hpp"
#include "runtime/image/manifest.hpp"

#include <algorithm>

namespace berth::image {

namespace {

constexpr int k_most_nesting = 8; // indexes within indexes

std::string blob_path(std::string_view digest) { return concat("blobs/sha256/", hex_of(digest)); }

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

Result<Image> load_docker_image(const Context& context, const ArchiveFiles& files, const DockerEntry& entry) {
    BERTH_ASSIGN_OR_RETURN(const std::string config_json, needed_text(files, entry.config, k_max_manifest));
    BERTH_ASSIGN_OR_RETURN(const ImageConfig config, parse_image_config(config_json));
    // A blob's name promises its bytes; the older "<hex>.json" is only a name, which tools have kept across edits.
    if (entry.config.starts_with("blobs/sha256/") && entry.config != blob_path(concat("sha256:", sha256_hex(config_json))))
        return fail(ErrorCode::invalid_input,
                    concat("configuration '", entry.config, "' is damaged: its digest is sha256:", sha256_hex(config_json)));
    std::vector<Reference> names;
    for (const auto& tag : entry.repo_tags) {
        BERTH_ASSIGN_OR_RETURN(names.emplace_back(), parse_reference(tag));
    }
    if (entry.layers.size() != config.rootfs.diff_ids.size())
        return fail(ErrorCode::invalid_input,
                    concat("archive has ", entry.layers.size(), " layers, the configuration lists ",
                           config.rootfs.diff_ids.size()));
    std::vector<LayerSource> sources;
    for (std::size_t i = 0; i < entry.layers.size(); ++i) {
        BERTH_ASSIGN_OR_RETURN(const auto range, needed_range(files, entry.layers[i]));
        sources.push_back(source_of(range, config.rootfs.diff_ids[i], false));
    }
    BERTH_TRY(store_layers(context, config.rootfs.diff_ids, sources, "Loading layer"));
    return add_image_named(context, config_json, names);
}

Result<std::vector<Image>> load_docker(const Context& context, const ArchiveFiles& files,
                                       const std::string& text) {
    auto json = parse_json(text);
    if (!json) return fail(std::move(json).error().context("read manifest.json of the archive"));
    auto entries = from_json<std::vector<DockerEntry>>(*json);
    if (!entries) return fail(std::move(entries).error().context("read manifest.json of the archive"));
    if (entries->empty())
        return fail(ErrorCode::invalid_input, "manifest.json of the archive names no image");
    std::vector<Image> out;
    for (const auto& entry : *entries) {
        BERTH_ASSIGN_OR_RETURN(out.emplace_back(), load_docker_image(context, files, entry));
    }
    return out;
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
        return std::optional<Reference>(std::move(reference));
    }
    return std::optional<Reference>();
}

Result<std::optional<Image>> load_manifest(const Context& context, const ArchiveFiles& files,
                                           const Descriptor& descriptor, const std::vector<Reference>& names,
                                           int nesting) {
    if (nesting > k_most_nesting)
        return fail(ErrorCode::invalid_input, "image indexes are nested too deeply");
    BERTH_ASSIGN_OR_RETURN(const std::string text, read_blob(files, descriptor));
    BERTH_ASSIGN_OR_RETURN(const ManifestOrIndex parsed, parse_manifest(text));
    if (parsed.index) {
        BERTH_ASSIGN_OR_RETURN(const Descriptor chosen,
                               choose_manifest(*parsed.index, host_platform(), "the archive"));
        return load_manifest(context, files, chosen, names, nesting + 1);
    }
    const Manifest& manifest = *parsed.manifest;
    BERTH_ASSIGN_OR_RETURN(const std::string config_json, read_blob(files, manifest.config));
    BERTH_ASSIGN_OR_RETURN(const ImageConfig config, parse_image_config(config_json));
    std::vector<LayerSource> sources;
    for (const auto& layer : manifest.layers) {
        BERTH_ASSIGN_OR_RETURN(const auto range, needed_range(files, blob_path(layer.digest)));
        if (range.size != layer.size)
            return fail(ErrorCode::invalid_input, concat("blob ", layer.digest, " has ", range.size,
                                                         " bytes, its manifest says ", layer.size));
        sources.push_back(source_of(range, layer.digest, true));
    }
    BERTH_TRY(store_layers(context, config.rootfs.diff_ids, sources, "Loading layer"));
    BERTH_ASSIGN_OR_RETURN(Image image, add_image_named(context, config_json, names));
    return std::optional<Image>(std::move(image));
}

// Entries of one name are one image for several platforms: the best of them is taken.
Result<std::vector<Image>> load_oci(const Context& context, const ArchiveFiles& files,
                                    const std::string& text) {
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
            BERTH_ASSIGN_OR_RETURN(pick, choose_manifest(index, host_platform(), "the archive"));
        }
        auto& slot = chosen[pick.digest];
        slot.first = pick;
        if (const auto name = references.find(key); name != references.end())
            slot.second.push_back(name->second);
    }
    std::vector<Image> out;
    for (const auto& [digest, entry] : chosen) {
        BERTH_ASSIGN_OR_RETURN(auto image, load_manifest(context, files, entry.first, entry.second, 0));
        // Manifests that differ only in how layers are compressed are the same image.
        if (image && std::none_of(out.begin(), out.end(), [&](const Image& have) { return have.id == image->id; }))
            out.push_back(std::move(*image));
    }
    return out;
}

Result<std::vector<Image>> load_files(const Context& context, const ArchiveFiles& files) {
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const auto docker, files.read("manifest.json", k_max_manifest));
    if (docker) return load_docker(context, files, *docker);
    BERTH_ASSIGN_OR_RETURN(const auto index, files.read("index.json", k_max_manifest));
    if (index) return load_oci(context, files, *index);
    BERTH_ASSIGN_OR_RETURN(const auto repositories, files.find("repositories"));
    if (repositories)
        return fail(
            Error(ErrorCode::unsupported, "the archive is of Docker before 1.10, without manifest.json")
                .hint("save it again with a current tool"));
    return fail(Error(ErrorCode::invalid_input,
                      "the archive is no image: it has neither manifest.json nor index.json")
                    .hint("a root file system goes in with import"));
}

} // namespace

Result<std::vector<Image>> load_archive(const Context& context, int fd) {
    auto files = open_tar_files(context, fd);
    if (!files) return fail(std::move(files).error().context("load the archive"));
    auto images = load_files(context, **files);
    if (!images) return fail(std::move(images).error().context("load the archive"));
    return images;
}

Result<std::vector<Image>> load_layout(const Context& context, const std::string& directory) {
    BERTH_ASSIGN_OR_RETURN(const auto files, open_folder_files(directory));
    auto images = load_files(context, *files);
    if (!images) return fail(std::move(images).error().context(concat("load '", directory, "'")));
    return images;
}

} // namespace berth::image
