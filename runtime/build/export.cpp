#include "runtime/build/export.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/layout_writer.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/push.hpp"
#include "runtime/image/tree_tar.hpp"

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace berth::build {

namespace {

bool is_set(const BuildOption& output, const char* name) {
    return parse_bool(output.get(name, "false")).value_or(false);
}

bool is_pushed(const BuildOption& output) {
    return output.type == "registry" || (output.type == "image" && is_set(output, "push"));
}

bool is_archive_output(const BuildOption& output) {
    return output.type == "oci" || (output.type == "docker" && !output.get("dest").empty());
}

Failure refuse(const BuildOption& output, const std::string& what, const std::string& hint = {}) {
    Error error(ErrorCode::usage, concat("--output type=", output.type, ": ", what));
    if (!hint.empty()) error.hint(hint);
    return fail(std::move(error));
}

Status check_output(const BuildRequest& request, const BuildOption& output) {
    static constexpr std::array k_types{"local", "tar", "oci", "docker", "image", "registry", "cacheonly"};
    if (std::find(k_types.begin(), k_types.end(), output.type) == k_types.end())
        return fail(Error(ErrorCode::usage, concat("unknown type of output '", output.type, "'"))
                        .hint("one of local, tar, oci, docker, image, registry, cacheonly"));
    const auto dest = output.get("dest");
    if ((output.type == "local" || output.type == "tar" || output.type == "oci") && dest.empty())
        return refuse(output, "dest= is missing");
    if (dest == "-" && (output.type == "local" || ::isatty(STDOUT_FILENO) != 0))
        return refuse(output, output.type == "local" ? "a folder cannot be written to standard output"
                                                     : "dest file is required. refusing to write to console");
    const auto compression = output.get("compression", "gzip");
    if (compression != "gzip" && compression != "uncompressed")
        return fail(Error(ErrorCode::unsupported, concat("compression=", compression, " of an output"))
                        .hint("gzip or uncompressed"));
    if (is_pushed(output) && request.tags.empty())
        return refuse(output, "tag is needed when pushing to registry");
    if (is_set(output, "push-by-digest"))
        return fail(ErrorCode::unsupported, "push-by-digest of an output: images are pushed by their tags");
    return {};
}

Json describe_blob(const char* type, const std::string& digest, std::int64_t size,
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
        const auto packing =
            output_.get("compression", "gzip") == "uncompressed" ? Packing::none : Packing::gzip;
        for (const auto& chain : image::chain_ids(input_.state.config.rootfs.diff_ids)) {
            BERTH_ASSIGN_OR_RETURN(const PackedLayer layer,
                                   pack_layer(input_.context, chain, input_.scratch, packing));
            BERTH_TRY(out_.add_blob_file(layer.descriptor.digest, layer.descriptor.size, layer.path));
            BERTH_TRY(remove_file(layer.path));
            layer_paths_.push(concat("blobs/sha256/", image::hex_of(layer.descriptor.digest)));
            layers_.push(image::to_json_descriptor(layer.descriptor));
        }
        return {};
    }

    Status write_manifest(BuildResult& result) {
        Json manifest = Json::object();
        manifest.set("schemaVersion", 2);
        manifest.set("mediaType", image::k_oci_manifest);
        manifest.set("config", describe_blob(image::k_oci_config, id_,
                                             static_cast<std::int64_t>(input_.config_json.size())));
        manifest.set("layers", layers_);
        if (!input_.request.annotations.empty())
            manifest.set("annotations", JsonWriter::encode(input_.request.annotations));
        const auto text = manifest.to_text();
        result.manifest_digest = concat("sha256:", sha256_hex(text));
        result.manifest_size = static_cast<std::int64_t>(text.size());
        BERTH_TRY(out_.add_blob(result.manifest_digest, text));
        Json list = Json::array();
        std::map<std::string, std::string> about{
            {"org.opencontainers.image.created", input_.state.config.created}};
        for (const auto& tag : input_.request.tags) {
            BERTH_ASSIGN_OR_RETURN(const auto name, image::parse_reference(tag));
            about["io.containerd.image.name"] = name.to_string();
            about["org.opencontainers.image.ref.name"] = name.tag;
            list.push(
                describe_blob(image::k_oci_manifest, result.manifest_digest, result.manifest_size, about));
        }
        if (input_.request.tags.empty())
            list.push(
                describe_blob(image::k_oci_manifest, result.manifest_digest, result.manifest_size, about));
        index_.set("schemaVersion", 2);
        index_.set("mediaType", image::k_oci_index);
        index_.set("manifests", std::move(list));
        return {};
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
    Json layers_ = Json::array(), layer_paths_ = Json::array(), index_ = Json::object();
};

// A file that appears only when it is whole, or standard output.
class OutputFile {
  public:
    static Result<OutputFile> open(const std::string& path) {
        OutputFile out;
        out.path_ = path;
        if (path == "-") return out;
        BERTH_TRY(make_dirs(std::string(dir_name(path)), 0755));
        BERTH_ASSIGN_OR_RETURN(out.file_, open_file(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0644));
        return out;
    }
    OutputFile(OutputFile&&) = default;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile() {
        if (file_.valid()) (void)::unlink((path_ + ".new").c_str());
    }
    [[nodiscard]] int fd() const { return file_.valid() ? file_.get() : STDOUT_FILENO; }
    Status commit() {
        if (!file_.valid()) return {};
        file_.reset();
        if (::rename((path_ + ".new").c_str(), path_.c_str()) != 0)
            return fail_errno(concat("put '", path_, "' in place"));
        return {};
    }

  private:
    OutputFile() = default;
    std::string path_;
    Fd file_;
};

Status write_archive(const ExportInput& input, const BuildOption& output, BuildResult& result) {
    const auto dest = output.get("dest");
    if (!parse_bool(output.get("tar", "true")).value_or(true)) {
        BERTH_ASSIGN_OR_RETURN(auto folder, LayoutWriter::to_folder(dest));
        return ArchiveWriter(input, output, folder).write(result);
    }
    BERTH_ASSIGN_OR_RETURN(auto file, OutputFile::open(dest));
    auto tar = LayoutWriter::to_tar(file.fd(), std::max<std::int64_t>(input.epoch, 0));
    BERTH_TRY(ArchiveWriter(input, output, tar).write(result));
    return file.commit();
}

Status write_root_tar(const ExportInput& input, const std::string& dest) {
    BERTH_ASSIGN_OR_RETURN(const Fd root,
                           image::open_root(input.state.layers.empty()
                                                ? std::vector<std::string>{input.scratch + "/empty"}
                                                : input.state.layers));
    BERTH_ASSIGN_OR_RETURN(auto file, OutputFile::open(dest));
    image::FdSink sink(file.fd(), "the archive");
    image::TarWriter writer(sink);
    image::TreeTarOptions options;
    options.epoch = input.epoch;
    BERTH_TRY(image::write_tree(root.get(), writer, options));
    BERTH_TRY(writer.finish());
    return file.commit();
}

// The files are the caller's, as docker's client writes them.
Status write_folder(const ExportInput& input, const std::string& dest) {
    BERTH_ASSIGN_OR_RETURN(const Fd root,
                           image::open_root(input.state.layers.empty()
                                                ? std::vector<std::string>{input.scratch + "/empty"}
                                                : input.state.layers));
    BERTH_TRY(make_dirs(dest, 0755));
    BERTH_ASSIGN_OR_RETURN(const Fd target, open_directory(dest));
    SourceRoot source;
    source.fd = root.get();
    source.what = "the result";
    BERTH_ASSIGN_OR_RETURN(auto selected, select_source(source, "/", {}));
    CopyOptions options;
    options.epoch = input.epoch;
    options.owner = CopyOwner{::geteuid(), ::getegid()};
    auto copied = copy_selected(source, selected.front(), target.get(), "/", options);
    if (!copied) return fail(std::move(copied).error().context(concat("write '", dest, "'")));
    return {};
}

Status push_tags(const ExportInput& input, BuildResult& result) {
    for (const auto& tag : input.request.tags) {
        BERTH_ASSIGN_OR_RETURN(const auto name, image::parse_reference(tag));
        auto pushed = image::push_image(input.context, name);
        if (!pushed) return fail(std::move(pushed).error().context(concat("push ", name.familiar())));
        result.manifest_digest = pushed->digest;
        result.manifest_size = pushed->size;
    }
    return {};
}

} // namespace

Status check_outputs(BuildRequest& request) {
    for (const auto& output : request.outputs)
        for (const auto& name : split(output.get("name"), ','))
            if (!name.empty() &&
                std::find(request.tags.begin(), request.tags.end(), name) == request.tags.end())
                request.tags.push_back(name);
    bool takes_annotations = false;
    for (auto& output : request.outputs) {
        BERTH_TRY(check_output(request, output));
        takes_annotations = takes_annotations || is_archive_output(output);
        for (const auto& [key, value] : output.attributes)
            if (key.starts_with("annotation.")) request.annotations[key.substr(11)] = value;
    }
    if (!request.annotations.empty() && !takes_annotations)
        return fail(
            Error(ErrorCode::unsupported, "annotations stand in a manifest, and the image store has none")
                .hint("write one with --output type=oci,dest=FILE, or use --label"));
    return {};
}

bool wants_store(const BuildRequest& request) {
    if (request.outputs.empty()) return true;
    for (const auto& output : request.outputs)
        if (output.type == "image" || output.type == "registry" ||
            (output.type == "docker" && output.get("dest").empty()))
            return true;
    return false;
}

Status export_outputs(const ExportInput& input, BuildResult& result) {
    for (const auto& output : input.request.outputs) {
        const auto dest = output.get("dest");
        const auto key = concat("exporting to ", output.type, dest.empty() ? "" : concat(" ", dest));
        if (output.type == "cacheonly") continue;
        input.context.progress->update(key, "", 0, 0);
        Status status;
        if (is_archive_output(output))
            status = write_archive(input, output, result);
        else if (output.type == "tar")
            status = write_root_tar(input, dest);
        else if (output.type == "local")
            status = write_folder(input, dest);
        else if (is_pushed(output))
            status = push_tags(input, result);
        input.context.progress->finish(key, status ? "DONE" : "ERROR", status.has_value());
        BERTH_TRY(std::move(status));
    }
    return {};
}

} // namespace berth::build
