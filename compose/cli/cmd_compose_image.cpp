// compose pull, push
#include "compose/cli/command.hpp"
#include "compose/cli/project.hpp"
#include "compose/plan/images.hpp"
#include "runtime/image/push.hpp"

#include <array>

namespace berth::cli {

namespace {

struct PullFlags {
    std::vector<std::string> services;
    std::string policy = "always";
    bool ignore_buildable = false, ignore_failures = false, include_deps = false, quiet = false,
         no_parallel = false, parallel = true;
};

Result<int> pull(Session& session, const PullFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto project, load_project(session, flags.services));
    BERTH_ASSIGN_OR_RETURN(const auto graph, compose::Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto services,
                           graph.select(flags.services, flags.include_deps || flags.services.empty()));
    BERTH_TRY(session.show_progress(flags.quiet));
    int code = 0;
    std::map<std::string, bool> seen;
    for (const auto& name : services) {
        const auto& service = project.services.at(name);
        if (service.image.empty() || (flags.ignore_buildable && service.build)) continue;
        const auto reference = service.image;
        if (!seen.emplace(reference, true).second) continue;
        if (session.compose.dry_run) {
            session.print(concat("pull image ", reference, "\n"));
            continue;
        }
        const std::string& subject = name;
        if (flags.policy == "missing") {
            BERTH_ASSIGN_OR_RETURN(const auto present, image::find_image(session.context(), reference));
            if (present) {
                session.context().progress->finish(subject, "Skipped - Image is already present locally",
                                                   true);
                continue;
            }
        }
        session.context().progress->update(subject, "Pulling", 0, 0);
        auto pulled = compose::ensure_image(session.context(), reference, flags.policy, service.platform);
        if (pulled) {
            session.context().progress->finish(subject, "Pulled", true);
            continue;
        }
        session.context().progress->finish(subject, "Error", false);
        if (pulled.error().code() == ErrorCode::interrupted) return fail(std::move(pulled).error());
        // An image that can be built is a warning, as docker compose has it.
        if (service.build || flags.ignore_failures) {
            session.warn(pulled.error().to_string());
            continue;
        }
        session.report(pulled.error());
        code = 1;
    }
    return code;
}

Run setup_pull(Flags& flags) {
    auto options = std::make_shared<PullFlags>();
    flags.toggle("--ignore-buildable", options->ignore_buildable, "Ignore images that can be built");
    flags.toggle("--ignore-pull-failures", options->ignore_failures,
                 "Pull what it can and ignores images with pull failures");
    flags.toggle("--include-deps", options->include_deps, "Also pull services declared as dependencies");
    flags.toggle("--no-parallel", options->no_parallel, "Layers are always pulled in parallel").hide();
    flags.toggle("--parallel", options->parallel, "Layers are always pulled in parallel").hide();
    flags.choice("--policy", options->policy, {"missing", "always"},
                 "Apply pull policy (\"missing\"|\"always\")");
    flags.toggle("-q,--quiet", options->quiet, "Pull without printing progress information");
    flags.arguments(options->services, 0);
    return [options](Session& session) { return pull(session, *options); };
}

struct PushFlags {
    std::vector<std::string> services;
    bool ignore_failures = false, include_deps = false, quiet = false;
};

// What a service's build makes: its image, and its further tags. Images of others are not pushed.
Result<int> push(Session& session, const PushFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto project, load_project(session, flags.services));
    BERTH_ASSIGN_OR_RETURN(const auto graph, compose::Graph::make(project));
    BERTH_ASSIGN_OR_RETURN(const auto services,
                           graph.select(flags.services, flags.include_deps || flags.services.empty()));
    BERTH_TRY(session.show_progress(flags.quiet));
    int code = 0;
    for (const auto& name : services) {
        const auto& service = project.services.at(name);
        if (!service.build || service.image.empty()) {
            session.context().progress->finish(name, "Skipped", true);
            continue;
        }
        std::vector<std::string> tags{service.image};
        tags.insert(tags.end(), service.build->tags.begin(), service.build->tags.end());
        for (const auto& tag : tags) {
            if (session.compose.dry_run) {
                session.print(concat("push image ", tag, "\n"));
                continue;
            }
            BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(tag));
            const std::string subject = concat("Pushing ", tag);
            session.context().progress->update(subject, "Pushing", 0, 0);
            auto pushed = image::push_image(session.context(), reference);
            session.context().progress->finish(subject, pushed ? "Pushed" : "Error", bool(pushed));
            if (pushed) continue;
            if (pushed.error().code() == ErrorCode::interrupted) return fail(std::move(pushed).error());
            auto error = std::move(pushed).error().context(concat("push ", tag, " of service ", name));
            if (flags.ignore_failures) {
                session.warn(error.to_string());
                continue;
            }
            session.report(error);
            code = 1;
        }
    }
    return code;
}

Run setup_push(Flags& flags) {
    auto options = std::make_shared<PushFlags>();
    flags.toggle("--ignore-push-failures", options->ignore_failures,
                 "Push what it can and ignores images with push failures");
    flags.toggle("--include-deps", options->include_deps,
                 "Also push images of services declared as dependencies");
    flags.toggle("-q,--quiet", options->quiet, "Push without printing progress information");
    flags.arguments(options->services, 0);
    return [options](Session& session) { return push(session, *options); };
}

constexpr std::array<Command, 2> k_commands{
    {{"compose pull", "[OPTIONS] [SERVICE...]", "Pull service images", setup_pull, false, false},
     {"compose push", "[OPTIONS] [SERVICE...]", "Push service images", setup_push, false, false}}};

} // namespace

std::span<const Command> compose_image_commands() {
    return k_commands;
}

} // namespace berth::cli
