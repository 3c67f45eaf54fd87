// images, rmi, tag, history, pull, image prune
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/content_trust.hpp"
#include "compose/cli/image_rows.hpp"
#include "compose/cli/platform_flag.hpp"
#include "runtime/image/pull.hpp"
#include "runtime/image/store.hpp"

#include <array>

namespace berth::cli {

namespace {

struct ImagesFlags {
    std::vector<std::string> filters, names;
    std::string format;
    bool all = false, digests = false, no_trunc = false, quiet = false;
};

Run setup_images(Flags& flags) {
    auto options = std::make_shared<ImagesFlags>();
    flags.toggle("-a,--all", options->all, "Show all images (there are no hidden ones: kept for scripts)");
    flags.toggle("--digests", options->digests, "Show digests");
    flags.list("-f,--filter", options->filters, "Filter output based on conditions provided", "filter");
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("--no-trunc", options->no_trunc, "Don't truncate output");
    flags.toggle("-q,--quiet", options->quiet, "Only show image IDs");
    flags.arguments(options->names, 0, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters, parse_filters(options->filters, image_filters()));
        BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(session.context()));
        BERTH_ASSIGN_OR_RETURN(const auto entries,
                               image_entries(session.context(), images, filters,
                                             options->names.empty() ? "" : options->names[0]));
        if (options->quiet) {
            for (const auto& entry : entries)
                session.print((options->no_trunc ? entry.image->id : image_short_id(entry.image->id)) + "\n");
            return 0;
        }
        std::vector<ui::Row> rows;
        for (const auto& entry : entries)
            rows.push_back(image_row(entry, options->no_trunc));
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"Repository", "REPOSITORY"},
                          {"Tag", "TAG"},
                          {"ID", "IMAGE ID"},
                          {"CreatedSince", "CREATED"},
                          {"Size", "SIZE"}};
        if (options->digests) format.columns.insert(format.columns.begin() + 2, {"Digest", "DIGEST"});
        format.headers = {
            {"CreatedAt", "CREATED AT"}, {"SharedSize", "SHARED SIZE"}, {"UniqueSize", "UNIQUE SIZE"}};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

struct RemoveFlags {
    std::vector<std::string> names;
    image::WantedPlatform platform;
    bool force = false, no_prune = false;
};

Run setup_rmi(Flags& flags) {
    auto options = std::make_shared<RemoveFlags>();
    flags.toggle("-f,--force", options->force, "Force removal of the image");
    flags.toggle("--no-prune", options->no_prune, "Do not delete untagged parents: images have none here")
        .hide();
    declare_platform(flags, options->platform, "Remove only the given platform variant");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto users, image_users(session.context()));
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            if (options->platform) BERTH_TRY(image::get_image(session.context(), name, options->platform));
            auto removed = image::remove_image(session.context(), name, options->force, users);
            if (!removed && options->force && removed.error().code() == ErrorCode::not_found) {
                session.report(removed.error());
                return std::string();
            }
            if (!removed) return fail(std::move(removed).error());
            return removed_text(*removed, RemovedWords::of_rmi);
        });
    };
}

Run setup_tag(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 2, 2);
    return [names](Session& session) -> Result<int> {
        BERTH_TRY(image::tag_image(session.context(), (*names)[0], (*names)[1]));
        return 0;
    };
}

struct HistoryFlags {
    std::vector<std::string> names;
    std::string format;
    image::WantedPlatform platform;
    bool human = true, no_trunc = false, quiet = false;
};

Run setup_history(Flags& flags) {
    auto options = std::make_shared<HistoryFlags>();
    flags.text("--format", options->format,
               "Format output: 'table', 'table TEMPLATE', 'json' or a Go template");
    flags.toggle("-H,--human", options->human, "Print sizes and dates in human readable format");
    flags.toggle("--no-trunc", options->no_trunc, "Don't truncate output");
    flags.toggle("-q,--quiet", options->quiet, "Only show image IDs");
    declare_platform(flags, options->platform,
                     "Show history for the given platform (\"os/architecture[/variant]\")");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto found,
                               image::get_image(session.context(), options->names[0], options->platform));
        BERTH_ASSIGN_OR_RETURN(const auto rows,
                               history_rows(session.context(), found, options->human, options->no_trunc));
        if (options->quiet) {
            for (const auto& row : rows)
                session.print(*row.fields.find("ID")->as_string() + "\n");
            return 0;
        }
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"ID", "IMAGE"},
                          {"CreatedSince", "CREATED"},
                          {"CreatedBy", "CREATED BY"},
                          {"Size", "SIZE"},
                          {"Comment", "COMMENT"}};
        if (!options->human) format.columns[1] = {"CreatedAt", "CREATED AT"};
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(text);
        return 0;
    };
}

