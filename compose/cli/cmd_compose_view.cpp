// compose ps, logs, ls, top, port, images, volumes, stats, version
#include "compose/cli/app.hpp"
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/image_rows.hpp"
#include "compose/cli/log_flags.hpp"
#include "compose/cli/process_table.hpp"
#include "compose/cli/project.hpp"
#include "compose/cli/stats.hpp"
#include "compose/cli/volume_rows.hpp"
#include "compose/plan/naming.hpp"
#include "runtime/base/id.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace berth::cli {

namespace {

struct PsFlags {
    std::vector<std::string> services, filters, status;
    std::string format;
    bool all = false, no_trunc = false, orphans = true, quiet = false, services_only = false;
};

Result<int> ps(Session& session, const PsFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto filters, parse_filters(flags.filters, {"status"}));
    auto wanted = flags.status;
    if (const auto found = filters.find("status"); found != filters.end())
        wanted.insert(wanted.end(), found->second.begin(), found->second.end());
    for (const auto& word : wanted)
        if (!enum_from_name<runtime::Status>(word))
            return fail(Error(ErrorCode::usage, concat("unknown status '", word, "'"))
                            .hint("use created, dead, exited, paused, removing, restarting or running"));
    BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, flags.services));
    ContainerChoice choice;
    choice.services = flags.services;
    choice.all = flags.all || !wanted.empty();
    choice.oneoff = flags.all;
    choice.orphans = flags.orphans;
    BERTH_ASSIGN_OR_RETURN(auto containers, project_containers(session.context(), project, choice));
    if (!wanted.empty())
        std::erase_if(containers, [&](const auto& c) {
            return std::none_of(wanted.begin(), wanted.end(),
                                [&](const auto& w) { return w == enum_to_name(c.state.status); });
        });
    if (flags.quiet) {
        for (const auto& container : containers)
            session.print(container.spec.id + "\n");
        return 0;
    }
    if (flags.services_only) {
        std::set<std::string> names;
        for (const auto& container : containers)
            names.insert(label_of(container, compose::k_label_service));
        for (const auto& name : names)
            session.print(name + "\n");
        return 0;
    }
    RowOptions options;
    options.no_trunc = flags.no_trunc;
    options.compose = true;
    std::vector<ui::Row> rows;
    for (const auto& container : containers)
        rows.push_back(container_row(session.context(), container, options));
    ui::ListFormat format;
    format.format = flags.format;
    format.columns = {{"Name", "NAME"},       {"Image", "IMAGE"},        {"Command", "COMMAND"},
                      {"Service", "SERVICE"}, {"RunningFor", "CREATED"}, {"Status", "STATUS"},
                      {"Ports", "PORTS"}};
    format.headers = {
        {"ID", "CONTAINER ID"}, {"Names", "NAMES"}, {"ExitCode", "EXIT CODE"}, {"CreatedAt", "CREATED AT"}};
    BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
    session.print(text);
    return 0;
}

Run setup_ps(Flags& flags) {
    auto options = std::make_shared<PsFlags>();
    flags.toggle("-a,--all", options->all,
                 "Show all stopped containers (including those created by the run command)");
    flags.list("--filter", options->filters, "Filter services by a property (supported filters: status)",
               "string");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("--no-trunc", options->no_trunc, "Don't truncate output");
    flags.toggle("--orphans", options->orphans, "Include orphaned services (not declared by project)");
    flags.toggle("-q,--quiet", options->quiet, "Only display IDs");
    flags.toggle("--services", options->services_only, "Display services");
    flags.list("--status", options->status,
               "Filter services by status. Values: [paused | restarting | removing | running | dead | "
               "created | exited]",
               "stringArray");
    flags.arguments(options->services, 0);
    return [options](Session& session) { return ps(session, *options); };
}

struct LogsFlags {
    LogFlags log;
    std::vector<std::string> services;
    std::optional<std::int64_t> index;
    bool no_color = false, no_prefix = false;
};

