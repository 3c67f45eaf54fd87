#include "compose/cli/oneoff.hpp"

#include "compose/cli/container_flags.hpp"
#include "compose/cli/mount_syntax.hpp"
#include "compose/cli/port_syntax.hpp"
#include "compose/plan/images.hpp"
#include "compose/plan/lower.hpp"
#include "compose/plan/naming.hpp"
#include "runtime/base/id.hpp"
#include "runtime/container/lifecycle.hpp"

#include <algorithm>

namespace berth::cli {

namespace {

// One container of a service that this one depends on, until the condition holds.
Status await_condition(const Context& context, const runtime::Container& container,
                       const compose::Dependency& dependency) {
    using compose::DependencyCondition;
    const bool healthy = dependency.condition == DependencyCondition::healthy;
    context.progress->update(concat("Container ", container.spec.name), "Waiting", 0, 0);
    BERTH_ASSIGN_OR_RETURN(
        const auto state,
        runtime::wait_until(context, container.spec.id, [&](const runtime::ContainerState& now) {
            return healthy &&
                   (now.health == runtime::Health::healthy || now.health == runtime::Health::unhealthy);
        }));
    const bool met = healthy ? state.health == runtime::Health::healthy
                             : state.status == runtime::Status::exited && state.exit_code == 0;
    context.progress->finish(concat("Container ", container.spec.name),
                             met ? (healthy ? "Healthy" : "Exited") : "Error", met);
    if (met || !dependency.required) return {};
    Error error(ErrorCode::failed, healthy ? concat("dependency ", container.spec.name, " is unhealthy")
                                           : concat("dependency ", container.spec.name,
                                                    " didn't complete successfully: exit ", state.exit_code));
    if (!state.probes.empty()) error.note(concat("its last check said: ", state.probes.back().output));
    return fail(std::move(error).at(dependency.at));
}

// Only what a container needs beside it: networks and volumes.
Status ensure_surroundings(Session& session, const compose::Project& project, const std::string& service) {
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(context, project.name));
    compose::UpOptions options;
    options.services = {service};
    options.no_deps = true;
    options.no_start = true;
    options.no_recreate = true; // a network whose settings changed stays as it is
    options.ignore_orphans = true;
    options.images_prepared = true;
    BERTH_ASSIGN_OR_RETURN(options.image_ids, compose::find_image_ids(context, project));
    BERTH_ASSIGN_OR_RETURN(auto plan, compose::plan_up(project, observed, options));
    std::erase_if(plan.nodes, [](const compose::PlanNode& node) {
        return !std::holds_alternative<compose::CreateNetwork>(node.operation) &&
               !std::holds_alternative<compose::CreateVolume>(node.operation);
    });
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
        plan.nodes[i].id = i;
        plan.nodes[i].after.clear();
    }
    plan.running.clear(); // the service's own containers have no part in this
    PlanProgress events(session);
    return compose::execute(context, project, plan, execute_options(session), events);
}

Status apply_flags(const Context&, compose::ContainerRequest& request, const OneoffFlags& flags,
                   const std::string& folder) {
    auto& spec = request.spec;
    if (flags.entrypoint) {
        BERTH_ASSIGN_OR_RETURN(auto words, split_shell_words(*flags.entrypoint));
        request.entrypoint = std::move(words);
        request.command = std::vector<std::string>{};
    }
    if (flags.words.size() > 1)
        request.command = std::vector<std::string>(flags.words.begin() + 1, flags.words.end());
    BERTH_ASSIGN_OR_RETURN(const auto environment, environment_of(flags.env, flags.env_from_file));
    request.environment.insert(request.environment.end(), environment.begin(), environment.end());
    if (!flags.user.empty()) spec.user = flags.user;
    if (!flags.workdir.empty()) spec.working_dir = flags.workdir;
    for (auto& [key, value] : labels_of(flags.label))
        spec.labels[key] = value;
    spec.cap_add.insert(spec.cap_add.end(), flags.cap_add.begin(), flags.cap_add.end());
    spec.cap_drop.insert(spec.cap_drop.end(), flags.cap_drop.begin(), flags.cap_drop.end());
    for (const auto& text : flags.volume) {
        BERTH_ASSIGN_OR_RETURN(auto mount, parse_volume_flag(text, folder));
        std::erase_if(request.mounts, [&](const auto& other) { return other.target == mount.target; });
        request.mounts.push_back(std::move(mount));
    }
    for (const auto& text : flags.publish) {
        BERTH_ASSIGN_OR_RETURN(const auto ports, parse_published(text));
        spec.network.asked_ports.insert(spec.network.asked_ports.end(), ports.begin(), ports.end());
    }
    spec.auto_remove = flags.rm;
    return {};
}

} // namespace

Status start_dependencies(Session& session, const compose::Project& project, const compose::Service& service,
                          const OneoffFlags& flags) {
    if (flags.no_deps) return {};
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(const auto graph, compose::Graph::make(project));
    compose::UpOptions up;
    for (const auto& edge : graph.dependencies(service.name))
        up.services.push_back(edge.dependency.service);
    if (up.services.empty()) return {};
    up.no_recreate = true; // what runs stays: one command must not restart a database
    up.remove_orphans = flags.remove_orphans;
    up.ignore_orphans = true;
    auto execute = execute_options(session);
    execute.undo = true;
    PlanProgress events(session);
    BERTH_TRY(compose::apply_up(context, project, up, execute, events));
    for (const auto& edge : graph.dependencies(service.name)) {
        if (edge.dependency.condition == compose::DependencyCondition::started) continue;
        BERTH_ASSIGN_OR_RETURN(
            const auto containers,
            project_containers(context, project, {{edge.dependency.service}, true, false, true}));
        for (const auto& container : containers)
            BERTH_TRY(await_condition(context, container, edge.dependency));
    }
    return {};
}

Result<runtime::Container> create_oneoff(Session& session, const compose::Project& project,
                                         const compose::Service& service, const OneoffFlags& flags) {
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(
        const auto image,
        compose::ensure_service_image(context, project, service, flags.build, flags.pull == "always", {}));
    BERTH_TRY(ensure_surroundings(session, project, service.name));
    compose::LowerOptions lower;
    lower.name = flags.name.empty() ? concat(project.name, "-", service.name, "-run-", short_id(make_id()))
                                    : flags.name;
    lower.oneoff = true;
    lower.service_ports = flags.service_ports;
    lower.use_aliases = flags.use_aliases;
    lower.image_id = image.id;
    BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(context, project.name));
    for (const auto& other : observed.containers)
        if (!other.oneoff) lower.container_ids.emplace(other.service, other.id);
    BERTH_ASSIGN_OR_RETURN(auto request, compose::lower_service(project, service, lower));
    BERTH_TRY(apply_flags(context, request, flags, current_folder()));
    request.spec.image_id = image.id;
    request.spec.labels["com.docker.compose.slug"] = lower.name;
    const bool terminal = ui::is_terminal(STDIN_FILENO) && ui::is_terminal(STDOUT_FILENO);
    const bool interactive = !flags.detach && flags.interactive.value_or(true);
    request.spec.open_stdin = interactive || service.stdin_open;
    request.spec.attach_stdin = request.spec.stdin_once = interactive;
    request.spec.tty = !flags.no_tty && flags.tty.value_or(flags.detach ? service.tty : terminal);
    return compose::create_container(context, std::move(request));
}

} // namespace berth::cli
