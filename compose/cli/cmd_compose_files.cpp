// compose cp, commit, export
#include "compose/cli/command.hpp"
#include "compose/cli/container_files.hpp"
#include "compose/cli/project.hpp"
#include "compose/plan/commit_container.hpp"

#include <array>
#include <unistd.h>

namespace berth::cli {

namespace {

struct ServiceCopyFlags {
    CopyFlags copy;
    std::optional<std::int64_t> index;
    bool all = false;
};

// Into a service: into each of its containers. Out of it: from the first, or the one of --index.
Result<std::vector<runtime::Container>> copy_ends(Session& session, const ServiceCopyFlags& flags,
                                                  const CopyJob& job) {
    BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, {job.container()}));
    ContainerChoice choice{{job.container()}, true, flags.all, true};
    BERTH_ASSIGN_OR_RETURN(auto containers, project_containers(session.context(), project, choice));
    if (const auto index = flags.index.value_or(0); index > 0) {
        std::erase_if(containers, [&](const auto& container) {
            return label_of(container, "com.docker.compose.container-number") != concat(index);
        });
        if (containers.empty())
            return fail(ErrorCode::not_found,
                        concat("service \"", job.container(), "\" has no container #", index));
    }
    if (containers.empty())
        return fail(ErrorCode::not_found, concat("no container found for service \"", job.container(), "\""));
    if (!job.into_container()) containers.resize(1);
    return containers;
}

Run setup_cp(Flags& flags) {
    auto o = std::make_shared<ServiceCopyFlags>();
    flags.toggle("--all", o->all, "Include containers created by the run command");
    declare_copy(flags, o->copy);
    flags.number("--index", o->index, "Index of the container if service has multiple replicas", 0,
                 1'000'000);
    return [o](Session& session) -> Result<int> {
        BERTH_TRY(refuse_dry_run(session, "cp"));
        BERTH_ASSIGN_OR_RETURN(const auto job, parse_copy(o->copy.words, "service"));
        BERTH_ASSIGN_OR_RETURN(const auto containers, copy_ends(session, *o, job));
        if (job.from.path == "-" && containers.size() > 1)
            return fail(Error(ErrorCode::unsupported, "standard input can go into one container only")
                            .hint("choose it with --index"));
        BERTH_TRY(session.show_progress());
        for (const auto& container : containers) {
            const auto& name = container.spec.name;
            session.context().progress->update(name, "Copying", 0, 0);
            auto done = run_copy(session.context(), container, job, o->copy);
            session.context().progress->finish(name, done ? "Copied" : "Error", done.has_value());
            if (!done) return fail(std::move(done).error());
        }
        return 0;
    };
}

struct OneFlags {
    std::vector<std::string> words;
    std::optional<std::int64_t> index;
    std::string output;
    compose::CommitOptions commit;
};

Result<runtime::Container> chosen(Session& session, const OneFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, {flags.words[0]}));
    return service_container(session.context(), project, flags.words[0], flags.index.value_or(0));
}

Run setup_commit(Flags& flags) {
    auto o = std::make_shared<OneFlags>();
    flags.text("-a,--author", o->commit.author,
               "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
    flags.list("-c,--change", o->commit.changes, "Apply Dockerfile instruction to the created image");
    flags.number("--index", o->index, "index of the container if service has multiple replicas.", 0,
                 1'000'000);
    flags.text("-m,--message", o->commit.message, "Commit message");
    flags.toggle("-p,--pause", o->commit.pause, "Pause container during commit (default true)");
    flags.arguments(o->words, 1, 2);
    return [o](Session& session) -> Result<int> {
        BERTH_TRY(refuse_dry_run(session, "commit"));
        BERTH_ASSIGN_OR_RETURN(const auto container, chosen(session, *o));
        auto options = o->commit;
        if (o->words.size() == 2) options.reference = o->words[1];
        BERTH_TRY(session.show_progress());
        const auto& name = container.spec.name;
        session.context().progress->update(name, "Committing", 0, 0);
        auto image = compose::commit_container(session.context(), container.spec.id, options);
        session.context().progress->finish(name, image ? concat("Committed as ", image->id) : "Error",
                                           image.has_value());
        if (!image) return fail(std::move(image).error());
        return 0;
    };
}

Run setup_export(Flags& flags) {
    auto o = std::make_shared<OneFlags>();
    flags.number("--index", o->index, "index of the container if service has multiple replicas.", 0,
                 1'000'000);
    flags.text("-o,--output", o->output, "Write to a file, instead of STDOUT");
    flags.arguments(o->words, 1, 1);
    return [o](Session& session) -> Result<int> {
        BERTH_TRY(refuse_dry_run(session, "export"));
        BERTH_ASSIGN_OR_RETURN(const auto container, chosen(session, *o));
        BERTH_TRY(export_container(session.context(), container, o->output));
        return 0;
    };
}

constexpr std::array<Command, 3> k_commands{
    {{"compose cp",
      "[OPTIONS] SERVICE:SRC_PATH DEST_PATH|-\n        berth compose cp [OPTIONS] SRC_PATH|- "
      "SERVICE:DEST_PATH",
      "Copy files/folders between a service container and the local filesystem", setup_cp, false, false},
     {"compose commit", "[OPTIONS] SERVICE [REPOSITORY[:TAG]]",
      "Create a new image from a service container's changes", setup_commit, false, false},
     {"compose export", "[OPTIONS] SERVICE", "Export a service container's filesystem as a tar archive",
      setup_export, false, false}}};

} // namespace

std::span<const Command> compose_files_commands() {
    return k_commands;
}

} // namespace berth::cli
