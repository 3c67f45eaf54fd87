// compose start, stop, restart, kill, rm, pause, unpause, scale, wait
#include "compose/cli/command.hpp"
#include "compose/cli/project.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/lifecycle.hpp"

#include <array>

namespace berth::cli {

namespace {

struct ServiceFlags {
    compose::ServiceOptions options;
    std::optional<std::int64_t> timeout, wait_timeout;
    std::string signal = "SIGKILL";
    bool force = false, all = false;
};

using Planner = Result<compose::Plan> (*)(const compose::Project&, const compose::Observed&,
                                          const compose::ServiceOptions&);

// What every verb of this file does: load, lock, observe, plan, execute.
// `nothing`: said when there is nothing to do.
Result<int> run_verb(Session& session, const ServiceFlags& flags, Planner planner,
                     std::string_view nothing = {}) {
    const auto& context = session.context();
    auto options = flags.options;
    options.timeout = seconds_of(flags.timeout);
    BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options.services));
    BERTH_TRY(check_services(project, options.services));
    BERTH_TRY(session.show_progress());
    BERTH_ASSIGN_OR_RETURN(const auto lock, compose::lock_project(context, project.name));
    BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(context, project.name));
    BERTH_ASSIGN_OR_RETURN(const auto plan, planner(project, observed, options));
    if (plan.empty() && !nothing.empty()) {
        session.say(concat(nothing, "\n"));
        return 0;
    }
    auto execute = execute_options(session);
    if (flags.wait_timeout && *flags.wait_timeout > 0)
        execute.wait_timeout = std::chrono::seconds(*flags.wait_timeout);
    return run_plan(session, project, plan, execute);
}

Run setup_stop(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.number("-t,--timeout", options->timeout, "Specify a shutdown timeout in seconds", -1,
                 1'000'000'000);
    flags.arguments(options->options.services, 0);
    return [options](Session& session) { return run_verb(session, *options, compose::plan_stop); };
}

Run setup_start(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.toggle("--wait", options->options.wait,
                 "Wait for services to be running|healthy. Implies detached mode.");
    flags.number("--wait-timeout", options->wait_timeout,
                 "Maximum duration in seconds to wait for the project to be running|healthy", 0,
                 1'000'000'000);
    flags.arguments(options->options.services, 0);
    return [options](Session& session) { return run_verb(session, *options, compose::plan_start); };
}

Run setup_restart(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.toggle("--no-deps", options->options.no_deps, "Don't restart dependent services");
    flags.number("-t,--timeout", options->timeout, "Specify a shutdown timeout in seconds", -1,
                 1'000'000'000);
    flags.arguments(options->options.services, 0);
    return [options](Session& session) { return run_verb(session, *options, compose::plan_restart); };
}

Run setup_kill(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.toggle("--remove-orphans", options->options.remove_orphans,
                 "Remove containers for services not defined in the Compose file");
    flags.text("-s,--signal", options->signal, "SIGNAL to send to the container");
    flags.arguments(options->options.services, 0);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(options->options.signal, parse_signal(options->signal));
        return run_verb(session, *options, compose::plan_kill, "no container to kill");
    };
}

Run setup_pause(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.arguments(options->options.services, 0);
    return [options](Session& session) { return run_verb(session, *options, compose::plan_pause); };
}

Run setup_unpause(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.arguments(options->options.services, 0);
    return [options](Session& session) { return run_verb(session, *options, compose::plan_unpause); };
}

Run setup_rm(Flags& flags) {
    auto options = std::make_shared<ServiceFlags>();
    flags.toggle("-a,--all", options->all, "Deprecated - no effect").hide();
    flags.toggle("-f,--force", options->force, "Don't ask to confirm removal");
    flags.toggle("-s,--stop", options->options.stop, "Stop the containers, if required, before removing");
    flags.toggle("-v,--volumes", options->options.volumes,
                 "Remove any anonymous volumes attached to containers");
    flags.arguments(options->options.services, 0);
    return [options](Session& session) -> Result<int> {
        if (session.compose.dry_run) return run_verb(session, *options, compose::plan_rm);
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->options.services));
        ContainerChoice choice;
        choice.services = options->options.services;
        BERTH_ASSIGN_OR_RETURN(auto containers, project_containers(session.context(), project, choice));
        if (!options->options.stop)
            std::erase_if(containers, [](const auto& c) {
                return c.state.status != runtime::Status::exited &&
                       c.state.status != runtime::Status::created && c.state.status != runtime::Status::dead;
            });
        if (containers.empty()) {
            session.say("No stopped containers\n");
            return 0;
        }
        std::vector<std::string> names;
        for (const auto& container : containers)
            names.push_back(container.spec.name);
        session.print(concat("Going to remove ", join(names, ", "), "\n"));
        session.flush();
        if (!options->force && !confirm(session, "Are you sure?")) return 0;
        return run_verb(session, *options, compose::plan_rm);
    };
}

