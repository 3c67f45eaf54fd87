// ps, logs, inspect, top, port, stats
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/inspect_json.hpp"
#include "compose/cli/log_flags.hpp"
#include "compose/cli/platform_flag.hpp"
#include "compose/cli/port_syntax.hpp"
#include "compose/cli/process_table.hpp"
#include "compose/cli/stats.hpp"
#include "network/networks.hpp"
#include "runtime/base/id.hpp"
#include "runtime/container/log_attributes.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <unistd.h>

namespace berth::cli {

namespace {

struct PsFlags {
    std::vector<std::string> filters;
    std::string format;
    bool all = false, latest = false, no_trunc = false, quiet = false, size = false;
    std::optional<std::int64_t> last;
};

Result<int> ps(Session& session, const PsFlags& flags) {
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(const auto filters, parse_filters(flags.filters, container_filters()));
    std::vector<Error> broken;
    BERTH_ASSIGN_OR_RETURN(auto containers, runtime::list_containers(context, &broken));
    std::reverse(containers.begin(), containers.end()); // newest first, as docker
    const bool asks_for_state = filters.count("status") > 0 || filters.count("exited") > 0;
    std::optional<std::int64_t> last = flags.last && *flags.last >= 0 ? flags.last : std::nullopt;
    if (flags.latest) last = 1;
    if (!flags.all && !last && !asks_for_state)
        std::erase_if(containers, [](const auto& c) {
            return c.state.status != runtime::Status::running && c.state.status != runtime::Status::paused &&
                   c.state.status != runtime::Status::restarting;
        });
    BERTH_ASSIGN_OR_RETURN(containers, filter_containers(context, std::move(containers), filters));
    if (last && containers.size() > static_cast<std::size_t>(*last))
        containers.resize(static_cast<std::size_t>(*last));
    if (flags.quiet && flags.format.empty()) {
        for (const auto& container : containers)
            session.print((flags.no_trunc ? container.spec.id : short_id(container.spec.id)) + "\n");
    } else {
        std::vector<ui::Row> rows;
        RowOptions options;
        options.no_trunc = flags.no_trunc;
        options.size = flags.size || flags.format.find(".Size") != std::string::npos;
        for (const auto& container : containers)
            rows.push_back(container_row(context, container, options));
        ui::ListFormat format;
        format.format = flags.format;
        format.columns = {{"ID", "CONTAINER ID"},    {"Image", "IMAGE"},   {"Command", "COMMAND"},
                          {"RunningFor", "CREATED"}, {"Status", "STATUS"}, {"Ports", "PORTS"},
                          {"Names", "NAMES"}};
        if (flags.size) format.columns.push_back({"Size", "SIZE"});
        format.headers = {{"LocalVolumes", "LOCAL VOLUMES"}, {"CreatedAt", "CREATED AT"}, {"Name", "NAME"}};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
    }
    for (const auto& error : broken)
        session.warn(error.to_string());
    return 0;
}

Run setup_ps(Flags& flags) {
    auto options = std::make_shared<PsFlags>();
    flags.toggle("-a,--all", options->all, "Show all containers (default shows just running)");
    flags.list("-f,--filter", options->filters, "Filter output based on conditions provided", "filter");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.number("-n,--last", options->last, "Show n last created containers (includes all states)", -1,
                 1'000'000);
    flags.toggle("-l,--latest", options->latest, "Show the latest created container (includes all states)");
    flags.toggle("--no-trunc", options->no_trunc, "Don't truncate output");
    flags.toggle("-q,--quiet", options->quiet, "Only display container IDs");
    flags.toggle("-s,--size", options->size, "Display total file sizes");
    return [options](Session& session) { return ps(session, *options); };
}

struct LogsFlags {
    LogFlags log;
    std::vector<std::string> names;
    bool details = false;
};

Run setup_logs(Flags& flags) {
    auto options = std::make_shared<LogsFlags>();
    declare_log_flags(flags, options->log);
    flags.toggle("--details", options->details, "Show extra details provided to logs");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto query, log_query(options->log));
        BERTH_ASSIGN_OR_RETURN(const auto container,
                               runtime::get_container(session.context(), options->names[0]));
        ui::LogStyle style;
        style.prefix = false;
        style.timestamps = options->log.timestamps;
        if (options->details) {
            BERTH_ASSIGN_OR_RETURN(const auto attributes, runtime::log_attributes(container.spec));
            style.details = runtime::log_details(attributes);
        }
        ui::LogPrinter printer(style);
        BERTH_TRY(
            ui::show_logs(session.context(), {{container.spec.id, container.spec.name}}, query, printer));
        return 0;
    };
}

