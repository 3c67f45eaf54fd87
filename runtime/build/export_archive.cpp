// Outputs type=oci and type=docker: the image as an OCI layout, in a tar or a folder.
#include "runtime/build/export_parts.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/layout_writer.hpp"
#include "runtime/build/packing_options.hpp"
#include "runtime/image/layer_store.hpp"

namespace berth::build {

namespace {

Json describe_blob(const std::string& type, const std::string& digest, std::int64_t size,
                   const std::map<std::string, std::string>& annotations = {}) {
    image::Descriptor out;
    out.media_type = type;
    out.digest = digest;
    out.size = size;
    out.annotations = annotations;
    return image::to_json_descriptor(out);
}

class ArchiveWriter {
  public:
    ArchiveWriter(const ExportInput& input, const BuildOption& output, LayoutWriter& out)
        : input_(input), output_(output), out_(out), id_(concat("sha256:", sha256_hex(input.config_json))) {}

    Status write(BuildResult& result) {
        BERTH_ASSIGN_OR_RETURN(oci_types_, oci_types_of(output_));
        BERTH_TRY(write_layers());
        BERTH_TRY(out_.add_blob(id_, input_.config_json));
        BERTH_TRY(write_manifest(result));
        BERTH_TRY(out_.add_file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
        if (output_.type == "docker") BERTH_TRY(write_docker_files());
        BERTH_TRY(out_.add_file("index.json", index_.to_text()));
        return out_.finish();
    }

  private:
    Status write_layers() {
        BERTH_ASSIGN_OR_RETURN(const auto packing, packing_of(output_));
        for (const auto& chain : image::chain_ids(input_.state.config.rootfs.diff_ids)) {
            BERTH_ASSIGN_OR_RETURN(const PackedLayer layer,
                                   pack_layer(input_.context, chain, input_.scratch, packing));
            BERTH_TRY(out_.add_blob_file(layer.descriptor.digest, layer.descriptor.size, layer.path));
            BERTH_TRY(remove_file(layer.path));
            layer_paths_.push(concat("blobs/sha256/", image::hex_of(layer.descriptor.digest)));
            auto descriptor = layer.descriptor;
            descriptor.media_type = named(descriptor.media_type);
            layers_.push(image::to_json_descriptor(descriptor));
        }
        return {};
    }

    Status write_manifest(BuildResult& result) {
        Json manifest = Json::object();
        manifest.set("schemaVersion", 2);
        manifest.set("mediaType", named(image::k_oci_manifest));
        manifest.set("config", describe_blob(named(image::k_oci_config), id_,
                                             static_cast<std::int64_t>(input_.config_json.size())));
        manifest.set("layers", layers_);
        if (!input_.request.annotations.empty())
            manifest.set("annotations", JsonWriter::encode(input_.request.annotations));
        const auto text = manifest.to_text();
        result.manifest_digest = concat("sha256:", sha256_hex(text));
        result.manifest_size = static_cast<std::int64_t>(text.size());
        BERTH_TRY(out_.add_blob(result.manifest_digest, text));
        auto type = named(image::k_oci_manifest);
        if (wants_platforms(input_.request)) BERTH_TRY(write_platforms(type, result));
        result.manifest_type = type;
        Json list = Json::array();
        std::map<std::string, std::string> about{
            {"org.opencontainers.image.created", input_.state.config.created}};
        for (const auto& tag : input_.request.tags) {
            BERTH_ASSIGN_OR_RETURN(const auto name, image::parse_reference(tag));
            about["io.containerd.image.name"] = name.to_string();
            about["org.opencontainers.image.ref.name"] = name.tag;
            list.push(describe_blob(type, result.manifest_digest, result.manifest_size, about));
        }
        if (input_.request.tags.empty())
            list.push(describe_blob(type, result.manifest_digest, result.manifest_size, about));
        index_.set("schemaVersion", 2);
        index_.set("mediaType", image::k_oci_index);
        index_.set("manifests", std::move(list));
        return {};
    }

    // An index of the one platform between the layout's own and the manifest: BUILDKIT_MULTI_PLATFORM.
    Status write_platforms(std::string& type, BuildResult& result) {
        image::Descriptor entry;
        entry.media_type = type;
        entry.digest = result.manifest_digest;
        entry.size = result.manifest_size;
        const auto& config = input_.state.config;
        entry.platform = image::Platform{config.os, config.architecture, config.variant};
        type = oci_types_ ? image::k_oci_index : image::k_docker_list;
        Json list = Json::array();
        list.push(image::to_json_descriptor(entry));
        Json index = Json::object();
        index.set("schemaVersion", 2);
        index.set("mediaType", type);
        index.set("manifests", std::move(list));
        const auto text = index.to_text();
        result.manifest_digest = concat("sha256:", sha256_hex(text));
        result.manifest_size = static_cast<std::int64_t>(text.size());
        return out_.add_blob(result.manifest_digest, text);
    }

    [[nodiscard]] std::string named(const std::string& oci) const {
        return oci_types_ ? oci : image::docker_media_type(oci);
    }

    Status write_docker_files() {
        Json tags = Json::array();
        for (const auto& tag : input_.request.tags) {
            BERTH_ASSIGN_OR_RETURN(const auto name, image::parse_reference(tag));
            tags.push(name.familiar());
        }
        Json entry = Json::object();
        entry.set("Config", concat("blobs/sha256/", image::hex_of(id_)));
        entry.set("RepoTags", input_.request.tags.empty() ? Json() : std::move(tags));
        entry.set("Layers", layer_paths_);
        Json all = Json::array();
        all.push(std::move(entry));
        return out_.add_file("manifest.json", all.to_text());
    }

    const ExportInput& input_;
    const BuildOption& output_;
    LayoutWriter& out_;
    std::string id_;
    bool oci_types_ = true;
    Json layers_ = Json::array(), layer_paths_ = Json::array(), index_ = Json::object();
};

} // namespace

Result<OutputFile> open_output(const std::string& dest) {
    if (dest != "-") BERTH_TRY(make_dirs(std::string(dir_name(dest)), 0755));
    return OutputFile::open(dest, 0644);
}

Status write_archive(const ExportInput& input, const BuildOption& output, BuildResult& result) {
    const auto dest = output.get("dest");
    if (!parse_bool(output.get("tar", "true")).value_or(true)) {
        BERTH_ASSIGN_OR_RETURN(auto folder, LayoutWriter::to_folder(dest));
        return ArchiveWriter(input, output, folder).write(result);
    }
    BERTH_ASSIGN_OR_RETURN(auto file, open_output(dest));
    auto tar = LayoutWriter::to_tar(file.fd(), std::max<std::int64_t>(input.epoch, 0));
    BERTH_TRY(ArchiveWriter(input, output, tar).write(result));
    return file.commit();
}

} // namespace berth::build
