// compose run, exec, attach
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/foreground.hpp"
#include "compose/cli/oneoff.hpp"
#include "compose/cli/project.hpp"
#include "compose/plan/bring_up.hpp"

#include <array>
#include <unistd.h>

namespace berth::cli {

namespace {

Result<int> run(Session& session, const OneoffFlags& flags) {
    const auto& name = flags.words[0];
    BERTH_TRY(refuse_dry_run(session, "run"));
    BERTH_ASSIGN_OR_RETURN(const auto project, load_project(session, {name}));
    BERTH_TRY(check_services(project, {name}));
    const auto found = project.services.find(name);
    if (found == project.services.end()) return fail(ErrorCode::not_found, concat("no such service: ", name));
    const auto& service = found->second;
    BERTH_TRY(session.show_progress(flags.quiet || flags.quiet_pull || flags.quiet_build));
    BERTH_TRY(load_bundled_images(session));
    BERTH_TRY(start_dependencies(session, project, service, flags));
    BERTH_ASSIGN_OR_RETURN(const auto container, create_oneoff(session, project, service, flags));
    const auto& context = session.context();
    const auto& id = container.spec.id;
    session.end_progress();
    const auto remove_after = [&] {
        if (flags.rm) (void)compose::remove_container(context, id, true, true);
    };
    if (flags.detach) {
        if (auto started = compose::start_container(context, id); !started) {
            remove_after();
            return fail(std::move(started).error());
        }
        session.print(id + "\n");
        return 0;
    }
    ForegroundOptions options;
    options.cleans_up = true;
    options.in = container.spec.open_stdin;
    options.tty = container.spec.tty;
    auto code = run_in_foreground(session, id, options, [&](const runtime::AttachStreams& streams) {
        return start_attached(context, id, streams);
    });
    if (!code) remove_after();
    return code;
}

Run setup_run(Flags& flags) {
    auto o = std::make_shared<OneoffFlags>();
    flags.toggle("--build", o->build, "Build image before starting container");
    flags.list("--cap-add", o->cap_add, "Add Linux capabilities");
    flags.list("--cap-drop", o->cap_drop, "Drop Linux capabilities");
    flags.toggle("-d,--detach", o->detach, "Run container in background and print container ID");
    flags.text("--entrypoint", o->entrypoint, "Override the entrypoint of the image");
    flags.list("-e,--env", o->env, "Set environment variables", "stringArray");
    flags.list("--env-from-file", o->env_from_file, "Set environment variables from file", "stringArray");
    flags.toggle("-i,--interactive", o->interactive, "Keep STDIN open even if not attached (default true)");
    flags.list("-l,--label", o->label, "Add or override a label", "stringArray");
    flags.text("--name", o->name, "Assign a name to the container");
    flags.toggle("--no-deps", o->no_deps, "Don't start linked services");
    flags.toggle("-T,--no-tty", o->no_tty, "Disable pseudo-TTY allocation (default: auto-detected)");
    flags.toggle("--no-TTY", o->no_tty, "As --no-tty").hide();
    flags.list("-p,--publish", o->publish, "Publish a container's port(s) to the host", "stringArray");
    flags.choice("--pull", o->pull, {"always", "missing", "never", "policy"},
                 "Pull image before running (\"always\"|\"missing\"|\"never\")");
    flags.toggle("-q,--quiet", o->quiet, "Don't print anything to STDOUT");
    flags.toggle("--quiet-build", o->quiet_build, "Suppress progress output from the build process");
    flags.toggle("--quiet-pull", o->quiet_pull, "Pull without printing progress information");
    flags.toggle("--remove-orphans", o->remove_orphans,
                 "Remove containers for services not defined in the Compose file");
    flags.toggle("--rm", o->rm, "Automatically remove the container when it exits");
    flags.toggle("-P,--service-ports", o->service_ports,
                 "Run command with all service's ports enabled and mapped to the host");
    flags.toggle("-t,--tty", o->tty, "Allocate a pseudo-TTY").hide();
    flags.toggle("--use-aliases", o->use_aliases,
                 "Use the service's network useAliases in the network(s) the container connects to");
    flags.text("-u,--user", o->user, "Run as specified username or uid");
    flags.list("-v,--volume", o->volume, "Bind mount a volume", "stringArray");
    flags.text("-w,--workdir", o->workdir, "Working directory inside the container");
    flags.options_first().arguments(o->words, 1);
    return [o](Session& session) { return run(session, *o); };
}

struct ExecFlags {
    runtime::ExecRequest request;
    std::vector<std::string> words, env;
    std::optional<std::int64_t> index;
    std::optional<bool> tty, interactive;
    bool no_tty = false;
};

Result<int> exec(Session& session, const ExecFlags& flags) {
    BERTH_TRY(refuse_dry_run(session, "exec"));
    BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, {flags.words[0]}));
    BERTH_ASSIGN_OR_RETURN(const auto container, service_container(session.context(), project, flags.words[0],
                                                                   flags.index.value_or(0)));
    auto request = flags.request;
    request.argv.assign(flags.words.begin() + 1, flags.words.end());
    BERTH_ASSIGN_OR_RETURN(request.env, environment_of(flags.env, {}));
    std::erase_if(request.env, [](const auto& word) { return word.find('=') == std::string::npos; });
    const bool terminal = ui::is_terminal(STDIN_FILENO) && ui::is_terminal(STDOUT_FILENO);
    request.tty = !flags.no_tty && !request.detach && flags.tty.value_or(terminal) && terminal;
    return exec_in_foreground(session, container.spec.id, request,
                              !request.detach && flags.interactive.value_or(true));
}

