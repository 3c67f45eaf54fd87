#include "runtime/container/damaged.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/sandbox/oci_spec.hpp"

#include <sys/stat.h>

namespace berth::runtime {

namespace {

constexpr std::size_t k_largest_record = 8u << 20;

std::optional<ContainerSpec> spec_of(const std::string& text, const std::string& path,
                                     const std::string& id) {
    auto spec = parse_record<ContainerSpec>(text, path);
    if (!spec || spec->id != id) return std::nullopt;
    return std::move(*spec);
}

std::optional<ContainerSpec> stored_spec(const Context& context, const std::string& id) {
    const auto path = join_path(context.paths.container(id), "spec.json");
    const auto text = read_file(path, k_largest_record);
    return text ? spec_of(*text, path, id) : std::nullopt;
}

std::optional<ContainerSpec> copied_spec(const Context& context, const std::string& id) {
    const auto path = join_path(context.paths.container(id), "bundle/config.json");
    const auto text = read_file(path, k_largest_record);
    if (!text) return std::nullopt;
    const auto bundle = parse_record<oci::Spec>(*text, path);
    if (!bundle) return std::nullopt;
    const auto copy = bundle->annotations.find(k_record_annotation);
    return copy == bundle->annotations.end() ? std::nullopt : spec_of(copy->second, path, id);
}

// The links tell, also after a rename that the copy knows nothing of.
std::string name_of(const Context& context, const std::string& id) {
    const auto names = list_dir(context.paths.container_names());
    if (!names) return {};
    for (const auto& name : *names) {
        if (name.starts_with(".")) continue;
        const auto holder = id_of_name(context, name);
        if (holder && *holder && **holder == id) return name;
    }
    return {};
}

std::string folder_time(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return to_rfc3339(WallTime{status.st_mtim.tv_sec, static_cast<std::int32_t>(status.st_mtim.tv_nsec)});
}

} // namespace

Container salvage_container(const Context& context, const std::string& id, const Error& damage) {
    Container out;
    auto spec = stored_spec(context, id);
    if (!spec) spec = copied_spec(context, id);
    if (spec) out.spec = std::move(*spec);
    out.spec.id = id;
    if (auto name = name_of(context, id); !name.empty()) out.spec.name = std::move(name);
    if (out.spec.created_at.empty()) out.spec.created_at = folder_time(context.paths.container(id));
    out.state.status = Status::dead;
    out.state.error = damage.to_string();
    out.damaged = true;
    return out;
}

} // namespace berth::runtime
