// builder du, builder prune
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/ui/formatter.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/cache_usage.hpp"

#include <algorithm>
#include <array>
#include <sys/statvfs.h>

namespace berth::cli {

namespace {

std::string bytes_text(std::int64_t bytes) {
    return format_bytes_decimal(static_cast<double>(bytes));
}

std::string ago(std::int64_t seconds) {
    const auto age = std::max<std::int64_t>(wall_now().seconds - seconds, 0);
    return format_age(std::chrono::seconds(age)) + " ago";
}

const char* truth(bool value) {
    return value ? "true" : "false";
}

// As buildx has its fields; what is no folder of a mount never changes.
Json fields_of(const build::CacheEntry& entry) {
    Json out = Json::object();
    out.set("ID", entry.id);
    Json parents = Json::array();
    if (!entry.parent.empty()) parents.push(entry.parent);
    out.set("Parents", std::move(parents));
    out.set("CreatedAt", to_rfc3339({entry.created, 0}));
    out.set("Mutable", entry.mount);
    out.set("Reclaimable", !entry.in_use);
    out.set("Shared", entry.shared);
    out.set("Size", bytes_text(entry.size));
    out.set("Description", entry.description);
    out.set("LastUsedAt", to_rfc3339({entry.used, 0}));
    out.set("LastAccessed", ago(entry.used));
    out.set("Type", entry.type());
    return out;
}

Result<std::string> rows_of(const std::vector<build::CacheEntry>& entries, const std::string& form) {
    ui::ListFormat format;
    format.format = form;
    format.columns = {
        {"ID", "ID"}, {"Reclaimable", "RECLAIMABLE"}, {"Size", "SIZE"}, {"LastAccessed", "LAST ACCESSED"}};
    std::vector<ui::Row> rows;
    for (const auto& entry : entries) {
        ui::Row row{fields_of(entry), Json::object()};
        if (form.empty() || form == "table") {
            row.fields.set("ID", entry.id + (entry.mount ? "*" : ""));
            row.fields.set("Size", bytes_text(entry.size) + (entry.shared ? "*" : ""));
        }
        rows.push_back(std::move(row));
    }
    return ui::format_rows(format, rows);
}

std::string details_of(const build::CacheEntry& entry) {
    std::string out = concat("ID:\t\t", entry.id, "\n");
    if (!entry.parent.empty()) out += concat("Parent:\t\t", entry.parent, "\n");
    out += concat("Created at:\t", to_rfc3339({entry.created, 0}), "\n");
    out += concat("Mutable:\t", truth(entry.mount), "\nReclaimable:\t", truth(!entry.in_use), "\n");
    out += concat("Shared:\t\t", truth(entry.shared), "\nSize:\t\t", bytes_text(entry.size), "\n");
    if (!entry.description.empty()) out += concat("Description:\t", entry.description, "\n");
    out += concat("Last used:\t", ago(entry.used), "\nType:\t\t", entry.type(), "\n\n");
    return out;
}

std::string totals_of(const std::vector<build::CacheEntry>& entries) {
    std::int64_t reclaimable = 0, shared = 0, total = 0;
    for (const auto& entry : entries) {
        total += entry.size;
        if (entry.shared)
            shared += entry.size;
        else if (!entry.in_use)
            reclaimable += entry.size;
    }
    std::string out;
    if (shared > 0)
        out = concat("Shared:\t\t", bytes_text(shared), "\nPrivate:\t", bytes_text(total - shared), "\n");
    return out + concat("Reclaimable:\t", bytes_text(reclaimable), "\nTotal:\t\t", bytes_text(total), "\n");
}

struct DuFlags {
    std::vector<std::string> filters;
    std::string format, builder;
    bool verbose = false;
};

Result<int> du(Session& session, const DuFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto filter, build::CacheFilter::parse(flags.filters));
    if (flags.verbose && !flags.format.empty())
        return fail(ErrorCode::usage, "--format and --verbose cannot be used together");
    BERTH_ASSIGN_OR_RETURN(auto entries, build::list_cache(session.context()));
    const auto now = wall_now().seconds;
    std::erase_if(entries, [&](const auto& entry) { return !filter.takes(entry, now); });
    if (flags.verbose) {
        for (const auto& entry : entries)
            session.print(details_of(entry));
    } else {
        BERTH_ASSIGN_OR_RETURN(const auto rows, rows_of(entries, flags.format));
        session.print(rows);
    }
    // A script that reads a format reads nothing else.
    if (flags.format.empty() && flags.filters.empty()) session.print(totals_of(entries));
    return 0;
}

Run setup_du(Flags& flags) {
    auto options = std::make_shared<DuFlags>();
    flags.choice("--builder", options->builder, {"", "default"}, "There is one builder: default").hide();
    flags.list("--filter", options->filters, "Provide filter values", "filter");
    flags.text("--format", options->format, "Format the output: table, json or a template");
    flags.toggle("--verbose", options->verbose, "Provide a more verbose output");
    return [options](Session& session) { return du(session, *options); };
}

struct PruneFlags {
    bool all = false, force = false, verbose = false;
    std::vector<std::string> filters;
    std::string builder;
    std::int64_t keep = 0, reserved = 0, most = 0, least_free = 0;
};

// How much of the cache may stay; 0: none of it, without a limit that was given.
Result<std::int64_t> bytes_to_keep(const Context& context, const PruneFlags& flags) {
    std::int64_t keep = std::max(flags.keep, flags.most);
    if (flags.least_free > 0) {
        struct statvfs disk {};
        if (::statvfs(context.paths.data_root().c_str(), &disk) != 0)
            return fail_errno(
                concat("read how much of the disk below '", context.paths.data_root(), "' is free"));
        const auto free = static_cast<std::int64_t>(disk.f_bavail) * static_cast<std::int64_t>(disk.f_frsize);
        BERTH_ASSIGN_OR_RETURN(const auto entries, build::list_cache(context));
        std::int64_t total = 0;
        for (const auto& entry : entries)
            total += entry.size;
        const auto may_stay =
            std::max<std::int64_t>(total - std::max<std::int64_t>(flags.least_free - free, 0), 1);
        keep = keep > 0 ? std::min(keep, may_stay) : may_stay;
    }
    return std::max(keep, flags.reserved);
}

Result<int> prune(Session& session, const PruneFlags& flags) {
    build::CachePrune wanted;
    BERTH_ASSIGN_OR_RETURN(wanted.filter, build::CacheFilter::parse(flags.filters));
    BERTH_ASSIGN_OR_RETURN(wanted.keep_bytes, bytes_to_keep(session.context(), flags));
    if (!flags.force &&
        !confirm(session, "WARNING! This will remove the build cache.\nAre you sure you want to continue?"))
        return 0;
    BERTH_ASSIGN_OR_RETURN(const auto pruned, build::prune_cache(session.context(), wanted));
    if (flags.verbose) {
        for (const auto& entry : pruned.entries)
            session.print(details_of(entry));
    } else if (!pruned.entries.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto rows, rows_of(pruned.entries, ""));
        session.print(rows);
    }
    session.print(concat("Total:\t", bytes_text(pruned.freed), "\n"));
    return 0;
}

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    auto& o = *options;
    flags.toggle("-a,--all", o.all,
                 "Remove all unused build cache (there is no other kind: kept for scripts)");
    flags.choice("--builder", o.builder, {"", "default"}, "There is one builder: default").hide();
    flags.list("--filter", o.filters, "Provide filter values (e.g., until=24h)", "filter");
    flags.toggle("-f,--force", o.force, "Do not prompt for confirmation");
    flags.bytes("--keep-storage", o.keep, "Amount of disk space to keep for cache").hide();
    flags.bytes("--max-used-space", o.most, "Maximum amount of disk space allowed to keep for cache");
    flags.bytes("--min-free-space", o.least_free, "Target amount of free disk space after pruning");
    flags.bytes("--reserved-space", o.reserved, "Amount of disk space always allowed to keep for cache");
    flags.toggle("--verbose", o.verbose, "Provide a more verbose output");
    return [options](Session& session) { return prune(session, *options); };
}

constexpr std::array<Command, 2> k_commands{
    {{"builder du", "[OPTIONS]", "Show what the build cache holds", setup_du, false, false},
     {"builder prune", "[OPTIONS]", "Remove build cache", setup_prune, false, false}}};

} // namespace

std::span<const Command> builder_commands() {
    return k_commands;
}

} // namespace berth::cli