Run setup_exec(Flags& flags) {
    auto o = std::make_shared<ExecFlags>();
    flags.toggle("-d,--detach", o->request.detach, "Detached mode: Run command in the background");
    flags.list("-e,--env", o->env, "Set environment variables", "stringArray");
    flags.number("--index", o->index, "Index of the container if service has multiple replicas", 0,
                 1'000'000);
    flags.toggle("-i,--interactive", o->interactive, "Keep STDIN open even if not attached").hide();
    flags.toggle("-T,--no-tty", o->no_tty,
                 "Disable pseudo-TTY allocation. By default a TTY is allocated on a terminal.");
    flags.toggle("--no-TTY", o->no_tty, "As --no-tty").hide();
    flags.toggle("--privileged", o->request.privileged, "Give extended privileges to the process");
    flags.toggle("-t,--tty", o->tty, "Allocate a pseudo-TTY").hide();
    flags.text("-u,--user", o->request.user, "Run the command as this user");
    flags.text("-w,--workdir", o->request.working_dir, "Path to workdir directory for this command");
    flags.options_first().arguments(o->words, 2);
    return [o](Session& session) { return exec(session, *o); };
}

struct AttachFlags {
    std::vector<std::string> words;
    std::optional<std::int64_t> index;
    std::string detach_keys;
    bool no_stdin = false, sig_proxy = true;
};

Run setup_attach(Flags& flags) {
    auto o = std::make_shared<AttachFlags>();
    flags.text("--detach-keys", o->detach_keys, "Override the key sequence for detaching from a container.");
    flags.number("--index", o->index, "index of the container if service has multiple replicas.", 0,
                 1'000'000);
    flags.toggle("--no-stdin", o->no_stdin, "Do not attach STDIN");
    flags.toggle("--sig-proxy", o->sig_proxy, "Proxy all received signals to the process");
    flags.arguments(o->words, 1, 1);
    return [o](Session& session) -> Result<int> {
        BERTH_TRY(refuse_dry_run(session, "attach"));
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, o->words));
        BERTH_ASSIGN_OR_RETURN(const auto container, service_container(session.context(), project,
                                                                       o->words[0], o->index.value_or(0)));
        ForegroundOptions options;
        options.in = container.spec.open_stdin && !o->no_stdin;
        options.tty = container.spec.tty;
        options.sig_proxy = o->sig_proxy && !options.tty;
        options.detach_keys = o->detach_keys;
        options.joins = true;
        return run_in_foreground(session, container.spec.id, options,
                                 [&](const runtime::AttachStreams& streams) {
                                     return attach_running(session.context(), container.spec.id, streams);
                                 });
    };
}

constexpr std::array<Command, 3> k_commands{
    {{"compose run", "[OPTIONS] SERVICE [COMMAND] [ARGS...]", "Run a one-off command on a service", setup_run,
      false, false},
     {"compose exec", "[OPTIONS] SERVICE COMMAND [ARGS...]", "Execute a command in a running container",
      setup_exec, false, false},
     {"compose attach", "[OPTIONS] SERVICE",
      "Attach local standard input, output, and error streams to a service's running container", setup_attach,
      false, false}}};

} // namespace

std::span<const Command> compose_run_commands() {
    return k_commands;
}

} // namespace berth::cli