Run setup_logs(Flags& flags) {
    auto options = std::make_shared<LogsFlags>();
    declare_log_flags(flags, options->log);
    flags.number("--index", options->index, "index of the container if service has multiple replicas", 0,
                 1'000'000);
    flags.toggle("--no-color", options->no_color, "Produce monochrome output");
    flags.toggle("--no-log-prefix", options->no_prefix, "Don't print prefix in logs");
    flags.arguments(options->services, 0);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto query, log_query(options->log));
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->services));
        if (options->index.value_or(0) > 0 && options->services.size() != 1)
            return fail(ErrorCode::usage, "--index requires one service to be selected");
        ContainerChoice choice;
        choice.services = options->services;
        BERTH_ASSIGN_OR_RETURN(const auto containers, project_containers(session.context(), project, choice));
        std::vector<ui::LogSource> sources;
        for (const auto& container : containers) {
            if (options->index.value_or(0) > 0 &&
                label_of(container, compose::k_label_number) != concat(*options->index))
                continue;
            sources.push_back({container.spec.id, short_name(project, container)});
        }
        ui::LogStyle style;
        style.prefix = !options->no_prefix;
        style.color = !options->no_color && session.color(STDOUT_FILENO);
        style.timestamps = options->log.timestamps;
        ui::LogPrinter printer(style);
        BERTH_TRY(ui::show_logs(session.context(), sources, query, printer));
        return 0;
    };
}

struct LsFlags {
    std::vector<std::string> filters;
    std::string format;
    bool all = false, quiet = false;
};

Run setup_ls(Flags& flags) {
    auto options = std::make_shared<LsFlags>();
    flags.toggle("-a,--all", options->all, "Show all stopped Compose projects");
    flags.list("--filter", options->filters, "Filter output based on conditions provided (name)", "filter");
    flags.text("--format", options->format, "Format the output. Values: [table | json] or a Go template");
    flags.toggle("-q,--quiet", options->quiet, "Only display project names");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters, parse_filters(options->filters, {"name"}));
        BERTH_ASSIGN_OR_RETURN(const auto projects, compose::observe_projects(session.context()));
        std::vector<ui::Row> rows;
        for (const auto& project : projects) {
            // As ps: without --all only what is up counts.
            std::vector<std::string> parts;
            for (const auto& [status, count] : project.by_status)
                if (options->all || status == "running" || status == "paused" || status == "restarting")
                    parts.push_back(concat(status, "(", count, ")"));
            if (parts.empty()) continue;
            if (const auto name = filters.find("name");
                name != filters.end() && project.name.find(name->second.back()) == std::string::npos)
                continue;
            if (options->quiet) {
                session.print(project.name + "\n");
                continue;
            }
            ui::Row row;
            row.fields = Json::object();
            row.fields.set("Name", project.name);
            row.fields.set("Status", join(parts, ", "));
            row.fields.set("ConfigFiles", project.config_files);
            rows.push_back(std::move(row));
        }
        if (options->quiet) return 0;
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"Name", "NAME"}, {"Status", "STATUS"}, {"ConfigFiles", "CONFIG FILES"}};
        format.layout = ui::k_wide_layout;
        format.json_array = true;
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

Run setup_top(Flags& flags) {
    auto services = std::make_shared<std::vector<std::string>>();
    flags.arguments(*services, 0);
    return [services](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, *services));
        BERTH_ASSIGN_OR_RETURN(const auto containers, project_containers(session.context(), project,
                                                                         {*services, false, false, true}));
        BERTH_ASSIGN_OR_RETURN(const auto table, process_table(session.context(), containers, true));
        session.print(table);
        return 0;
    };
}

struct PortFlags {
    std::vector<std::string> words;
    std::optional<std::int64_t> index;
    std::string protocol = "tcp";
};

