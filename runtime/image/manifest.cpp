#include "runtime/image/manifest.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/reference.hpp"

namespace berth::image {

namespace {

constexpr std::size_t k_max_layers = 4096;
constexpr std::size_t k_max_entries = 4096;

Failure bad(std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("image manifest: ", why));
}

Result<std::string> text_member(const Json& json, const char* name, bool needed) {
    const Json* member = json.find(name);
    if (member == nullptr || member->is_null()) {
        if (needed) return bad(concat("'", name, "' is missing"));
        return std::string{};
    }
    if (member->as_string() == nullptr) return bad(concat("'", name, "' is not a string"));
    return *member->as_string();
}

Result<Platform> read_platform(const Json& json) {
    if (json.as_object() == nullptr) return bad("'platform' is not an object");
    Platform out;
    BERTH_ASSIGN_OR_RETURN(out.os, text_member(json, "os", false));
    BERTH_ASSIGN_OR_RETURN(out.architecture, text_member(json, "architecture", false));
    BERTH_ASSIGN_OR_RETURN(out.variant, text_member(json, "variant", false));
    return out;
}

Result<Descriptor> read_descriptor(const Json& json) {
    if (json.as_object() == nullptr) return bad("a descriptor is not an object");
    Descriptor out;
    BERTH_ASSIGN_OR_RETURN(out.media_type, text_member(json, "mediaType", false));
    BERTH_ASSIGN_OR_RETURN(out.digest, text_member(json, "digest", true));
    // Before any path is built from it (CVE-2024-3727).
    if (!is_digest(out.digest))
        return bad(concat("'", out.digest.substr(0, 100), "' is not a sha256 digest"));
    const Json* size = json.find("size");
    if (size == nullptr || size->as_integer() == nullptr || *size->as_integer() < 0)
        return bad("a descriptor has no valid 'size'");
    out.size = *size->as_integer();
    if (const Json* notes = json.find("annotations"); notes != nullptr && !notes->is_null()) {
        if (notes->as_object() == nullptr) return bad("'annotations' is not an object");
        for (const auto& note : *notes->as_object())
            if (note.value.as_string() != nullptr) out.annotations[note.key] = *note.value.as_string();
    }
    if (const Json* platform = json.find("platform"); platform != nullptr && !platform->is_null()) {
        BERTH_ASSIGN_OR_RETURN(out.platform, read_platform(*platform));
    }
    return out;
}

Result<std::vector<Descriptor>> read_list(const Json& json, const char* name, std::size_t limit) {
    const auto* items = json.as_array();
    if (items == nullptr) return bad(concat("'", name, "' is not a list"));
    if (items->size() > limit) return bad(concat("'", name, "' has ", items->size(), " entries"));
    std::vector<Descriptor> out;
    for (const auto& item : *items) {
        BERTH_ASSIGN_OR_RETURN(out.emplace_back(), read_descriptor(item));
    }
    return out;
}

} // namespace

bool is_index_type(std::string_view media_type) {
    return media_type == k_oci_index || media_type == k_docker_list;
}

