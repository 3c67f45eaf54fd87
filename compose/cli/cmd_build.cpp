// build
#include "compose/cli/build_flags.hpp"
#include "compose/cli/build_report.hpp"
#include "compose/cli/command.hpp"
#include "compose/plan/images.hpp"
#include "compose/ui/progress.hpp"
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
        descriptor.media_type = built.manifest_type;
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

// Whoever reads JSON lines gets nothing else.
bool is_for_people(const Session& session) {
    const auto* view = dynamic_cast<const ui::ProgressView*>(session.context().progress);
    return view == nullptr ||
           (view->mode() != ui::ProgressMode::json && view->mode() != ui::ProgressMode::rawjson);
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
        else if (is_for_people(session))
            session.say(
                concat("built ", built.image.id, " (", built.steps, " steps, ", built.cached, " cached)\n"));
        return 0;
    };
}

constexpr std::array<Command, 1> k_commands{
    {{"build", "[OPTIONS] PATH|URL|-", "Build an image from a Dockerfile", setup_build, false, false}}};

} // namespace

std::span<const Command> build_commands() {
    return k_commands;
}

} // namespace berth::cli
