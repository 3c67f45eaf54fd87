// manifest inspect
#include "compose/cli/command.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/image/image_config.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/image/pull.hpp"
#include "runtime/image/reference.hpp"
#include "runtime/registry/client.hpp"

#include <array>

namespace berth::cli {

namespace {

// Indented by tabs, as docker has it. A newline inside of a string is escaped, so each line's blanks are indentation.
std::string with_tabs(const Json& json) {
    std::string out = json.to_text(1);
    bool at_start = true;
    for (char& c : out) {
        if (at_start && c == ' ')
            c = '\t';
        else
            at_start = c == '\n';
    }
    return out + "\n";
}

// One image of `manifest inspect --verbose`.
Result<Json> verbose_entry(const std::string& name, const image::Descriptor& descriptor,
                           const std::string& bytes) {
    BERTH_ASSIGN_OR_RETURN(auto parsed, parse_json(bytes));
    Json out = Json::object();
    out.set("Ref", name);
    out.set("Descriptor", image::to_json_descriptor(descriptor));
    out.set("Raw", base64_encode(bytes));
    out.set(descriptor.media_type == image::k_docker_manifest ? "SchemaV2Manifest" : "OCIManifest",
            std::move(parsed));
    return out;
}

// A manifest by itself does not say its platform; its configuration does, where it is an image's.
std::optional<image::Platform> platform_of(registry::RegistryClient& client,
                                           const image::Manifest& manifest) {
    if (!image::check_is_image(manifest) ||
        manifest.config.size > static_cast<std::int64_t>(image::k_max_manifest))
        return std::nullopt;
    const auto bytes = client.get_small_blob(manifest.config.digest, manifest.config.size);
    if (!bytes) return std::nullopt;
    const auto config = image::parse_image_config(*bytes);
    if (!config) return std::nullopt;
    return image::Platform{config->os, config->architecture, config->variant};
}

Result<Json> verbose(registry::RegistryClient& client, const image::Reference& reference,
                     const registry::ManifestBytes& top) {
    BERTH_ASSIGN_OR_RETURN(const auto parsed, image::parse_manifest(top.bytes));
    if (parsed.manifest) {
        image::Descriptor self;
        self.media_type = parsed.manifest->media_type.empty() ? top.media_type : parsed.manifest->media_type;
        self.digest = concat("sha256:", sha256_hex(top.bytes));
        self.size = static_cast<std::int64_t>(top.bytes.size());
        self.platform = platform_of(client, *parsed.manifest);
        return verbose_entry(reference.to_string(), self, top.bytes);
    }
    Json out = Json::array();
    for (auto entry : parsed.index->manifests) {
        BERTH_ASSIGN_OR_RETURN(const auto got, client.get_manifest(entry.digest, image::manifest_types()));
        if (entry.media_type.empty()) entry.media_type = got.media_type;
        BERTH_ASSIGN_OR_RETURN(
            auto json, verbose_entry(concat(reference.to_string(), "@", entry.digest), entry, got.bytes));
        out.push(std::move(json));
    }
    return out;
}

struct InspectFlags {
    std::vector<std::string> names;
    bool verbose = false;
};

Run setup_inspect(Flags& flags) {
    auto options = std::make_shared<InspectFlags>();
    flags.toggle("-v,--verbose", options->verbose, "Output additional info including layers and platform");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(options->names.front()));
        registry::RegistryClient client(reference.host, reference.repository, session.context().cancelled);
        BERTH_ASSIGN_OR_RETURN(
            const auto top, client.get_manifest(reference.digest.empty() ? reference.tag : reference.digest,
                                                image::manifest_types()));
        // Parsed: what a registry sends goes to a terminal.
        BERTH_ASSIGN_OR_RETURN(const auto json,
                               options->verbose ? verbose(client, reference, top) : parse_json(top.bytes));
        session.print(with_tabs(json));
        return 0;
    };
}

constexpr std::array<Command, 1> k_commands{
    {{"manifest inspect", "[OPTIONS] MANIFEST", "Display an image manifest, or manifest list", setup_inspect,
      false, false}}};

} // namespace

std::span<const Command> manifest_commands() {
    return k_commands;
}

} // namespace berth::cli