Run setup_port(Flags& flags) {
    auto options = std::make_shared<PortFlags>();
    flags.number("--index", options->index, "Index of the container if service has multiple replicas", 0,
                 1'000'000);
    flags.choice("--protocol", options->protocol, {"tcp", "udp"}, "tcp or udp");
    flags.arguments(options->words, 2, 2);
    return [options](Session& session) -> Result<int> {
        const auto& service = options->words[0];
        auto number = parse_integer(options->words[1], 1, 65535);
        if (!number)
            return fail(ErrorCode::usage, concat("'", options->words[1], "' is not a port from 1 to 65535"));
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, {service}));
        BERTH_ASSIGN_OR_RETURN(const auto container, service_container(session.context(), project, service,
                                                                       options->index.value_or(0)));
        std::vector<std::string> published;
        for (const auto& port : settled_ports(session.context(), container)) {
            if (port.container_port == *number && port.protocol == options->protocol) {
                const auto host = port.host_ip.empty() ? std::string("0.0.0.0") : port.host_ip;
                const bool six = host.find(':') != std::string::npos;
                session.print(concat(six ? "[" : "", host, six ? "]" : "", ":", port.host_port, "\n"));
                return 0;
            }
            published.push_back(concat(port.container_port, "/", port.protocol));
        }
        const auto others =
            published.empty() ? "it publishes none" : concat("it publishes ", join(published, ", "));
        return fail(Error(ErrorCode::not_found, concat("no port ", *number, "/", options->protocol,
                                                       " for container ", container.spec.name))
                        .hint(others));
    };
}

struct ImagesFlags {
    std::vector<std::string> services;
    std::string format;
    bool quiet = false;
};

Result<ui::Row> image_of(const Context& context, const runtime::Container& container) {
    BERTH_ASSIGN_OR_RETURN(const auto image, image::find_image(context, container.spec.image_id));
    ui::Row row;
    row.fields = Json::object();
    auto reference = image::parse_reference(container.spec.image);
    row.fields.set("ID", image_short_id(container.spec.image_id));
    row.fields.set("ContainerName", container.spec.name);
    row.fields.set("Repository", reference ? reference->familiar_name() : "<none>");
    row.fields.set("Tag", reference && !reference->tag.empty() ? reference->tag : "<none>");
    row.fields.set("Platform", image ? concat(image->config.os, "/", image->config.architecture) : "");
    row.fields.set("Size", image ? image->size : 0);
    row.fields.set("Created", image ? image->config.created : "");
    row.methods = Json::object();
    row.methods.set("SizeText", image ? format_bytes_decimal(static_cast<double>(image->size), 3) : "");
    row.methods.set("CreatedText", image ? age_words(image->config.created) : "");
    return row;
}

Run setup_images(Flags& flags) {
    auto options = std::make_shared<ImagesFlags>();
    flags.text("--format", options->format, "Format the output. Values: [table | json] or a Go template");
    flags.toggle("-q,--quiet", options->quiet, "Only display IDs");
    flags.arguments(options->services, 0);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->services));
        BERTH_ASSIGN_OR_RETURN(
            const auto containers,
            project_containers(session.context(), project, {options->services, true, false, true}));
        std::set<std::string> ids;
        std::vector<ui::Row> rows;
        for (const auto& container : containers) {
            ids.insert(image_short_id(container.spec.image_id));
            BERTH_ASSIGN_OR_RETURN(auto row, image_of(session.context(), container));
            rows.push_back(std::move(row));
        }
        if (options->quiet) {
            for (const auto& id : ids)
                session.print(id + "\n");
            return 0;
        }
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"ContainerName", "CONTAINER"}, {"Repository", "REPOSITORY"}, {"Tag", "TAG"},
                          {"Platform", "PLATFORM"},       {"ID", "IMAGE ID"},           {"SizeText", "SIZE"},
                          {"CreatedText", "CREATED"}};
        format.json_array = true;
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

