// run, create
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/foreground.hpp"
#include "compose/plan/bring_up.hpp"
#include "compose/plan/images.hpp"
#include "runtime/base/file.hpp"

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace berth::cli {

namespace {

std::string current_folder() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    return error ? "/" : path.string();
}

Status check_terminal(const ContainerFlags& flags) {
    if (flags.tty && flags.interactive && !flags.detach && !ui::is_terminal(STDIN_FILENO))
        return fail(Error(ErrorCode::failed, "the input device is not a TTY")
                        .hint("leave out -t: -i alone passes a file or a pipe on"));
    return {};
}

// Reserved before the container exists, so that a second run with the same file changes nothing.
Result<Fd> open_cidfile(const std::string& path) {
    auto file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (!file && file.error().sys_errno() == EEXIST)
        return fail(Error(ErrorCode::already_exists, concat("container ID file '", path, "' exists"))
                        .hint("make sure the other container isn't running, or delete the file"));
    return file;
}

Result<ForegroundOptions> foreground_options(const ContainerFlags& flags) {
    ForegroundOptions options;
    options.cleans_up = true;
    options.in = flags.interactive;
    options.tty = flags.tty;
    options.sig_proxy = flags.sig_proxy;
    options.detach_keys = flags.detach_keys;
    if (flags.attach.empty()) return options;
    options.in = options.out = options.err = false;
    for (const auto& word : flags.attach) {
        const auto stream = to_lower(word);
        if (stream == "stdin")
            options.in = true;
        else if (stream == "stdout")
            options.out = true;
        else if (stream == "stderr")
            options.err = true;
        else
            return fail(ErrorCode::usage,
                        concat("'", word, "' is not a stream: STDIN, STDOUT and STDERR are"));
    }
    return options;
}

Result<runtime::Container> create_from_flags(Session& session, const ContainerFlags& flags,
                                             const ForegroundOptions& streams) {
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(auto request, container_request(context, flags, current_folder()));
    Fd cidfile;
    if (!flags.cidfile.empty()) {
        BERTH_ASSIGN_OR_RETURN(cidfile, open_cidfile(flags.cidfile));
    }
    const auto undo_cidfile = [&] {
        if (cidfile) (void)remove_file(flags.cidfile);
    };
    const auto& reference = flags.words[0];
    auto image = compose::ensure_image(context, reference, flags.pull, flags.platform);
    if (!image) {
        undo_cidfile();
        return fail(std::move(image).error());
    }
    request.platform = flags.platform;
    request.spec.image = reference;
    request.spec.image_id = image->id;
    request.spec.attach_stdin = streams.in && !flags.detach;
    request.spec.attach_stdout = streams.out && !flags.detach;
    request.spec.attach_stderr = streams.err && !flags.detach;
    request.spec.stdin_once = request.spec.attach_stdin;
    auto container = compose::create_container(context, std::move(request));
    session.end_progress();
    if (!container) {
        undo_cidfile();
        return container;
    }
    if (cidfile) BERTH_TRY(write_all(cidfile.get(), container->spec.id, flags.cidfile));
    return container;
}

Result<int> run(Session& session, const ContainerFlags& flags) {
    BERTH_TRY(check_terminal(flags));
    if (flags.detach && !flags.attach.empty())
        return fail(ErrorCode::usage, "conflicting options: -a and -d");
    BERTH_ASSIGN_OR_RETURN(const auto streams, foreground_options(flags));
    BERTH_TRY(parse_detach_keys(flags.detach_keys));
    BERTH_TRY(session.show_progress(flags.quiet));
    BERTH_ASSIGN_OR_RETURN(const auto container, create_from_flags(session, flags, streams));
    const auto& context = session.context();
    const auto& id = container.spec.id;
    const auto remove_after = [&] {
        if (flags.rm) (void)compose::remove_container(context, id, true, true);
    };
    if (flags.detach) {
        auto started = compose::start_container(context, id);
        session.print(id + "\n"); // as docker: also of one that is there but could not be started
        if (!started) {
            remove_after();
            return fail(std::move(started).error());
        }
        return 0;
    }
    auto code = run_in_foreground(session, id, streams, [&](const runtime::AttachStreams& ours) {
        return start_attached(context, id, ours);
    });
    if (!code) remove_after();
    return code;
}

Run setup_run(Flags& flags) {
    auto options = std::make_shared<ContainerFlags>();
    declare_container_flags(flags, *options, false);
    return [options](Session& session) { return run(session, *options); };
}

Run setup_create(Flags& flags) {
    auto options = std::make_shared<ContainerFlags>();
    declare_container_flags(flags, *options, true);
    return [options](Session& session) -> Result<int> {
        BERTH_TRY(session.show_progress(options->quiet));
        BERTH_ASSIGN_OR_RETURN(const auto streams, foreground_options(*options));
        BERTH_ASSIGN_OR_RETURN(const auto container, create_from_flags(session, *options, streams));
        session.print(container.spec.id + "\n");
        return 0;
    };
}

constexpr std::array<Command, 2> k_commands{
    {{"run", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create and run a new container from an image", setup_run,
      true, false},
     {"create", "[OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container", setup_create, true, false}}};

} // namespace

std::span<const Command> run_commands() {
    return k_commands;
}

} // namespace berth::cli
