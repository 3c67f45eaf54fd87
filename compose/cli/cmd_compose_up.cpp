// compose up, create, plan, down
#include "compose/cli/attached_up.hpp"
#include "compose/cli/command.hpp"
#include "compose/cli/project.hpp"

#include <array>
#include <cstdlib>

namespace berth::cli {

namespace {

struct UpFlags {
    compose::UpOptions up;
    AttachOptions attach;
    std::vector<std::string> services, scale;
    std::optional<std::int64_t> wait_timeout, timeout;
    std::optional<bool> menu;
    bool detach = false, quiet_pull = false, quiet_build = false, yes = false;
};

bool environment_flag(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) return false;
    const auto parsed = parse_bool(value);
    return parsed && *parsed;
}

void declare_common(Flags& flags, UpFlags& f) {
    flags.toggle("--build", f.up.build, "Build images before starting containers");
    flags.toggle("--force-recreate", f.up.force_recreate,
                 "Recreate containers even if their configuration and image haven't changed");
    flags.toggle("--no-build", f.up.no_build, "Don't build an image, even if it's policy");
    flags.toggle("--no-recreate", f.up.no_recreate,
                 "If containers already exist, don't recreate them. Incompatible with --force-recreate.");
    flags.choice("--pull", f.up.pull, {"always", "missing", "never", "build", "policy"},
                 "Pull image before running (\"always\"|\"missing\"|\"never\")");
    flags.toggle("--quiet-pull", f.quiet_pull, "Pull without printing progress information");
    flags.toggle("--remove-orphans", f.up.remove_orphans,
                 "Remove containers for services not defined in the Compose file");
    flags.list("--scale", f.scale,
               "Scale SERVICE to NUM instances. Overrides the scale setting in the Compose file if present.",
               "scale");
    flags.toggle("-y,--yes", f.yes, "Assume \"yes\" as answer to all prompts (there are none)");
    flags.arguments(f.services, 0);
}

void declare_up(Flags& flags, UpFlags& f) {
    declare_common(flags, f);
    flags.toggle("--abort-on-container-exit", f.attach.abort_on_exit,
                 "Stops all containers if any container was stopped. Incompatible with -d");
    flags.toggle("--abort-on-container-failure", f.attach.abort_on_failure,
                 "Stops all containers if any container exited with failure. Incompatible with -d");
    flags.toggle("--always-recreate-deps", f.up.always_recreate_deps,
                 "Recreate dependent containers. Incompatible with --no-recreate.");
    flags.list("--attach", f.attach.only,
               "Restrict attaching to the specified services. Incompatible with --attach-dependencies.",
               "stringArray");
    flags.toggle("--attach-dependencies", f.attach.dependencies,
                 "Automatically attach to log output of dependent services");
    flags.toggle("-d,--detach", f.detach, "Detached mode: Run containers in the background");
    flags.text("--exit-code-from", f.attach.exit_code_from,
               "Return the exit code of the selected service container. Implies --abort-on-container-exit");
    flags.list("--no-attach", f.attach.except, "Do not attach (stream logs) to the specified services",
               "stringArray");
    flags.toggle("--menu", f.menu, "Interactive shortcuts while attached: only --menu=false, there are none")
        .hide();
    flags.toggle("--no-color", f.attach.no_color, "Produce monochrome output");
    flags.toggle("--no-deps", f.up.no_deps, "Don't start linked services");
    flags.toggle("--no-log-prefix", f.attach.no_prefix, "Don't print prefix in logs");
    flags.toggle("--no-start", f.up.no_start, "Don't start the services after creating them");
    flags.toggle("--quiet-build", f.quiet_build, "Suppress the build output");
    flags.toggle("-V,--renew-anon-volumes", f.up.renew_anon_volumes,
                 "Recreate anonymous volumes instead of retrieving data from the previous containers");
    flags.number("-t,--timeout", f.timeout,
                 "Use this timeout in seconds for container shutdown when attached or when containers are "
                 "already running",
                 -1, 1'000'000'000);
    flags.toggle("--timestamps", f.attach.timestamps, "Show timestamps");
    flags.toggle("--wait", f.up.wait, "Wait for services to be running|healthy. Implies detached mode.");
    flags.number("--wait-timeout", f.wait_timeout,
                 "Maximum duration in seconds to wait for the project to be running|healthy", 0,
                 1'000'000'000);
}

Status check_flags(const UpFlags& f) {
    if (f.menu.value_or(false))
        return fail(Error(ErrorCode::unsupported, "up --menu: there are no interactive shortcuts")
                        .hint("say --menu=false, or leave it out"));
    const auto conflict = [](const char* a, const char* b) {
        return fail(ErrorCode::usage, concat(a, " and ", b, " are incompatible"));
    };
    if (f.up.force_recreate && f.up.no_recreate) return conflict("--force-recreate", "--no-recreate");
    if (f.up.always_recreate_deps && f.up.no_recreate)
        return conflict("--always-recreate-deps", "--no-recreate");
    if (f.up.build && f.up.no_build) return conflict("--build", "--no-build");
    const bool aborts =
        f.attach.abort_on_exit || f.attach.abort_on_failure || !f.attach.exit_code_from.empty();
    if (f.detach && aborts)
        return conflict("--detach",
                        f.attach.exit_code_from.empty() ? "--abort-on-container-exit" : "--exit-code-from");
    if (f.up.wait && aborts) return conflict("--wait", "--abort-on-container-exit");
    if (f.detach && !f.attach.only.empty()) return conflict("--detach", "--attach");
    if (f.attach.dependencies && !f.attach.only.empty()) return conflict("--attach", "--attach-dependencies");
    return {};
}

Result<compose::UpOptions> up_options(const UpFlags& f) {
    BERTH_TRY(check_flags(f));
    auto options = f.up;
    options.services = f.services;
    options.timeout = seconds_of(f.timeout);
    if (options.pull == "policy") options.pull.clear();
    if (options.pull == "build") {
        options.pull.clear();
        options.build = true;
    }
    options.remove_orphans = options.remove_orphans || environment_flag("COMPOSE_REMOVE_ORPHANS");
    options.ignore_orphans = environment_flag("COMPOSE_IGNORE_ORPHANS");
    for (const auto& word : f.scale) {
        const auto equals = word.find('=');
        auto count = equals == std::string::npos ? Result<std::int64_t>(0)
                                                 : parse_integer(word.substr(equals + 1), 0, 100'000);
        if (equals == std::string::npos || equals == 0 || !count)
            return fail(Error(ErrorCode::usage, concat("--scale '", word, "' is not SERVICE=NUM")));
        options.scale[word.substr(0, equals)] = *count;
    }
    return options;
}

Result<int> up(Session& session, const UpFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto options, up_options(flags));
    auto targeted = flags.services;
    for (const auto& [service, count] : options.scale)
        targeted.push_back(service);
    BERTH_ASSIGN_OR_RETURN(const auto project,
                           load_project(session, flags.services.empty() ? flags.services : targeted));
    if (!flags.attach.exit_code_from.empty())
        BERTH_TRY(check_services(project, {flags.attach.exit_code_from}));
    BERTH_TRY(check_services(project, flags.attach.only));
    BERTH_TRY(check_services(project, flags.attach.except));
    BERTH_TRY(session.show_progress());
    BERTH_TRY(load_bundled_images(session));
    if (session.compose.dry_run) return show_up_plan(session, project, options);
    auto execute = execute_options(session);
    execute.undo = true;
    if (flags.wait_timeout && *flags.wait_timeout > 0)
        execute.wait_timeout = std::chrono::seconds(*flags.wait_timeout);
    const auto began = wall_now();
    PlanProgress events(session);
    BERTH_TRY(compose::apply_up(session.context(), project, options, execute, events));
    session.end_progress();
    if (flags.detach || options.no_start || options.wait) return 0;
    auto attach = flags.attach;
    attach.services = flags.services;
    attach.no_deps = options.no_deps;
    attach.timeout = options.timeout;
    return follow_project(session, project, attach, began);
}

Run setup_up(Flags& flags) {
    auto options = std::make_shared<UpFlags>();
    declare_up(flags, *options);
    return [options](Session& session) { return up(session, *options); };
}

Run setup_create(Flags& flags) {
    auto options = std::make_shared<UpFlags>();
    declare_common(flags, *options);
    options->up.no_start = true;
    return [options](Session& session) { return up(session, *options); };
}

Run setup_plan(Flags& flags) {
    auto options = std::make_shared<UpFlags>();
    declare_common(flags, *options);
    flags.toggle("--always-recreate-deps", options->up.always_recreate_deps, "Recreate dependent containers");
    flags.toggle("--no-deps", options->up.no_deps, "Don't start linked services");
    flags.toggle("--no-start", options->up.no_start, "Don't start the services after creating them");
    flags.toggle("--wait", options->up.wait, "Wait for services to be running|healthy");
    return [options](Session& session) {
        session.compose.dry_run = true;
        return up(session, *options);
    };
}

struct DownFlags {
    compose::DownOptions down;
    std::optional<std::int64_t> timeout;
};

Run setup_down(Flags& flags) {
    auto options = std::make_shared<DownFlags>();
    flags.toggle("--remove-orphans", options->down.remove_orphans,
                 "Remove containers for services not defined in the Compose file");
    flags.choice("--rmi", options->down.rmi, {"local", "all"},
                 "Remove images used by services. \"local\" remove only images that don't have a custom tag "
                 "(\"local\"|\"all\")");
    flags.number("-t,--timeout", options->timeout, "Specify a shutdown timeout in seconds", -1,
                 1'000'000'000);
    flags.toggle("-v,--volumes", options->down.volumes,
                 "Remove named volumes declared in the \"volumes\" section of the Compose file and anonymous "
                 "volumes attached to containers");
    flags.arguments(options->down.services, 0);
    return [options](Session& session) -> Result<int> {
        auto down = options->down;
        down.timeout = seconds_of(options->timeout);
        down.remove_orphans = down.remove_orphans || environment_flag("COMPOSE_REMOVE_ORPHANS");
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, down.services));
        BERTH_TRY(session.show_progress());
        if (session.compose.dry_run) {
            BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(session.context(), project.name));
            BERTH_ASSIGN_OR_RETURN(const auto plan, compose::plan_down(project, observed, down));
            return run_plan(session, project, plan);
        }
        PlanProgress events(session);
        BERTH_ASSIGN_OR_RETURN(const auto done,
                               compose::apply_down(session.context(), project, down, events));
        session.end_progress();
        if (done.nodes.empty())
            session.warn(concat("No resource found to remove for project \"", project.name, "\"."));
        return 0;
    };
}

constexpr std::array<Command, 4> k_commands{
    {{"compose up", "[OPTIONS] [SERVICE...]", "Create and start containers", setup_up, false, false},
     {"compose create", "[OPTIONS] [SERVICE...]", "Creates containers for a service", setup_create, false,
      false},
     {"compose plan", "[OPTIONS] [SERVICE...]", "Show what up would do, and why", setup_plan, false, false},
     {"compose down", "[OPTIONS] [SERVICES]", "Stop and remove containers, networks", setup_down, false,
      false}}};

} // namespace

std::span<const Command> compose_up_commands() {
    return k_commands;
}

} // namespace berth::cli