struct ScaleFlags {
    std::vector<std::string> words;
    bool no_deps = false;
};

Run setup_scale(Flags& flags) {
    auto options = std::make_shared<ScaleFlags>();
    flags.toggle("--no-deps", options->no_deps, "Don't start linked services");
    flags.arguments(options->words, 1);
    return [options](Session& session) -> Result<int> {
        compose::UpOptions up;
        up.no_deps = options->no_deps;
        for (const auto& word : options->words) {
            const auto equals = word.find('=');
            auto count = equals == std::string::npos ? Result<std::int64_t>(0)
                                                     : parse_integer(word.substr(equals + 1), 0, 100'000);
            if (equals == std::string::npos || equals == 0 || !count)
                return fail(ErrorCode::usage, concat("'", word, "' is not SERVICE=REPLICAS"));
            up.services.push_back(word.substr(0, equals));
            up.scale[word.substr(0, equals)] = *count;
        }
        BERTH_ASSIGN_OR_RETURN(const auto project, load_project(session, up.services));
        BERTH_TRY(check_services(project, up.services));
        BERTH_TRY(session.show_progress());
        BERTH_TRY(load_bundled_images(session));
        if (session.compose.dry_run) return show_up_plan(session, project, up);
        PlanProgress events(session);
        auto execute = execute_options(session);
        execute.undo = true;
        BERTH_TRY(compose::apply_up(session.context(), project, up, execute, events));
        return 0;
    };
}

struct WaitFlags {
    std::vector<std::string> services;
    bool down_project = false;
};

Run setup_wait(Flags& flags) {
    auto options = std::make_shared<WaitFlags>();
    flags.toggle("--down-project", options->down_project, "Drops project when the first container stops");
    flags.arguments(options->services, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_TRY(refuse_dry_run(session, "wait"));
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->services));
        ContainerChoice choice;
        choice.services = options->services;
        choice.all = false;
        BERTH_ASSIGN_OR_RETURN(const auto containers, project_containers(session.context(), project, choice));
        if (containers.empty())
            return fail(ErrorCode::failed, concat("no containers for project \"", project.name, "\""));
        std::int64_t code = 0;
        for (const auto& container : containers) {
            const auto never = [](const runtime::ContainerState&) { return false; };
            BERTH_ASSIGN_OR_RETURN(const auto state,
                                   runtime::wait_until(session.context(), container.spec.id, never));
            code = state.exit_code;
            session.print(
                concat("container \"", container.spec.name, "\" exited with status code ", code, "\n"));
            session.flush();
            if (options->down_project) break;
        }
        if (options->down_project) {
            BERTH_TRY(session.show_progress());
            PlanProgress events(session);
            BERTH_TRY(compose::apply_down(session.context(), project, {}, events));
        }
        return static_cast<int>(code);
    };
}

constexpr std::array<Command, 9> k_commands{
    {{"compose start", "[OPTIONS] [SERVICE...]", "Start services", setup_start, false, false},
     {"compose stop", "[OPTIONS] [SERVICE...]", "Stop services", setup_stop, false, false},
     {"compose restart", "[OPTIONS] [SERVICE...]", "Restart service containers", setup_restart, false, false},
     {"compose kill", "[OPTIONS] [SERVICE...]", "Force stop service containers", setup_kill, false, false},
     {"compose rm", "[OPTIONS] [SERVICE...]", "Removes stopped service containers", setup_rm, false, false},
     {"compose pause", "[SERVICE...]", "Pause services", setup_pause, false, false},
     {"compose unpause", "[SERVICE...]", "Unpause services", setup_unpause, false, false},
     {"compose scale", "[OPTIONS] SERVICE=REPLICAS...", "Scale services", setup_scale, false, false},
     {"compose wait", "[OPTIONS] SERVICE [SERVICE...]",
      "Block until containers of all (or specified) services stop", setup_wait, false, false}}};

} // namespace

std::span<const Command> compose_lifecycle_commands() {
    return k_commands;
}

} // namespace berth::cli
