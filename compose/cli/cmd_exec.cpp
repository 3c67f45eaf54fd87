// exec, attach
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/foreground.hpp"
#include "runtime/container/exec.hpp"

#include <array>
#include <unistd.h>

namespace berth::cli {

namespace {

struct ExecFlags {
    runtime::ExecRequest request;
    std::vector<std::string> words, env, env_file;
    std::string detach_keys;
    bool interactive = false;
};

Result<int> exec(Session& session, ExecFlags flags) {
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), flags.words[0]));
    if (flags.request.tty && flags.interactive && !flags.request.detach && !ui::is_terminal(STDIN_FILENO))
        return fail(ErrorCode::failed, "the input device is not a TTY");
    flags.request.argv.assign(flags.words.begin() + 1, flags.words.end());
    BERTH_ASSIGN_OR_RETURN(flags.request.env, environment_of(flags.env, flags.env_file));
    std::erase_if(flags.request.env, [](const auto& word) { return word.find('=') == std::string::npos; });
    return exec_in_foreground(session, container.spec.id, flags.request, flags.interactive,
                              flags.detach_keys);
}

Run setup_exec(Flags& flags) {
    auto options = std::make_shared<ExecFlags>();
    flags.toggle("-d,--detach", options->request.detach, "Detached mode: run command in the background");
    flags.text("--detach-keys", options->detach_keys, "Override the key sequence for detaching a container");
    flags.list("-e,--env", options->env, "Set environment variables");
    flags.list("--env-file", options->env_file, "Read in a file of environment variables");
    flags.toggle("-i,--interactive", options->interactive, "Keep STDIN open even if not attached");
    flags.toggle("--privileged", options->request.privileged, "Give extended privileges to the command");
    flags.toggle("-t,--tty", options->request.tty, "Allocate a pseudo-TTY");
    flags.text("-u,--user", options->request.user, "Username or UID (format: <name|uid>[:<group|gid>])");
    flags.text("-w,--workdir", options->request.working_dir, "Working directory inside the container");
    flags.options_first().arguments(options->words, 2);
    return [options](Session& session) { return exec(session, *options); };
}

struct AttachFlags {
    std::vector<std::string> names;
    std::string detach_keys;
    bool no_stdin = false, sig_proxy = true;
};

Run setup_attach(Flags& flags) {
    auto options = std::make_shared<AttachFlags>();
    flags.text("--detach-keys", options->detach_keys, "Override the key sequence for detaching a container");
    flags.toggle("--no-stdin", options->no_stdin, "Do not attach STDIN");
    flags.toggle("--sig-proxy", options->sig_proxy, "Proxy all received signals to the process");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container,
                               runtime::get_container(session.context(), options->names[0]));
        if (container.state.status == runtime::Status::paused)
            return fail(ErrorCode::failed, "you cannot attach to a paused container, unpause it first");
        if (container.state.status != runtime::Status::running &&
            container.state.status != runtime::Status::restarting)
            return fail(ErrorCode::failed, "you cannot attach to a stopped container, start it first");
        ForegroundOptions streams;
        streams.in = container.spec.open_stdin && !options->no_stdin;
        streams.tty = container.spec.tty;
        streams.sig_proxy = options->sig_proxy && !streams.tty;
        streams.detach_keys = options->detach_keys;
        streams.joins = true;
        return run_in_foreground(session, container.spec.id, streams,
                                 [&](const runtime::AttachStreams& ours) {
                                     return attach_running(session.context(), container.spec.id, ours);
                                 });
    };
}

constexpr std::array<Command, 2> k_commands{
    {{"exec", "[OPTIONS] CONTAINER COMMAND [ARG...]", "Execute a command in a running container", setup_exec,
      false, false},
     {"attach", "[OPTIONS] CONTAINER",
      "Attach local standard input, output, and error streams to a running container", setup_attach, false,
      false}}};

} // namespace

std::span<const Command> exec_commands() {
    return k_commands;
}

} // namespace berth::cli