Result<ManifestOrIndex> parse_manifest(std::string_view text) {
    if (text.size() > k_max_manifest) return bad(concat("it has ", text.size(), " bytes"));
    if (!is_valid_utf8(text)) return bad("it is not UTF-8");
    auto parsed = parse_json(text);
    if (!parsed) return fail(std::move(parsed).error().context("image manifest"));
    const Json& json = *parsed;
    if (json.as_object() == nullptr) return bad("it is not a JSON object");
    const Json* version = json.find("schemaVersion");
    const auto* number = version != nullptr ? version->as_integer() : nullptr;
    if (number != nullptr && *number == 1)
        return fail(
            ErrorCode::unsupported,
            "image manifest: schema 1 is no longer supported; push the image again with a current tool");
    if (number == nullptr || *number != 2) return bad("'schemaVersion' is not 2");
    BERTH_ASSIGN_OR_RETURN(const std::string media_type, text_member(json, "mediaType", false));
    const Json* manifests = json.find("manifests");
    const Json* layers = json.find("layers");
    const Json* config = json.find("config");
    if (manifests != nullptr && (layers != nullptr || config != nullptr))
        return bad("it is both an index and an image");
    ManifestOrIndex out;
    if (manifests != nullptr) {
        if (!media_type.empty() && !is_index_type(media_type))
            return bad(concat("an index of type '", media_type.substr(0, 100), "'"));
        out.index.emplace().media_type = media_type;
        BERTH_ASSIGN_OR_RETURN(out.index->manifests, read_list(*manifests, "manifests", k_max_entries));
        return out;
    }
    if (config == nullptr || layers == nullptr)
        return bad("it has neither 'manifests' nor 'config' and 'layers'");
    if (!media_type.empty() && media_type != k_oci_manifest && media_type != k_docker_manifest)
        return bad(concat("an image of type '", media_type.substr(0, 100), "'"));
    auto& manifest = out.manifest.emplace();
    manifest.media_type = media_type;
    BERTH_ASSIGN_OR_RETURN(manifest.config, read_descriptor(*config));
    BERTH_ASSIGN_OR_RETURN(manifest.layers, read_list(*layers, "layers", k_max_layers));
    return out;
}

Status check_is_image(const Manifest& manifest) {
    // Without a type, or with one that says nothing, as registries of old had it, the content tells.
    const auto says_nothing = [](const std::string& type) {
        return type.empty() || type == "application/octet-stream" || type == "application/json" ||
               type == "text/html";
    };
    const auto not_image = [](std::string_view part, const std::string& type) {
        return fail(ErrorCode::unsupported, concat("it is no container image: its ", part, " has the type '",
                                                   type.substr(0, 100), "'"));
    };
    const auto& config = manifest.config.media_type;
    if (!says_nothing(config) && config != k_oci_config && config != k_docker_config)
        return not_image("configuration", config);
    for (const auto& layer : manifest.layers) {
        const auto& type = layer.media_type;
        if (type.find(".foreign.") != std::string::npos ||
            type.find(".nondistributable.") != std::string::npos)
            return fail(Error(ErrorCode::unsupported,
                              concat("its layer ", layer.digest,
                                     " is a foreign one, which is kept outside of registries"))
                            .hint("such layers belong to Windows; have the image built on another base"));
        if (type.ends_with("+encrypted"))
            return fail(ErrorCode::unsupported, concat("its layer ", layer.digest, " is encrypted"));
        if (!says_nothing(type) && !type.starts_with(k_oci_layer) && !type.starts_with(k_docker_layer))
            return not_image("layer", type);
    }
    return {};
}

Result<Descriptor> choose_manifest(const Index& index, const Platform& platform, std::string_view what) {
    const Descriptor* best = nullptr;
    int best_fit = 0;
    std::vector<std::string> offered;
    for (const auto& entry : index.manifests) {
        // An index of one image need not say what it is for.
        const int fit = entry.platform ? platform_fit(*entry.platform, platform) : 1;
        if (entry.platform && entry.platform->os != "unknown") offered.push_back(entry.platform->to_string());
        if (fit > best_fit) {
            best = &entry;
            best_fit = fit;
        }
    }
    if (best != nullptr) return *best;
    Error error(ErrorCode::not_found, concat(what, " has no image for ", platform.to_string()));
    if (!offered.empty()) error.hint(concat("there are images for ", join(offered, ", ")));
    return fail(std::move(error));
}

Json to_json_descriptor(const Descriptor& descriptor) {
    Json out = Json::object();
    out.set("mediaType", descriptor.media_type);
    out.set("digest", descriptor.digest);
    out.set("size", descriptor.size);
    if (!descriptor.annotations.empty()) out.set("annotations", JsonWriter::encode(descriptor.annotations));
    if (descriptor.platform) {
        Json& platform = out.set("platform", Json::object());
        platform.set("architecture", descriptor.platform->architecture);
        platform.set("os", descriptor.platform->os);
        if (!descriptor.platform->variant.empty()) platform.set("variant", descriptor.platform->variant);
    }
    return out;
}

} // namespace berth::image
