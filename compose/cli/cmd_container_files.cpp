// cp, diff, commit, export
#include "compose/cli/command.hpp"
#include "compose/cli/container_files.hpp"
#include "compose/plan/commit_container.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/changes.hpp"

#include <array>
#include <unistd.h>

namespace berth::cli {

namespace {

Run setup_cp(Flags& flags) {
    auto options = std::make_shared<CopyFlags>();
    declare_copy(flags, *options);
    flags.toggle("-q,--quiet", options->quiet,
                 "Suppress progress output during copy. Progress output is automatically suppressed if no "
                 "terminal is attached");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto job, parse_copy(options->words, "container"));
        BERTH_ASSIGN_OR_RETURN(const auto container,
                               runtime::get_container(session.context(), job.container()));
        BERTH_ASSIGN_OR_RETURN(const auto size, run_copy(session.context(), container, job, *options));
        if (!options->quiet.value_or(!ui::is_terminal(STDOUT_FILENO)) && options->words[0] != "-" &&
            options->words[1] != "-")
            session.say(concat("Successfully copied ", format_bytes_decimal(static_cast<double>(size), 3),
                               " to ", options->words[1], "\n"));
        return 0;
    };
}

Run setup_diff(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 1, 1);
    return [names](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container,
                               runtime::get_container(session.context(), names->front()));
        BERTH_ASSIGN_OR_RETURN(const auto changes, runtime::find_changes(session.context(), container));
        for (const auto& change : changes.list)
            session.print(concat(std::string(1, change.kind), " ", change.path, "\n"));
        return 0;
    };
}

struct CommitFlags {
    std::vector<std::string> words;
    compose::CommitOptions options;
    bool no_pause = false;
};

Run setup_commit(Flags& flags) {
    auto o = std::make_shared<CommitFlags>();
    flags.text("-a,--author", o->options.author,
               "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
    flags.list("-c,--change", o->options.changes, "Apply Dockerfile instruction to the created image");
    flags.text("-m,--message", o->options.message, "Commit message");
    flags.toggle("-p,--pause", o->options.pause, "Pause container during commit (default true)");
    flags.toggle("--no-pause", o->no_pause, "As --pause=false").hide();
    flags.options_first().arguments(o->words, 1, 2);
    return [o](Session& session) -> Result<int> {
        auto options = o->options;
        options.pause = options.pause && !o->no_pause;
        if (o->words.size() == 2) options.reference = o->words[1];
        BERTH_ASSIGN_OR_RETURN(const auto image,
                               compose::commit_container(session.context(), o->words[0], options));
        session.print(image.id + "\n");
        return 0;
    };
}

struct ExportFlags {
    std::vector<std::string> names;
    std::string output;
};

Run setup_export(Flags& flags) {
    auto options = std::make_shared<ExportFlags>();
    flags.text("-o,--output", options->output, "Write to a file, instead of STDOUT");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container,
                               runtime::get_container(session.context(), options->names[0]));
        BERTH_TRY(export_container(session.context(), container, options->output));
        return 0;
    };
}

constexpr std::array<Command, 4> k_commands{
    {{"cp",
      "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n        berth cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
      "Copy files/folders between a container and the local filesystem", setup_cp, false, false},
     {"diff", "CONTAINER", "Inspect changes to files or directories on a container's filesystem", setup_diff,
      false, false},
     {"commit", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]", "Create a new image from a container's changes",
      setup_commit, false, false},
     {"export", "[OPTIONS] CONTAINER", "Export a container's filesystem as a tar archive", setup_export,
      false, false}}};

} // namespace

std::span<const Command> container_files_commands() {
    return k_commands;
}

} // namespace berth::cli
