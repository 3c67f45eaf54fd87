// build, builder prune
#include "compose/cli/build_flags.hpp"
#include "compose/cli/build_report.hpp"
#include "compose/cli/command.hpp"
#include "compose/plan/images.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/image/manifest.hpp"

#include <array>

namespace berth::cli {

namespace {

// As buildx writes it for the builder that docker comes with.
Status write_metadata(const std::string& path, const build::BuildRequest& request,
                      const build::BuildResult& built) {
    Json out = Json::object();
    out.set("buildx.build.ref", concat("default/default/", make_id().substr(0, 25)));
    out.set("containerimage.config.digest", built.image.id);
    const auto digest = built.manifest_digest.empty() ? built.image.id : built.manifest_digest;
    if (!built.manifest_digest.empty()) {
        image::Descriptor descriptor;
        descriptor.media_type = image::k_oci_manifest;
        descriptor.digest = digest;
        descriptor.size = built.manifest_size;
        out.set("containerimage.descriptor", image::to_json_descriptor(descriptor));
    }
    out.set("containerimage.digest", digest);
    std::vector<std::string> names;
    for (const auto& tag : request.tags)
        if (const auto reference = image::parse_reference(tag)) names.push_back(reference->to_string());
    if (!names.empty()) out.set("image.name", join(names, ","));
    return write_output(path, out.to_text(2));
}

Run setup_build(Flags& flags) {
    auto options = std::make_shared<BuildFlags>();
    declare_build_flags(flags, *options);
    return [options](Session& session) -> Result<int> {
        if (!options->progress.empty()) session.compose.progress = options->progress;
        BERTH_ASSIGN_OR_RETURN(const auto call, parse_build_call(options->check ? "check" : options->call));
        BERTH_TRY(session.show_progress(options->quiet));
        BERTH_TRY(fill_build_request(*options));
        if (call.kind != BuildCall::Kind::build) {
            BERTH_ASSIGN_OR_RETURN(const auto report, build::report_on(session.context(), options->request));
            return print_report(session, report, call);
        }
        compose::wire_build(session.context(), options->request);
        BERTH_ASSIGN_OR_RETURN(const auto built, build::build(session.context(), options->request));
        session.end_progress();
        if (!options->iidfile.empty()) BERTH_TRY(write_output(options->iidfile, built.image.id));
        if (!options->metadata_file.empty())
            BERTH_TRY(write_metadata(options->metadata_file, options->request, built));
        if (options->quiet)
            session.print(built.image.id + "\n");
        else
            session.say(
                concat("built ", built.image.id, " (", built.steps, " steps, ", built.cached, " cached)\n"));
        return 0;
    };
}

struct PruneFlags {
    bool all = false, force = false;
    std::int64_t keep = 0;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-a,--all", options->all,
                 "Remove all unused build cache (there is no other kind: kept for scripts)");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    flags.bytes("--keep-storage", options->keep, "Amount of disk space to keep for cache");
    return [options](Session& session) -> Result<int> {
        if (!options->force &&
            !confirm(session,
                     "WARNING! This will remove the build cache.\nAre you sure you want to continue?"))
            return 0;
        BERTH_ASSIGN_OR_RETURN(const auto freed, build::prune_cache(session.context(), options->keep));
        session.print(concat("Total:\t", format_bytes_decimal(static_cast<double>(freed)), "\n"));
        return 0;
    };
}

constexpr std::array<Command, 2> k_commands{
    {{"build", "[OPTIONS] PATH|URL|-", "Build an image from a Dockerfile", setup_build, false, false},
     {"builder prune", "[OPTIONS]", "Remove build cache", setup_prune, false, false}}};

} // namespace

std::span<const Command> build_commands() {
    return k_commands;
}

} // namespace berth::cli
