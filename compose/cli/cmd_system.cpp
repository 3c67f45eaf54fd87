// info, version, system df, system prune
#include "compose/cli/app.hpp"
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/disk_usage.hpp"
#include "compose/cli/disk_usage_rows.hpp"
#include "compose/cli/image_rows.hpp"
#include "compose/cli/network_membership.hpp"
#include "compose/cli/volume_rows.hpp"
#include "compose/plan/bring_up.hpp"
#include "compose/ui/formatter.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/process.hpp"
#include "runtime/build/cache_usage.hpp"

#include <algorithm>
#include <array>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace berth::cli {

namespace {

Json version_json() {
    utsname host{};
    (void)::uname(&host);
    Json client = Json::object();
    client.set("Version", k_version);
    client.set("Os", "linux");
    client.set("Arch", host.machine);
    client.set("KernelVersion", host.release);
    Json out = Json::object();
    // There is no server: scripts that ask for its version get ours.
    out.set("Client", client);
    out.set("Server", client);
    return out;
}

Run setup_version(Flags& flags) {
    auto format = std::make_shared<std::string>();
    flags.text("-f,--format", *format, "Format output: 'json' or a Go template");
    return [format](Session& session) -> Result<int> {
        const auto json = version_json();
        if (!format->empty()) {
            BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_objects(*format, {json}));
            session.print(text);
            return 0;
        }
        const auto* client = json.find("Client");
        session.print(concat("berth\n Version:        ", k_version, "\n OS/Arch:        linux/",
                             *client->find("Arch")->as_string(),
                             "\n Kernel:         ", *client->find("KernelVersion")->as_string(), "\n"));
        return 0;
    };
}

// "1" when only v1 hierarchies are mounted, "hybrid" with v2 beside them, "2".
std::string cgroup_version() {
    if (path_exists("/sys/fs/cgroup/cgroup.controllers")) return "2";
    return path_exists("/sys/fs/cgroup/unified/cgroup.controllers") ? "hybrid" : "1";
}

Result<Json> info_json(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    const auto count = [&](auto... wanted) {
        return std::count_if(containers.begin(), containers.end(),
                             [&](const auto& c) { return ((c.state.status == wanted) || ...); });
    };
    using runtime::Status;
    utsname host{};
    (void)::uname(&host);
    struct sysinfo memory {};
    (void)::sysinfo(&memory);
    Json out = Json::object();
    out.set("Name", host.nodename);
    out.set("ServerVersion", k_version);
    out.set("Containers", containers.size());
    out.set("ContainersRunning", count(Status::running, Status::restarting));
    out.set("ContainersPaused", count(Status::paused));
    out.set("ContainersStopped", count(Status::exited, Status::created, Status::dead));
    out.set("Images", images.size());
    out.set("Driver", "overlay");
    out.set("LoggingDriver", "json-file");
    out.set("CgroupVersion", cgroup_version());
    out.set("KernelVersion", host.release);
    out.set("OSType", "linux");
    out.set("Architecture", host.machine);
    out.set("NCPU", static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN)));
    out.set("MemTotal",
            static_cast<std::int64_t>(memory.totalram) * static_cast<std::int64_t>(memory.mem_unit));
    out.set("DockerRootDir", context.paths.data_root());
    out.set("DataRoot", context.paths.data_root());
    out.set("ExecRoot", context.paths.exec_root());
    out.set("Scope", context.paths.scope());
    return out;
}

Run setup_info(Flags& flags) {
    auto format = std::make_shared<std::string>();
    flags.text("-f,--format", *format, "Format output: 'json' or a Go template");
    return [format](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto json, info_json(session.context()));
        if (!format->empty()) {
            BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_objects(*format, {json}));
            session.print(text);
            return 0;
        }
        for (const auto& member : *json.as_object()) {
            const auto* text = member.value.as_string();
            session.print(
                concat(" ", member.key, ": ", text != nullptr ? *text : member.value.to_text(), "\n"));
        }
        return 0;
    };
}

Result<std::string> usage_text(const Context& context, const std::string& format) {
    BERTH_ASSIGN_OR_RETURN(const auto usage, disk_usage(context));
    std::vector<ui::Row> rows;
    for (const auto& entry : usage) {
        ui::Row row;
        row.fields = Json::object();
        const auto share =
            entry.size > 0 ? concat(" (", entry.reclaimable * 100 / entry.size, "%)") : std::string();
        row.fields.set("Active", concat(entry.active));
        row.fields.set("Reclaimable", format_bytes_decimal(static_cast<double>(entry.reclaimable)) + share);
        row.fields.set("Size", format_bytes_decimal(static_cast<double>(entry.size)));
        row.fields.set("TotalCount", concat(entry.total));
        row.fields.set("Type", entry.type);
        rows.push_back(std::move(row));
    }
    ui::ListFormat list;
    list.format = format;
    list.columns = {{"Type", "TYPE"},
                    {"TotalCount", "TOTAL"},
                    {"Active", "ACTIVE"},
                    {"Size", "SIZE"},
                    {"Reclaimable", "RECLAIMABLE"}};
    return ui::format_rows(list, rows);
}