struct InspectFlags {
    std::vector<std::string> names;
    std::string format, type;
    image::WantedPlatform platform;
    bool size = false, verbose = false;
};

// The first kind of object that has this name, or the one that --type asks for.
Result<Json> inspect_any(const Context& context, const std::string& name, const InspectFlags& flags) {
    const auto wants = [&](std::string_view kind) { return flags.type.empty() || flags.type == kind; };
    if (wants("container")) {
        BERTH_ASSIGN_OR_RETURN(const auto found, runtime::find_container(context, name));
        if (found) {
            BERTH_ASSIGN_OR_RETURN(auto json, inspect_container(context, *found));
            if (flags.size) {
                const auto own = layer_size(context, *found);
                json.set("SizeRw", own);
                json.set("SizeRootFs", own + image_size(context, *found));
            }
            return json;
        }
        if (!flags.type.empty()) return fail(runtime::get_container(context, name).error());
    }
    if (wants("image")) {
        auto found = image::find_image(context, name);
        if (found && *found && image::suits((*found)->platform(), flags.platform))
            return inspect_image(context, **found);
        if (!flags.type.empty()) return fail(image::get_image(context, name, flags.platform).error());
    }
    if (wants("network")) {
        BERTH_ASSIGN_OR_RETURN(const auto found, network::find(context, name));
        if (found) return inspect_network(context, *found);
        BERTH_ASSIGN_OR_RETURN(const auto always, network::predefined(context));
        for (const auto& network : always)
            if (network.config.name == name || network.id == name || short_id(network.id) == name)
                return inspect_network(context, network);
        if (!flags.type.empty()) return fail(network::get(context, name).error());
    }
    if (wants("volume")) {
        auto found = volumes::find(context, name);
        if (found && *found) return inspect_volume(context, **found);
        if (!flags.type.empty()) return fail(volumes::get(context, name).error());
    }
    return fail(ErrorCode::not_found, concat("no such object: ", name));
}

Run make_inspect(Flags& flags, std::string type) {
    auto options = std::make_shared<InspectFlags>();
    options->type = std::move(type);
    flags.text("-f,--format", options->format, "Format output: 'json' or a Go template");
    if (options->type.empty())
        flags.choice("--type", options->type, {"container", "image", "network", "volume"},
                     "Only inspect objects of the given type");
    if (options->type.empty() || options->type == "container")
        flags.toggle("-s,--size", options->size, "Display total file sizes if the type is container");
    if (options->type == "image")
        declare_platform(
            flags, options->platform,
            "Inspect a specific platform of the multi-platform image (\"os/architecture[/variant]\")");
    if (options->type == "network") // of a network of one host there is no more to tell
        flags.toggle("-v,--verbose", options->verbose, "Verbose output for diagnostics").hide();
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        std::vector<Json> objects;
        std::vector<Error> errors;
        for (const auto& name : options->names) {
            auto json = inspect_any(session.context(), name, *options);
            if (json)
                objects.push_back(std::move(*json));
            else
                errors.push_back(std::move(json).error());
        }
        if (!objects.empty() || options->format.empty()) {
            BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_objects(options->format, objects));
            session.print(text);
        }
        for (const auto& error : errors)
            session.report(error);
        return errors.empty() ? 0 : 1;
    };
}
Run setup_inspect(Flags& flags) {
    return make_inspect(flags, "");
}
Run setup_container_inspect(Flags& flags) {
    return make_inspect(flags, "container");
}
Run setup_image_inspect(Flags& flags) {
    return make_inspect(flags, "image");
}
Run setup_network_inspect(Flags& flags) {
    return make_inspect(flags, "network");
}
Run setup_volume_inspect(Flags& flags) {
    return make_inspect(flags, "volume");
}

