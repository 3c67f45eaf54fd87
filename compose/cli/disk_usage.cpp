#include "compose/cli/disk_usage.hpp"

#include "compose/cli/image_rows.hpp"
#include "compose/cli/volume_rows.hpp"
#include "runtime/base/file.hpp"
#include "runtime/build/cache_usage.hpp"
#include "runtime/image/store.hpp"
#include "volumes/volumes.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <sys/stat.h>

namespace berth::cli {

namespace {

constexpr std::int64_t k_block = 512; // of st_blocks, whatever the file system's is

struct LayerUse {
    bool image = false, active = false; // an image has it; one with a container
};

Result<Usage> images_usage(const Context& context, std::int64_t& only_cached) {
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    BERTH_ASSIGN_OR_RETURN(const auto users, image_users(context));
    const auto layers_folder = context.paths.images() + "/layers";
    std::map<std::string, LayerUse> layers;
    if (is_directory(layers_folder)) {
        BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(layers_folder));
        for (const auto& name : names)
            layers[join_path(layers_folder, name)];
    }
    Usage out{"Images", images.size()};
    for (const auto& image : images) {
        const bool active = !users(image.id).empty();
        out.active += active ? 1 : 0;
        BERTH_ASSIGN_OR_RETURN(const auto folders, image::lower_dirs(context, image));
        for (const auto& folder : folders) {
            auto& use = layers[std::string(dir_name(folder))];
            use.image = true;
            use.active = use.active || active;
        }
    }
    out.size = allocated_bytes(context.paths.images());
    for (const auto& [folder, use] : layers) {
        if (use.active) continue;
        const auto size = allocated_bytes(folder);
        if (use.image)
            out.reclaimable += size;
        else
            only_cached += size;
    }
    out.size -= only_cached;
    return out;
}

Result<Usage> containers_usage(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context));
    Usage out{"Containers", containers.size()};
    for (const auto& container : containers) {
        const auto status = container.state.status;
        const bool active = status == runtime::Status::running || status == runtime::Status::paused;
        if (active)
            ++out.active;
        else
            out.reclaimable += allocated_bytes(context.paths.container(container.spec.id));
    }
    out.size = allocated_bytes(context.paths.containers());
    return out;
}

Result<Usage> volumes_usage(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto volumes, volumes::list(context));
    BERTH_ASSIGN_OR_RETURN(const auto users, volume_users(context));
    Usage out{"Local Volumes", volumes.size()};
    for (const auto& volume : volumes) {
        if (users.contains(volume.name))
            ++out.active;
        else if (const auto path = volumes::data_path(context, volume))
            out.reclaimable += allocated_bytes(*path);
    }
    out.size = allocated_bytes(context.paths.volumes());
    return out;
}

} // namespace

std::int64_t allocated_bytes(const std::string& path) {
    std::set<std::pair<dev_t, ino_t>> seen;
    std::int64_t blocks = 0;
    const auto add = [&](const std::string& name) {
        struct stat status {};
        if (::lstat(name.c_str(), &status) != 0) return;
        if (!S_ISDIR(status.st_mode) && status.st_nlink > 1 &&
            !seen.emplace(status.st_dev, status.st_ino).second)
            return;
        blocks += status.st_blocks;
    };
    add(path);
    std::error_code error;
    for (auto entry = std::filesystem::recursive_directory_iterator(
             path, std::filesystem::directory_options::skip_permission_denied, error);
         !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error))
        add(entry->path());
    return blocks * k_block;
}

Result<std::vector<Usage>> disk_usage(const Context& context) {
    std::int64_t only_cached = 0;
    BERTH_ASSIGN_OR_RETURN(const auto images, images_usage(context, only_cached));
    BERTH_ASSIGN_OR_RETURN(const auto containers, containers_usage(context));
    BERTH_ASSIGN_OR_RETURN(const auto volumes, volumes_usage(context));
    Usage cache{"Build Cache"};
    BERTH_ASSIGN_OR_RETURN(const auto entries, build::list_cache(context));
    cache.total = entries.size();
    for (const auto& entry : entries)
        cache.active += entry.in_use ? 1 : 0;
    cache.size = cache.reclaimable = allocated_bytes(context.paths.build()) + only_cached;
    return std::vector<Usage>{images, containers, volumes, cache};
}

} // namespace berth::cli