// Four tables, or one object of four lists for --format.
Result<std::string> detailed_usage_text(const Context& context, const std::string& format) {
    const bool tables = format.empty() || format == "table";
    BERTH_ASSIGN_OR_RETURN(const auto sections, disk_usage_rows(context, !tables));
    if (tables) {
        std::string out;
        for (const auto& section : sections) {
            ui::ListFormat list;
            list.columns = section.columns;
            BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(list, section.rows));
            out += concat(out.empty() ? "" : "\n", section.title, "\n\n", text);
        }
        return out;
    }
    Json all = Json::object();
    for (const auto& section : sections) {
        Json list = Json::array();
        for (const auto& row : section.rows)
            list.push(row.fields);
        all.set(section.json_key, std::move(list));
    }
    return ui::format_objects(format, {all});
}

Run setup_df(Flags& flags) {
    auto format = std::make_shared<std::string>();
    auto verbose = std::make_shared<bool>();
    flags.text("--format", *format, "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("-v,--verbose", *verbose, "Show detailed information on space usage");
    return [format, verbose](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto text, *verbose ? detailed_usage_text(session.context(), *format)
                                                         : usage_text(session.context(), *format));
        session.print(text);
        return 0;
    };
}

struct PruneFlags {
    std::vector<std::string> filters;
    bool all = false, force = false, volumes = false;
};

Result<int> prune(Session& session, const PruneFlags& flags) {
    const auto& context = session.context();
    BERTH_ASSIGN_OR_RETURN(const auto filter, PruneFilter::parse(flags.filters));
    if (flags.volumes && filter.has_until())
        return fail(ErrorCode::usage, "the \"until\" filter is not supported with \"--volumes\"");
    const auto question =
        concat("WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at "
               "least one container\n",
               flags.volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
               flags.all ? "  - all images without at least one container associated to them\n"
                         : "  - all dangling images\n",
               "  - unused build cache\n\nAre you sure you want to continue?");
    if (!flags.force && !confirm(session, question)) return 0;
    std::int64_t freed = 0;
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    std::vector<std::string> ids;
    for (const auto& container : containers)
        if ((container.state.status == runtime::Status::exited ||
             container.state.status == runtime::Status::created) &&
            filter.takes(container.spec.labels, container.spec.created_at)) {
            freed += layer_size(context, container);
            ids.push_back(container.spec.id);
        }
    BERTH_TRY(compose::remove_containers(context, ids, false, false));
    if (!ids.empty()) session.print(concat("Deleted Containers:\n", join(ids, "\n"), "\n\n"));
    BERTH_ASSIGN_OR_RETURN(const auto networks, prune_networks(context, filter));
    if (!networks.empty()) session.print(concat("Deleted Networks:\n", join(networks, "\n"), "\n\n"));
    if (flags.volumes) {
        BERTH_ASSIGN_OR_RETURN(const auto volumes, prune_volumes(context, false, filter));
        if (!volumes.names.empty())
            session.print(concat("Deleted Volumes:\n", join(volumes.names, "\n"), "\n\n"));
        freed += volumes.bytes;
    }
    if (filter.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto cache, build::prune_cache(context, build::CachePrune{}));
        freed += cache.freed;
    }
    BERTH_ASSIGN_OR_RETURN(const auto images, prune_images(context, flags.all, filter));
    if (!images.lines.empty()) session.print(concat("Deleted Images:\n", images.lines, "\n"));
    freed += images.bytes;
    session.print(concat("Total reclaimed space: ", format_bytes_decimal(static_cast<double>(freed)), "\n"));
    return 0;
}

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-a,--all", options->all, "Remove all unused images not just dangling ones");
    flags.list("--filter", options->filters, "Provide filter values (e.g., label=<key>=<value>)", "filter");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    flags.toggle("--volumes", options->volumes, "Prune anonymous volumes");
    return [options](Session& session) { return prune(session, *options); };
}

constexpr std::array<Command, 4> k_commands{
    {{"version", "[OPTIONS]", "Show the version information", setup_version, false, false},
     {"info", "[OPTIONS]", "Display system-wide information", setup_info, false, false},
     {"system df", "[OPTIONS]", "Show disk usage", setup_df, false, false},
     {"system prune", "[OPTIONS]", "Remove unused data", setup_prune, false, false}}};

} // namespace

std::span<const Command> system_commands() {
    return k_commands;
}

} // namespace berth::cli