Run setup_top(Flags& flags) {
    auto words = std::make_shared<std::vector<std::string>>();
    flags.options_first().arguments(*words, 1);
    return [words](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), (*words)[0]));
        const std::vector<std::string> options(words->begin() + 1, words->end());
        BERTH_ASSIGN_OR_RETURN(const auto table,
                               process_table(session.context(), {container}, false, options));
        session.print(table);
        return 0;
    };
}

Run setup_port(Flags& flags) {
    auto words = std::make_shared<std::vector<std::string>>();
    flags.arguments(*words, 1, 2);
    return [words](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), (*words)[0]));
        std::string wanted;
        if (words->size() == 2) {
            BERTH_ASSIGN_OR_RETURN(const auto exposed, parse_exposed((*words)[1]));
            wanted = exposed[0];
        }
        bool any = false;
        for (const auto& port : settled_ports(session.context(), container)) {
            const auto inside = concat(port.container_port, "/", port.protocol);
            if (!wanted.empty() && inside != wanted) continue;
            any = true;
            const auto lead = wanted.empty() ? concat(inside, " -> ") : std::string();
            const auto hosts = port.host_ip.empty() ? std::vector<std::string>{"0.0.0.0", "[::]"}
                                                    : std::vector<std::string>{port.host_ip};
            for (const auto& host : hosts) {
                const bool bare_v6 = host.find(':') != std::string::npos && host[0] != '[';
                session.print(
                    concat(lead, bare_v6 ? "[" : "", host, bare_v6 ? "]" : "", ":", port.host_port, "\n"));
            }
        }
        if (!any && !wanted.empty())
            return fail(ErrorCode::not_found,
                        concat("no public port '", wanted, "' published for ", (*words)[0]));
        return 0;
    };
}

struct StatsFlags {
    std::vector<std::string> names;
    std::string format;
    bool all = false, no_stream = false, no_trunc = false;
};

Run setup_stats(Flags& flags) {
    auto options = std::make_shared<StatsFlags>();
    flags.toggle("-a,--all", options->all, "Show all containers (default shows just running)");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("--no-stream", options->no_stream, "Disable streaming stats and only pull the first result");
    flags.toggle("--no-trunc", options->no_trunc, "Do not truncate output");
    flags.arguments(options->names, 0);
    return [options](Session& session) -> Result<int> {
        StatsOptions stats;
        stats.all = options->all;
        stats.no_stream = options->no_stream;
        stats.no_trunc = options->no_trunc;
        stats.format = options->format;
        const auto list = [&]() -> Result<std::vector<runtime::Container>> {
            if (options->names.empty()) return runtime::list_containers(session.context());
            std::vector<runtime::Container> out;
            for (const auto& name : options->names) {
                BERTH_ASSIGN_OR_RETURN(auto container, runtime::get_container(session.context(), name));
                out.push_back(std::move(container));
            }
            return out;
        };
        stats.all = stats.all || !options->names.empty();
        return show_stats(session, stats, list);
    };
}

constexpr std::array<Command, 10> k_commands{
    {{"ps", "[OPTIONS]", "List containers", setup_ps, false, false},
     {"logs", "[OPTIONS] CONTAINER", "Fetch the logs of a container", setup_logs, false, false},
     {"inspect", "[OPTIONS] NAME|ID [NAME|ID...]",
      "Return low-level information on containers, images, networks and volumes", setup_inspect, false,
      false},
     {"container inspect", "[OPTIONS] CONTAINER [CONTAINER...]",
      "Display detailed information on one or more containers", setup_container_inspect, false, false},
     {"image inspect", "[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images",
      setup_image_inspect, false, false},
     {"network inspect", "[OPTIONS] NETWORK [NETWORK...]",
      "Display detailed information on one or more networks", setup_network_inspect, false, false},
     {"volume inspect", "[OPTIONS] VOLUME [VOLUME...]", "Display detailed information on one or more volumes",
      setup_volume_inspect, false, false},
     {"top", "CONTAINER [ps OPTIONS]", "Display the running processes of a container", setup_top, false,
      false},
     {"port", "CONTAINER [PRIVATE_PORT[/PROTO]]",
      "List port mappings or a specific mapping for the container", setup_port, false, false},
     {"stats", "[OPTIONS] [CONTAINER...]", "Display resource usage statistics of containers", setup_stats,
      false, false}}};

} // namespace

std::span<const Command> container_view_commands() {
    return k_commands;
}

} // namespace berth::cli
