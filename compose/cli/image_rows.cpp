#include "compose/cli/image_rows.hpp"

#include "compose/cli/log_flags.hpp"
#include "compose/ui/terminal.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/tree_size.hpp"

#include <algorithm>
#include <fnmatch.h>
#include <map>
#include <set>

namespace berth::cli {

namespace {

constexpr std::size_t k_created_by_cells = 45; // as docker cuts CREATED BY

bool has_name(const ImageEntry& entry, const std::string& pattern) {
    if (pattern.empty()) return true;
    auto reference = image::parse_reference(pattern);
    const auto slash = pattern.rfind('/');
    const bool tagged = pattern.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
    // With a wildcard it is no reference; a port's colon is no tag's.
    const auto name = reference ? reference->familiar_name()
                      : tagged  ? pattern.substr(0, pattern.rfind(':'))
                                : pattern;
    if (::fnmatch(name.c_str(), entry.repository.c_str(), FNM_PATHNAME) != 0) return false;
    return !tagged || ::fnmatch(pattern.substr(pattern.rfind(':') + 1).c_str(), entry.tag.c_str(), 0) == 0;
}

// A row for each tag, with the digest by which that repository knows the image; and one for each repository
// that has only a digest of it.
void add_entries(const image::Image& image, std::vector<ImageEntry>& out) {
    std::map<std::string, std::string> digests; // by repository
    for (const auto& text : image.repo_digests)
        if (const auto reference = image::parse_reference(text))
            digests[reference->familiar_name()] = reference->digest;
    std::set<std::string> tagged;
    const auto before = out.size();
    for (const auto& text : image.references) {
        const auto reference = image::parse_reference(text);
        if (!reference) continue;
        const auto name = reference->familiar_name();
        const auto digest = digests.find(name);
        out.push_back({&image, name, reference->tag.empty() ? "<none>" : reference->tag,
                       digest == digests.end() ? "<none>" : digest->second});
        tagged.insert(name);
    }
    for (const auto& [name, digest] : digests)
        if (!tagged.contains(name)) out.push_back({&image, name, "<none>", digest});
    if (out.size() == before) out.push_back({&image, "<none>", "<none>", "<none>"});
}

} // namespace

const std::vector<std::string>& image_filters() {
    static const std::vector<std::string> names{"before", "dangling", "label", "reference", "since", "until"};
    return names;
}

Result<std::vector<ImageEntry>> image_entries(const Context& context, const std::vector<image::Image>& images,
                                              const Filters& filters, const std::string& pattern) {
    std::vector<ImageEntry> out;
    for (const auto& image : images)
        add_entries(image, out);
    std::erase_if(out, [&](const ImageEntry& entry) { return !has_name(entry, pattern); });
    for (const auto& [key, values] : filters) {
        if (key == "before" || key == "since") {
            BERTH_ASSIGN_OR_RETURN(const auto limit, image::get_image(context, values.back()));
            const bool before = key == "before";
            std::erase_if(out, [&](const ImageEntry& entry) {
                return before ? entry.image->config.created >= limit.config.created
                              : entry.image->config.created <= limit.config.created;
            });
        } else if (key == "dangling") {
            auto wanted = parse_bool(values.back());
            if (!wanted)
                return fail(ErrorCode::usage,
                            concat("filter dangling='", values.back(), "' is neither true nor false"));
            std::erase_if(out, [&](const ImageEntry& entry) { return (entry.tag == "<none>") != *wanted; });
        } else if (key == "until") {
            BERTH_ASSIGN_OR_RETURN(const auto limit, parse_time_or_age(values.back()));
            std::erase_if(out, [&](const ImageEntry& entry) {
                const auto created = parse_rfc3339(entry.image->config.created);
                return created && *created >= limit;
            });
        } else if (key == "label") {
            std::erase_if(out, [&, &values = values](const ImageEntry& entry) {
                return !labels_match(entry.image->config.config.labels, values);
            });
        } else {
            std::erase_if(out, [&, &values = values](const ImageEntry& entry) {
                return std::none_of(values.begin(), values.end(),
                                    [&](const auto& v) { return has_name(entry, v); });
            });
        }
    }
    return out;
}

std::string image_short_id(const std::string& id) {
    return id.rfind("sha256:", 0) == 0 ? id.substr(7, 12) : id.substr(0, 12);
}

ui::Row image_row(const ImageEntry& entry, bool no_trunc) {
    const auto& image = *entry.image;
    ui::Row row;
    Json& f = row.fields;
    f = Json::object();
    f.set("Containers", "N/A");
    f.set("CreatedAt", created_text(image.config.created));
    f.set("CreatedSince", age_words(image.config.created));
    f.set("Digest", entry.digest);
    f.set("ID", no_trunc ? image.id : image_short_id(image.id));
    f.set("Repository", entry.repository);
    f.set("SharedSize", "N/A");
    f.set("Size", format_bytes_decimal(static_cast<double>(image.size), 3));
    f.set("Tag", entry.tag);
    f.set("UniqueSize", "N/A");
    f.set("VirtualSize", format_bytes_decimal(static_cast<double>(image.size)));
    return row;
}

Result<std::vector<ui::Row>> history_rows(const Context& context, const image::Image& image, bool human,
                                          bool no_trunc) {
    BERTH_ASSIGN_OR_RETURN(auto folders, image::lower_dirs(context, image)); // topmost first
    std::vector<ui::Row> rows;
    std::size_t layer = 0;
    const auto& history = image.config.history;
    for (std::size_t i = history.size(); i-- > 0;) {
        const auto& entry = history[i];
        std::int64_t size = 0;
        if (!entry.empty_layer && layer < folders.size()) size = tree_size(folders[layer++]);
        const auto created_by = join(split(entry.created_by, '\t'), " ");
        ui::Row row;
        row.fields = Json::object();
        row.fields.set("Comment", entry.comment);
        row.fields.set("CreatedAt", created_second(entry.created));
        row.fields.set("CreatedBy", no_trunc ? created_by : ui::ellipsize(created_by, k_created_by_cells));
        row.fields.set("CreatedSince", age_words(entry.created));
        row.fields.set("ID", i + 1 == history.size() ? (no_trunc ? image.id : image_short_id(image.id))
                                                     : std::string("<missing>"));
        row.fields.set("Size", human ? format_bytes_decimal(static_cast<double>(size), 3) : concat(size));
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<std::function<std::string(const std::string&)>> image_users(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    std::map<std::string, std::string> users;
    for (const auto& container : containers)
        users.emplace(container.spec.image_id, container.spec.name);
    return [users = std::move(users)](const std::string& id) {
        const auto found = users.find(id);
        return found != users.end() ? found->second : std::string();
    };
}

std::string removed_text(const image::Removed& removed, RemovedWords words) {
    const bool capital = words == RemovedWords::of_rmi;
    std::vector<std::string> lines;
    for (const auto& text : removed.untagged) {
        auto reference = image::parse_reference(text);
        lines.push_back(
            concat(capital ? "Untagged: " : "untagged: ", reference ? reference->familiar() : text));
    }
    for (const auto& id : removed.deleted)
        lines.push_back(concat(capital ? "Deleted: " : "deleted: ", id));
    return join(lines, "\n");
}

Result<PrunedImages> prune_images(const Context& context, bool all, const PruneFilter& filter) {
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    BERTH_ASSIGN_OR_RETURN(const auto users, image_users(context));
    PrunedImages out;
    for (const auto& image : images) {
        if (!users(image.id).empty() || (!all && !image.references.empty())) continue;
        if (!filter.takes(image.config.config.labels, image.config.created)) continue;
        BERTH_ASSIGN_OR_RETURN(const auto removed, image::remove_image(context, image.id, true, users));
        if (const auto text = removed_text(removed, RemovedWords::of_prune); !text.empty())
            out.lines += text + "\n";
        out.bytes += removed.bytes;
    }
    return out;
}

} // namespace berth::cli
