// volume ls, create, rm, prune (inspect: cmd_container_view.cpp)
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/volume_rows.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>
#include <array>

namespace berth::cli {

namespace {

struct LsFlags {
    std::vector<std::string> filters;
    std::string format;
    bool quiet = false;
};

Run setup_ls(Flags& flags) {
    auto options = std::make_shared<LsFlags>();
    flags.list("-f,--filter", options->filters, "Provide filter values (e.g. dangling=true)", "filter");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("-q,--quiet", options->quiet, "Only display volume names");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters,
                               parse_filters(options->filters, {"dangling", "driver", "label", "name"}));
        BERTH_ASSIGN_OR_RETURN(const auto volumes, list_volumes(session.context(), filters));
        if (options->quiet) {
            for (const auto& volume : volumes)
                session.print(volume.name + "\n");
            return 0;
        }
        std::vector<ui::Row> rows;
        for (const auto& volume : volumes) {
            auto row = volume_row(session.context(), volume);
            rows.push_back(std::move(row));
        }
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

struct CreateFlags {
    volumes::Volume volume;
    std::vector<std::string> names, labels, options;
    std::string name;
};

Run setup_create(Flags& flags) {
    auto options = std::make_shared<CreateFlags>();
    flags.text("-d,--driver", options->volume.driver, "Specify volume driver name");
    flags.list("--label", options->labels, "Set metadata for a volume");
    flags.text("--name", options->name, "Name of the volume").hide();
    flags.list("-o,--opt", options->options, "Set driver specific options (type, device, o)", "map");
    flags.arguments(options->names, 0, 1);
    return [options](Session& session) -> Result<int> {
        auto volume = options->volume;
        volume.name = options->names.empty() ? options->name : options->names[0];
        volume.labels = labels_of(options->labels);
        BERTH_ASSIGN_OR_RETURN(volume.options, pairs_of(options->options, "--opt"));
        BERTH_ASSIGN_OR_RETURN(const auto made, volumes::create(session.context(), std::move(volume)));
        session.print(made.name + "\n");
        return 0;
    };
}

struct RemoveFlags {
    std::vector<std::string> names;
    bool force = false;
};

Run setup_rm(Flags& flags) {
    auto options = std::make_shared<RemoveFlags>();
    flags.toggle("-f,--force", options->force, "Do not error if the volume does not exist");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto users, volume_users(session.context()));
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            auto found = volumes::get(session.context(), name);
            if (!found && options->force && found.error().code() == ErrorCode::not_found) return name;
            if (!found) return fail(std::move(found).error());
            if (const auto user = users.find(name); user != users.end())
                return fail(Error(ErrorCode::in_use, concat("volume ", name, " is in use by container ",
                                                            join(user->second, ", ")))
                                .hint("remove the container first"));
            BERTH_TRY(volumes::remove(session.context(), name));
            return name;
        });
    };
}

struct PruneFlags {
    std::vector<std::string> filters;
    bool all = false, force = false;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-a,--all", options->all, "Remove all unused volumes, not just anonymous ones");
    flags.list("--filter", options->filters, "Provide filter values (label=<key>[=<value>])", "filter");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filter, PruneFilter::parse(options->filters, {"all"}));
        if (filter.has_until()) return fail(ErrorCode::usage, "volumes have no filter 'until'");
        const auto every = filter.value_of("all");
        BERTH_ASSIGN_OR_RETURN(const bool filtered_all,
                               every.empty() ? Result<bool>(false) : parse_bool(every));
        const bool all = options->all || filtered_all;
        const auto question =
            concat("WARNING! This will remove ", all ? "all" : "anonymous",
                   " local volumes not used by at least one container.\nAre you sure you want to continue?");
        if (!options->force && !confirm(session, question)) return 0;
        BERTH_ASSIGN_OR_RETURN(const auto pruned, prune_volumes(session.context(), all, filter));
        if (!pruned.names.empty())
            session.print(concat("Deleted Volumes:\n", join(pruned.names, "\n"), "\n\n"));
        session.print(
            concat("Total reclaimed space: ", format_bytes_decimal(static_cast<double>(pruned.bytes)), "\n"));
        return 0;
    };
}

constexpr std::array<Command, 4> k_commands{
    {{"volume ls", "[OPTIONS]", "List volumes", setup_ls, false, false},
     {"volume create", "[OPTIONS] [VOLUME]", "Create a volume", setup_create, false, false},
     {"volume rm", "[OPTIONS] VOLUME [VOLUME...]", "Remove one or more volumes", setup_rm, false, false},
     {"volume prune", "[OPTIONS]", "Remove unused local volumes", setup_prune, false, false}}};

} // namespace

std::span<const Command> volume_commands() {
    return k_commands;
}

} // namespace berth::cli