Run setup_volumes(Flags& flags) {
    auto options = std::make_shared<ImagesFlags>();
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("-q,--quiet", options->quiet, "Only display volume names");
    flags.arguments(options->services, 0);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->services));
        BERTH_TRY(check_services(project, options->services));
        std::set<std::string> used;
        for (const auto& service : options->services) {
            BERTH_ASSIGN_OR_RETURN(const auto containers, project_containers(session.context(), project,
                                                                             {{service}, true, false, true}));
            for (const auto& container : containers)
                for (const auto& mount : container.spec.mounts)
                    used.insert(mount.name);
        }
        Filters filters{{"label", {concat(compose::k_label_project, "=", project.name)}}};
        BERTH_ASSIGN_OR_RETURN(const auto volumes, list_volumes(session.context(), filters));
        std::vector<ui::Row> rows;
        for (const auto& volume : volumes) {
            if (!options->services.empty() && used.count(volume.name) == 0) continue;
            if (options->quiet) {
                session.print(volume.name + "\n");
                continue;
            }
            auto row = volume_row(session.context(), volume);
            rows.push_back(std::move(row));
        }
        if (options->quiet) return 0;
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"Driver", "DRIVER"}, {"Name", "VOLUME NAME"}};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

struct StatsFlags {
    std::vector<std::string> services;
    StatsOptions stats;
};

Run setup_stats(Flags& flags) {
    auto options = std::make_shared<StatsFlags>();
    flags.toggle("-a,--all", options->stats.all, "Show all containers (default shows just running)");
    flags.text("--format", options->stats.format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("--no-stream", options->stats.no_stream,
                 "Disable streaming stats and only pull the first result");
    flags.toggle("--no-trunc", options->stats.no_trunc, "Do not truncate output");
    flags.arguments(options->services, 0);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto project, load_or_name_project(session, options->services));
        return show_stats(session, options->stats, [&] {
            return project_containers(session.context(), project, {options->services, true, false, true});
        });
    };
}

struct VersionFlags {
    std::string format = "pretty";
    bool short_form = false;
};

Run setup_version(Flags& flags) {
    auto options = std::make_shared<VersionFlags>();
    flags.choice("-f,--format", options->format, {"pretty", "json"},
                 "Format the output. Values: [pretty | json]. (Default: pretty)");
    flags.toggle("--short", options->short_form, "Shows only the version number");
    return [options](Session& session) -> Result<int> {
        if (options->short_form)
            session.print(concat(compose::k_compose_version, "\n"));
        else if (options->format == "json")
            session.print(concat("{\"version\":\"", compose::k_compose_version, "\"}\n"));
        else
            session.print(concat("berth compose version ", k_version, ", as Docker Compose version ",
                                 compose::k_compose_version, "\n"));
        return 0;
    };
}

constexpr std::array<Command, 9> k_commands{
    {{"compose ps", "[OPTIONS] [SERVICE...]", "List containers", setup_ps, false, false},
     {"compose logs", "[OPTIONS] [SERVICE...]", "View output from containers", setup_logs, false, false},
     {"compose ls", "[OPTIONS]", "List running compose projects", setup_ls, false, false},
     {"compose top", "[SERVICES...]", "Display the running processes", setup_top, false, false},
     {"compose port", "[OPTIONS] SERVICE PRIVATE_PORT", "Print the public port for a port binding",
      setup_port, false, false},
     {"compose images", "[OPTIONS] [SERVICE...]", "List images used by the created containers", setup_images,
      false, false},
     {"compose volumes", "[OPTIONS] [SERVICE...]", "List volumes", setup_volumes, false, false},
     {"compose stats", "[OPTIONS] [SERVICE...]", "Display resource usage statistics of containers",
      setup_stats, false, false},
     {"compose version", "[OPTIONS]", "Show the compose version information", setup_version, false, false}}};

} // namespace

std::span<const Command> compose_view_commands() {
    return k_commands;
}

} // namespace berth::cli
