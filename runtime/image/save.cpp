// docker save: one tar that is both Docker's archive (manifest.json) and an OCI layout (index.json, blobs/),
// as Docker writes it since 25. Layers are written uncompressed, with exactly the digests of the
// configuration.
#include "runtime/base/clock.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/image/tar_writer.hpp"

#include <algorithm>
#include <set>

namespace berth::image {

namespace {

class Saver {
  public:
    Saver(const Context& context, ByteSink& out) : context_(context), writer_(out) {}

    Status add(const Image& image, const std::vector<Reference>& names) {
        const auto chains = chain_ids(image.config.rootfs.diff_ids);
        Json layer_paths = Json::array();
        Json layer_descriptors = Json::array();
        Json layer_sources = Json::object();
        for (std::size_t i = 0; i < chains.size(); ++i) {
            BERTH_ASSIGN_OR_RETURN(const LayerRecord record, read_layer(context_, chains[i]));
            BERTH_TRY(layer_blob(chains[i], record));
            layer_paths.push(blob_path(record.diff_id));
            layer_descriptors.push(descriptor(k_oci_layer, record.diff_id, record.tar_size));
            layer_sources.set(record.diff_id, descriptor(k_oci_layer, record.diff_id, record.tar_size));
        }
        BERTH_TRY(small_blob(image.id, image.config_json));
        Json manifest = Json::object();
        manifest.set("schemaVersion", 2);
        manifest.set("mediaType", k_oci_manifest);
        manifest.set("config",
                     descriptor(k_oci_config, image.id, static_cast<std::int64_t>(image.config_json.size())));
        manifest.set("layers", std::move(layer_descriptors));
        const std::string text = manifest.to_text();
        const std::string digest = concat("sha256:", sha256_hex(text));
        BERTH_TRY(small_blob(digest, text));
        add_to_index(digest, static_cast<std::int64_t>(text.size()), names);
        Json entry = Json::object();
        entry.set("Config", blob_path(image.id));
        Json tags = Json::array();
        for (const auto& name : names)
            tags.push(name.familiar());
        entry.set("RepoTags", names.empty() ? Json() : std::move(tags));
        entry.set("Layers", std::move(layer_paths));
        entry.set("LayerSources", std::move(layer_sources));
        docker_.push(std::move(entry));
        for (const auto& name : names)
            repositories_[name.familiar_name()][name.tag] = std::string(hex_of(image.id));
        return {};
    }

    Status text(const ArchivedText& file) { return writer_.add_text(file.name, file.text, 0); }

    Status finish() {
        Json index = Json::object();
        index.set("schemaVersion", 2);
        index.set("mediaType", k_oci_index);
        index.set("manifests", index_);
        BERTH_TRY(writer_.add_text("index.json", index.to_text(), 0));
        BERTH_TRY(writer_.add_text("manifest.json", docker_.to_text(), 0));
        BERTH_TRY(writer_.add_text("oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0));
        if (!repositories_.empty())
            BERTH_TRY(writer_.add_text("repositories", JsonWriter::encode(repositories_).to_text(), 0));
        return writer_.finish();
    }

  private:
    static std::string blob_path(std::string_view digest) { return concat("blobs/sha256/", hex_of(digest)); }
    static Json descriptor(const char* type, const std::string& digest, std::int64_t size) {
        Descriptor out;
        out.media_type = type;
        out.digest = digest;
        out.size = size;
        return to_json_descriptor(out);
    }
    void add_to_index(const std::string& digest, std::int64_t size, const std::vector<Reference>& names) {
        Descriptor out;
        out.media_type = k_oci_manifest;
        out.digest = digest;
        out.size = size;
        if (names.empty()) index_.push(to_json_descriptor(out));
        for (const auto& name : names) {
            out.annotations["io.containerd.image.name"] = name.to_string();
            out.annotations["org.opencontainers.image.ref.name"] = name.tag;
            index_.push(to_json_descriptor(out));
        }
    }
    Status folder(const std::string& name) {
        if (!written_.insert(name).second) return {};
        TarEntry entry;
        entry.type = EntryType::directory;
        entry.name = name;
        entry.mode = 0755;
        return writer_.add(entry);
    }
    Status begin_blob(const std::string& digest, std::int64_t size, bool& there) {
        BERTH_TRY(folder("blobs"));
        BERTH_TRY(folder("blobs/sha256"));
        there = !written_.insert(digest).second;
        if (there) return {};
        TarEntry entry;
        entry.name = blob_path(digest);
        entry.mode = 0644;
        entry.size = size;
        return writer_.add(entry);
    }
    Status small_blob(const std::string& digest, const std::string& bytes) {
        bool there = false;
        BERTH_TRY(begin_blob(digest, static_cast<std::int64_t>(bytes.size()), there));
        return there ? Status{} : writer_.write(bytes);
    }
    Status layer_blob(const std::string& chain, const LayerRecord& record) {
        bool there = false;
        BERTH_TRY(begin_blob(record.diff_id, record.tar_size, there));
        if (there) return {};
        struct Into : ByteSink {
            explicit Into(TarWriter& target) : writer(target) {}
            Status write(std::string_view bytes) override { return writer.write(bytes); }
            TarWriter& writer;
        } into(writer_);
        return write_layer_tar(context_, chain, into);
    }

    const Context& context_;
    TarWriter writer_;
    std::set<std::string> written_;
    Json index_ = Json::array();
    Json docker_ = Json::array();
    std::map<std::string, std::map<std::string, std::string>> repositories_;
};

} // namespace

Status save_archive(const Context& context, const std::vector<std::string>& names, int fd,
                    const std::vector<ArchivedText>& front) {
    if (names.empty() && front.empty()) return fail(ErrorCode::usage, "no image to save");
    // All are looked up before the first byte is written. An image asked for by several names is saved once.
    std::vector<std::pair<Image, std::vector<Reference>>> images;
    for (const auto& name : names) {
        BERTH_ASSIGN_OR_RETURN(Image image, get_image(context, name));
        BERTH_TRY(lease_image(context, image)); // whoever removes it meanwhile leaves its layers to us
        auto slot = std::find_if(images.begin(), images.end(),
                                 [&](const auto& entry) { return entry.first.id == image.id; });
        if (slot == images.end()) slot = images.insert(images.end(), {image, {}});
        const auto reference = parse_reference(name);
        if (!reference || reference->tag.empty()) continue;
        if (std::find(image.references.begin(), image.references.end(), reference->to_string()) !=
            image.references.end())
            slot->second.push_back(*reference);
    }
    FdSink out(fd, "the archive");
    Saver saver(context, out);
    for (const auto& file : front)
        BERTH_TRY(saver.text(file));
    for (const auto& [image, references] : images)
        BERTH_TRY(saver.add(image, references));
    return saver.finish();
}

} // namespace berth::image
