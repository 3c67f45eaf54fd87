// The whole of `up` and `down`: lock, look, plan, execute.
#include "compose/plan/executor.hpp"

#include "compose/plan/bring_up.hpp"
#include "compose/plan/naming.hpp"
#include "network/networks.hpp"
#include "runtime/image/store.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::compose {

Result<FileLock> lock_project(const Context& context, const std::string& name) {
    BERTH_TRY(make_dirs(context.paths.projects()));
    const auto path = join_path(context.paths.projects(), concat(name, ".lock"));
    BERTH_ASSIGN_OR_RETURN(auto lock, FileLock::try_acquire(path));
    if (lock) return std::move(*lock);
    context.progress->warn(concat("waiting for another command that works on project '", name, "'"));
    return FileLock::acquire(path);
}

Result<std::map<std::string, std::string>> find_image_ids(const Context& context, const Project& project) {
    std::map<std::string, std::optional<image::Image>> by_name;
    std::map<std::string, std::string> out;
    for (const auto& [name, service] : project.services) {
        const auto reference = image_name(project, service);
        auto known = by_name.find(reference);
        if (known == by_name.end()) {
            BERTH_ASSIGN_OR_RETURN(auto image, image::find_image(context, reference));
            known = by_name.emplace(reference, std::move(image)).first;
        }
        if (!known->second) continue;
        BERTH_ASSIGN_OR_RETURN(const auto wanted, image::parse_wanted_platform(service.platform));
        if (image::suits(known->second->platform(), wanted)) out[name] = known->second->id;
    }
    return out;
}

Result<Plan> apply_up(const Context& context, const Project& project, UpOptions options,
                      const ExecuteOptions& execute_options, ExecutionEvents& events) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_project(context, project.name));
    BERTH_ASSIGN_OR_RETURN(options.image_ids, find_image_ids(context, project));
    BERTH_ASSIGN_OR_RETURN(const auto images, plan_images(project, options));
    if (!images.empty()) {
        ExecuteOptions image_options = execute_options;
        image_options.undo = false; // an image that was built or pulled harms nobody
        image_options.wait_timeout.reset();
        BERTH_TRY(execute(context, project, images, image_options, events));
        BERTH_ASSIGN_OR_RETURN(options.image_ids, find_image_ids(context, project));
    }
    options.images_prepared = true;
    BERTH_ASSIGN_OR_RETURN(const auto observed, observe(context, project));
    BERTH_ASSIGN_OR_RETURN(auto plan, plan_up(project, observed, options));
    // Somebody may have flushed the firewall or deleted a bridge under containers that go on running. A start
    // looks by itself.
    const bool starts = std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
        return std::holds_alternative<StartContainer>(node.operation);
    });
    if (!observed.containers.empty() && !starts) BERTH_TRY(network::ensure_host_state(context));
    BERTH_TRY(execute(context, project, plan, execute_options, events));
    return plan;
}

Result<Plan> apply_down(const Context& context, const Project& project, const DownOptions& options,
                        ExecutionEvents& events) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_project(context, project.name));
    // A command of this project that was killed may have left half a network, a folder or a volume of nobody,
    // which no plan can see.
    sweep_leftovers(context);
    BERTH_ASSIGN_OR_RETURN(auto observed, observe(context, project.name));
    // A damaged record has no labels to know the project by; the names of the file's own volumes are ours.
    for (const auto& [key, volume] : project.volumes)
        if (!volume.external && !volumes::find(context, volume.name))
            observed.volumes.push_back({volume.name, key, {}});
    BERTH_ASSIGN_OR_RETURN(auto plan, plan_down(project, observed, options));
    BERTH_TRY(execute(context, project, plan, {}, events));
    // A network with a damaged record is in no plan; by now nobody is on it.
    if (const auto removed = network::remove_leftovers(context); !removed)
        context.progress->warn(removed.error().to_string());
    return plan;
}

} // namespace berth::compose
