#include "compose/plan/observed.hpp"

#include "compose/plan/naming.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/store.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>
#include <set>

namespace berth::compose {

namespace {

using Labels = std::map<std::string, std::string>;

std::string label(const Labels& labels, const char* name) {
    const auto found = labels.find(name);
    return found == labels.end() ? std::string() : found->second;
}

// "db:service_healthy:false,cache:service_started:false" -> db, cache
std::vector<std::string> depended_services(const std::string& text) {
    std::vector<std::string> out;
    if (text.empty()) return out;
    for (const auto& part : split(text, ','))
        out.push_back(part.substr(0, part.find(':')));
    return out;
}

std::vector<std::string> asked_networks(const runtime::ContainerSpec& spec) {
    std::vector<std::string> out;
    if (const auto* requests = spec.network.endpoint_requests.as_array())
        for (const auto& request : *requests)
            if (const auto* name = request.find("network"); name != nullptr && name->as_string() != nullptr)
                out.push_back(*name->as_string());
    return out;
}

ObservedContainer observe_container(runtime::Container container) {
    auto& spec = container.spec;
    ObservedContainer out;
    out.id = spec.id;
    out.name = spec.name;
    out.service = label(spec.labels, k_label_service);
    out.number = parse_integer(label(spec.labels, k_label_number), 0).value_or(0);
    out.oneoff = label(spec.labels, k_label_oneoff) == "True";
    out.config_hash = label(spec.labels, k_label_config_hash);
    out.image = spec.image;
    out.image_id = spec.image_id;
    out.status = container.state.status;
    out.health = container.state.health;
    out.exit_code = container.state.exit_code;
    out.damaged = container.damaged;
    out.has_healthcheck = spec.healthcheck.has_value();
    out.created_at = spec.created_at;
    out.networks = asked_networks(spec);
    for (const auto& mount : spec.mounts) {
        if (mount.kind != runtime::MountKind::volume) continue;
        if (mount.anonymous)
            out.anonymous_volumes[clean_path(mount.target)] = mount.name;
        else
            out.named_volumes.push_back(mount.name);
    }
    out.depends_on = depended_services(label(spec.labels, k_label_depends_on));
    out.labels = std::move(spec.labels);
    return out;
}

Result<std::vector<ObservedContainer>> observe_containers(const Context& context,
                                                          const std::string& project) {
    std::vector<Error> broken;
    BERTH_ASSIGN_OR_RETURN(auto containers, runtime::list_containers(context, &broken));
    for (const auto& error : broken)
        context.progress->warn(error.to_string());
    std::vector<ObservedContainer> out;
    for (auto& container : containers)
        if (label(container.spec.labels, k_label_project) == project)
            out.push_back(observe_container(std::move(container)));
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::tie(a.service, a.number, a.created_at) < std::tie(b.service, b.number, b.created_at);
    });
    return out;
}

Status add_addresses(const Context& context, const std::vector<network::Network>& networks,
                     std::vector<ObservedContainer>& containers) {
    std::set<std::string> used;
    std::map<std::string, ObservedContainer*> by_id;
    for (auto& container : containers) {
        used.insert(container.networks.begin(), container.networks.end());
        by_id[container.id] = &container;
    }
    for (const auto& network : networks) {
        if (!used.contains(network.config.name)) continue;
        BERTH_ASSIGN_OR_RETURN(const auto endpoints, network::endpoints(context, network.id));
        for (const auto& endpoint : endpoints)
            if (const auto found = by_id.find(endpoint.container_id);
                found != by_id.end() && !endpoint.ipv4.empty())
                found->second->ipv4[network.config.name] = endpoint.ipv4;
    }
    return {};
}

// `names`: those that count even without the project's label.
Result<Observed> observe_all(const Context& context, const std::string& project,
                             const std::set<std::string>& network_names,
                             const std::set<std::string>& volume_names) {
    Observed out;
    BERTH_ASSIGN_OR_RETURN(out.containers, observe_containers(context, project));
    BERTH_ASSIGN_OR_RETURN(const auto networks, network::list(context));
    for (const auto& network : networks) {
        const auto& labels = network.config.labels;
        const bool ours = label(labels, k_label_project) == project;
        if (!ours && !network_names.contains(network.config.name)) continue;
        out.networks.push_back({network.id, network.config.name,
                                ours ? label(labels, k_label_network) : std::string(),
                                label(labels, k_label_config_hash)});
    }
    if (!out.containers.empty()) BERTH_TRY(add_addresses(context, networks, out.containers));
    BERTH_ASSIGN_OR_RETURN(const auto volumes, volumes::list(context));
    for (const auto& volume : volumes) {
        const bool ours = label(volume.labels, k_label_project) == project;
        if (!ours && !volume_names.contains(volume.name)) continue;
        out.volumes.push_back({volume.name, ours ? label(volume.labels, k_label_volume) : std::string(),
                               label(volume.labels, k_label_config_hash)});
    }
    return out;
}

} // namespace

Result<Observed> observe(const Context& context, const std::string& project) {
    return observe_all(context, project, {}, {});
}

Result<Observed> observe(const Context& context, const Project& project) {
    std::set<std::string> networks;
    std::set<std::string> volumes;
    for (const auto& [key, network] : project.networks)
        networks.insert(network.name);
    for (const auto& [key, volume] : project.volumes)
        volumes.insert(volume.name);
    BERTH_ASSIGN_OR_RETURN(auto out, observe_all(context, project.name, networks, volumes));
    out.names_known = true;
    return out;
}

Result<std::vector<ObservedProject>> observe_projects(const Context& context) {
    std::vector<Error> broken;
    BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(context, &broken));
    for (const auto& error : broken)
        context.progress->warn(error.to_string());
    std::map<std::string, ObservedProject> projects;
    for (const auto& container : containers) {
        const auto& labels = container.spec.labels;
        const auto name = label(labels, k_label_project);
        if (name.empty() || label(labels, k_label_oneoff) == "True") continue;
        auto& project = projects[name];
        project.name = name;
        project.config_files = label(labels, k_label_config_files);
        project.working_directory = label(labels, k_label_working_dir);
        ++project.by_status[std::string(enum_to_name(container.state.status))];
    }
    std::vector<ObservedProject> out;
    for (auto& [name, project] : projects)
        out.push_back(std::move(project));
    return out;
}

} // namespace berth::compose
