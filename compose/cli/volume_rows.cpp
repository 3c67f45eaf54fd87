#include "compose/cli/volume_rows.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/base/tree_size.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::cli {

Result<std::map<std::string, std::vector<std::string>>> volume_users(const Context& context) {
    std::map<std::string, std::vector<std::string>> out;
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    for (const auto& container : containers)
        for (const auto& mount : container.spec.mounts)
            if (mount.kind == runtime::MountKind::volume && !mount.name.empty())
                out[mount.name].push_back(container.spec.name);
    return out;
}

Result<std::vector<volumes::Volume>> list_volumes(const Context& context, const Filters& filters) {
    BERTH_ASSIGN_OR_RETURN(auto all, volumes::list(context));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (const auto& [key, values] : filters) {
        if (key == "dangling") {
            BERTH_ASSIGN_OR_RETURN(const bool wanted, parse_bool(values.back()));
            BERTH_ASSIGN_OR_RETURN(const auto users, volume_users(context));
            std::erase_if(all, [&](const auto& volume) { return (users.count(volume.name) == 0) != wanted; });
        } else if (key == "label") {
            std::erase_if(all, [&, &values = values](const auto& volume) {
                return !labels_match(volume.labels, values);
            });
        } else {
            const bool by_name = key == "name";
            std::erase_if(all, [&, &values = values](const auto& volume) {
                return std::none_of(values.begin(), values.end(), [&](const auto& v) {
                    return by_name ? volume.name.find(v) != std::string::npos : volume.driver == v;
                });
            });
        }
    }
    return all;
}

ui::Row volume_row(const Context& context, const volumes::Volume& volume) {
    std::vector<std::string> words;
    for (const auto& [key, value] : volume.labels)
        words.push_back(concat(key, "=", value));
    ui::Row row;
    Json& f = row.fields;
    f = Json::object();
    f.set("Availability", "N/A");
    f.set("Driver", volume.driver);
    f.set("Group", "N/A");
    f.set("Labels", join(words, ","));
    f.set("Links", "N/A");
    f.set("Mountpoint", volumes::mountpoint(context, volume));
    f.set("Name", volume.name);
    f.set("Scope", "local");
    f.set("Size", "N/A");
    f.set("Status", "N/A");
    row.methods = Json::object();
    row.methods.set("Label", to_json(volume.labels));
    return row;
}

Result<PrunedVolumes> prune_volumes(const Context& context, bool all, const PruneFilter& filter) {
    BERTH_ASSIGN_OR_RETURN(const auto users, volume_users(context));
    BERTH_ASSIGN_OR_RETURN(const auto volumes, volumes::list(context));
    PrunedVolumes out;
    for (const auto& volume : volumes) {
        if (users.count(volume.name) > 0 || (!all && !volume.anonymous)) continue;
        if (!filter.takes_labels(volume.labels)) continue;
        if (auto path = volumes::data_path(context, volume)) out.bytes += tree_size(*path);
        BERTH_TRY(volumes::remove(context, volume.name));
        out.names.push_back(volume.name);
    }
    return out;
}

} // namespace berth::cli