struct PullFlags {
    std::vector<std::string> names;
    std::string platform;
    bool all_tags = false, quiet = false, no_trust = true;
};

// One image, with the lines that docker ends a pull with.
Status pull_one(Session& session, const image::Reference& reference, const PullFlags& flags) {
    const auto say = [&](const std::string& line) {
        if (!flags.quiet) session.print(line + "\n");
    };
    BERTH_ASSIGN_OR_RETURN(const auto before, image::find_image(session.context(), reference.to_string()));
    BERTH_TRY(session.show_progress(flags.quiet));
    image::PullOptions how;
    how.platform = flags.platform;
    BERTH_ASSIGN_OR_RETURN(const auto pulled,
                           image::pull_image(session.context(), reference.to_string(), how));
    session.end_progress();
    say(concat(reference.digest.empty() ? reference.tag : reference.digest, ": Pulling from ",
               reference.repository));
    for (const auto& digest : pulled.repo_digests)
        if (const auto at = digest.find('@'); at != std::string::npos)
            say(concat("Digest: ", digest.substr(at + 1)));
    const bool same = before && before->id == pulled.id;
    say(concat("Status: ", same ? "Image is up to date for " : "Downloaded newer image for ",
               reference.familiar()));
    return {};
}

Run setup_pull(Flags& flags) {
    auto options = std::make_shared<PullFlags>();
    flags.toggle("-a,--all-tags", options->all_tags, "Download all tagged images in the repository");
    flags.text("--platform", options->platform, "Set platform if the image is multi-platform capable");
    declare_content_trust(flags, options->no_trust);
    flags.toggle("-q,--quiet", options->quiet, "Suppress verbose output");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_TRY(check_content_trust(options->no_trust));
        BERTH_TRY(image::parse_platform(options->platform));
        const auto& name = options->names[0];
        BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(name));
        const bool bare = image::is_bare_name(name);
        if (options->all_tags) {
            if (!bare) return fail(ErrorCode::usage, "tag can't be used with --all-tags/-a");
            BERTH_ASSIGN_OR_RETURN(const auto tags, image::registry_tags(session.context(), reference));
            for (const auto& tag : tags)
                BERTH_TRY(pull_one(session, tag, *options));
            session.print(concat(reference.host, "/", reference.repository, "\n"));
            return 0;
        }
        if (bare && !options->quiet) session.print("Using default tag: latest\n");
        BERTH_TRY(pull_one(session, reference, *options));
        session.print(reference.to_string() + "\n");
        return 0;
    };
}

struct PruneFlags {
    std::vector<std::string> filters;
    bool all = false, force = false;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-a,--all", options->all, "Remove all unused images, not just dangling ones");
    flags.list("--filter", options->filters, "Provide filter values (e.g., until=<timestamp>)", "filter");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filter, PruneFilter::parse(options->filters, {"dangling"}));
        const auto dangling = filter.value_of("dangling");
        BERTH_ASSIGN_OR_RETURN(const bool dangling_only,
                               dangling.empty() ? Result<bool>(true) : parse_bool(dangling));
        const bool all = options->all || !dangling_only;
        const auto question =
            concat("WARNING! This will remove all ",
                   all ? "images without at least one container associated to them" : "dangling images",
                   ".\nAre you sure you want to continue?");
        if (!options->force && !confirm(session, question)) return 0;
        BERTH_ASSIGN_OR_RETURN(const auto pruned, prune_images(session.context(), all, filter));
        if (!pruned.lines.empty()) session.print(concat("Deleted Images:\n", pruned.lines, "\n"));
        session.print(
            concat("Total reclaimed space: ", format_bytes_decimal(static_cast<double>(pruned.bytes)), "\n"));
        return 0;
    };
}

constexpr std::array<Command, 6> k_commands{
    {{"images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", setup_images, false, false},
     {"rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", setup_rmi, false, false},
     {"tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
      setup_tag, false, false},
     {"history", "[OPTIONS] IMAGE", "Show the history of an image", setup_history, false, false},
     {"pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", setup_pull, false, false},
     {"image prune", "[OPTIONS]", "Remove unused images", setup_prune, false, false}}};

} // namespace

std::span<const Command> image_commands() {
    return k_commands;
}

} // namespace berth::cli
