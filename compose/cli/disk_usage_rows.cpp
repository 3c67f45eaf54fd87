#include "compose/cli/disk_usage_rows.hpp"

#include "compose/cli/container_rows.hpp"
#include "compose/cli/image_rows.hpp"
#include "compose/cli/volume_rows.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/tree_size.hpp"
#include "runtime/build/cache_usage.hpp"
#include "runtime/image/store.hpp"
#include "volumes/volumes.hpp"

#include <map>

namespace berth::cli {

namespace {

std::string bytes_text(std::int64_t bytes) {
    return format_bytes_decimal(static_cast<double>(bytes));
}

// An image's layers, and which of them other images have too.
class LayerShares {
  public:
    static Result<LayerShares> of(const Context& context, const std::vector<image::Image>& images) {
        LayerShares out;
        for (const auto& image : images) {
            BERTH_ASSIGN_OR_RETURN(auto folders, image::lower_dirs(context, image));
            for (const auto& folder : folders) {
                auto& layer = out.layers_[folder];
                if (layer.images++ == 0) layer.size = tree_size(folder);
            }
            out.folders_[image.id] = std::move(folders);
        }
        return out;
    }
    [[nodiscard]] std::int64_t size(const std::string& image, bool shared) const {
        std::int64_t sum = 0;
        for (const auto& folder : folders_.at(image))
            if (const auto& layer = layers_.at(folder); (layer.images > 1) == shared) sum += layer.size;
        return sum;
    }

  private:
    struct Layer {
        std::int64_t size = 0;
        int images = 0;
    };
    std::map<std::string, Layer> layers_;                     // by folder
    std::map<std::string, std::vector<std::string>> folders_; // by image
};

Result<UsageSection> image_section(const Context& context, bool no_trunc) {
    UsageSection out{"Images space usage:", "Images", {}, {}};
    out.columns = {{"Repository", "REPOSITORY"},
                   {"Tag", "TAG"},
                   {"ID", "IMAGE ID"},
                   {"CreatedSince", "CREATED"},
                   {"Size", "SIZE"},
                   {"SharedSize", "SHARED SIZE"},
                   {"UniqueSize", "UNIQUE SIZE"},
                   {"Containers", "CONTAINERS"}};
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    BERTH_ASSIGN_OR_RETURN(const auto entries, image_entries(context, images, {}, ""));
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    BERTH_ASSIGN_OR_RETURN(const auto shares, LayerShares::of(context, images));
    std::map<std::string, std::int64_t> users;
    for (const auto& container : containers)
        ++users[container.spec.image_id];
    for (const auto& entry : entries) {
        auto row = image_row(entry, no_trunc);
        row.fields.set("SharedSize", bytes_text(shares.size(entry.image->id, true)));
        row.fields.set("UniqueSize", bytes_text(shares.size(entry.image->id, false)));
        row.fields.set("Containers", concat(users[entry.image->id]));
        out.rows.push_back(std::move(row));
    }
    return out;
}

Result<UsageSection> container_section(const Context& context, bool no_trunc) {
    UsageSection out{"Containers space usage:", "Containers", {}, {}};
    out.columns = {{"ID", "CONTAINER ID"}, {"Image", "IMAGE"},
                   {"Command", "COMMAND"}, {"LocalVolumes", "LOCAL VOLUMES"},
                   {"Size", "SIZE"},       {"RunningFor", "CREATED"},
                   {"Status", "STATUS"},   {"Names", "NAMES"}};
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    for (const auto& container : containers) {
        RowOptions options;
        options.no_trunc = no_trunc;
        auto row = container_row(context, container, options);
        row.fields.set("Size", format_bytes_decimal(static_cast<double>(layer_size(context, container)), 3));
        out.rows.push_back(std::move(row));
    }
    return out;
}

Result<UsageSection> volume_section(const Context& context) {
    UsageSection out{"Local Volumes space usage:", "Volumes", {}, {}};
    out.columns = {{"Name", "VOLUME NAME"}, {"Links", "LINKS"}, {"Size", "SIZE"}};
    BERTH_ASSIGN_OR_RETURN(const auto volumes, list_volumes(context, {}));
    BERTH_ASSIGN_OR_RETURN(const auto users, volume_users(context));
    for (const auto& volume : volumes) {
        auto row = volume_row(context, volume);
        const auto found = users.find(volume.name);
        row.fields.set("Links", concat(found != users.end() ? found->second.size() : 0));
        const auto path = volumes::data_path(context, volume);
        row.fields.set("Size", path ? bytes_text(tree_size(*path)) : std::string("N/A"));
        out.rows.push_back(std::move(row));
    }
    return out;
}

Result<UsageSection> cache_section(const Context& context) {
    UsageSection out{"", "BuildCache", {}, {}};
    out.columns = {{"ID", "CACHE ID"},          {"CacheType", "CACHE TYPE"},    {"Size", "SIZE"},
                   {"CreatedSince", "CREATED"}, {"LastUsedSince", "LAST USED"}, {"Shared", "SHARED"}};
    BERTH_ASSIGN_OR_RETURN(const auto entries, build::list_cache(context));
    std::int64_t own = 0;
    for (const auto& entry : entries) {
        if (!entry.shared) own += entry.size;
        ui::Row row;
        Json& f = row.fields;
        f = Json::object();
        const auto created = to_rfc3339({entry.created, 0}), used = to_rfc3339({entry.used, 0});
        f.set("CacheType", entry.type());
        f.set("CreatedAt", created_text(created));
        f.set("CreatedSince", age_words(created));
        f.set("Description", entry.description);
        f.set("ID", entry.id);
        f.set("InUse", entry.in_use ? "true" : "false");
        f.set("LastUsedAt", created_text(used));
        f.set("LastUsedSince", age_words(used));
        f.set("Parent", entry.parent);
        f.set("Shared", entry.shared ? "true" : "false");
        f.set("Size", bytes_text(entry.size));
        out.rows.push_back(std::move(row));
    }
    out.title = concat("Build cache usage: ", bytes_text(own));
    return out;
}

} // namespace

Result<std::vector<UsageSection>> disk_usage_rows(const Context& context, bool no_trunc) {
    BERTH_ASSIGN_OR_RETURN(auto images, image_section(context, no_trunc));
    BERTH_ASSIGN_OR_RETURN(auto containers, container_section(context, no_trunc));
    BERTH_ASSIGN_OR_RETURN(auto volumes, volume_section(context));
    BERTH_ASSIGN_OR_RETURN(auto cache, cache_section(context));
    return std::vector<UsageSection>{std::move(images), std::move(containers), std::move(volumes),
                                     std::move(cache)};
}

} // namespace berth::cli
