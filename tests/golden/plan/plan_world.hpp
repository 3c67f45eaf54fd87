// plan_world.hpp - projects and observed states for tests of the planner, built by hand in few words.
#pragma once

#include "compose/plan/naming.hpp"
#include "compose/plan/reconcile.hpp"

#include <algorithm>
#include <memory>

namespace berth::compose::test {

inline SourcePos place(std::uint32_t line, std::uint32_t column = 7) {
    static const auto file = std::make_shared<SourceFile>(SourceFile{"compose.yaml", ""});
    return {file, line, column, 1};
}

// A project "shop" with the network "default"; every service is on it and runs the image of its name.
struct World {
    Project project;
    Observed observed;
    UpOptions up;

    World() {
        project.name = "shop";
        project.directory = "/srv/shop";
        project.files = {"/srv/shop/compose.yaml"};
        network("default");
    }
    ProjectNetwork& network(const std::string& key) {
        auto& network = project.networks[key];
        network.key = key;
        network.name = "shop_" + key;
        network.at = place(90);
        return network;
    }
    ProjectVolume& volume(const std::string& key) {
        auto& volume = project.volumes[key];
        volume.key = key;
        volume.name = "shop_" + key;
        volume.at = place(95);
        return volume;
    }
    Service& service(const std::string& name) {
        auto& service = project.services[name];
        service.name = name;
        service.image = name;
        service.at = place(static_cast<std::uint32_t>(10 * project.services.size()));
        service.networks.push_back({"default", {}, {}, {}, {}, {}, {}, 0, 0, {}, {}});
        up.image_ids[name] = "sha256:" + name;
        return service;
    }
    Service& needs(const std::string& name, const std::string& other,
                   DependencyCondition condition = DependencyCondition::started) {
        auto& service = project.services.at(name);
        service.depends_on.push_back({other, condition, false, true, place(service.at.line + 5)});
        return service;
    }

    // All that `up` would have made, running.
    void is_up() {
        for (const auto& [key, network] : project.networks)
            observed.networks.push_back({"n-" + key, network.name, key, config_hash(network)});
        for (const auto& [key, volume] : project.volumes)
            observed.volumes.push_back({volume.name, key, config_hash(volume)});
        for (const auto& [name, service] : project.services)
            for (std::int64_t number = 1; number <= service.scale; ++number)
                container(name, number);
    }
    ObservedContainer& container(const std::string& name, std::int64_t number = 1) {
        ObservedContainer container;
        container.service = name;
        container.number = number;
        container.id = name + std::to_string(number) + "00000000000000";
        container.name = "shop-" + name + "-" + std::to_string(number);
        container.status = decltype(container.status)::running;
        container.created_at = "2026-01-01T00:00:00Z";
        if (const auto found = project.services.find(name); found != project.services.end()) {
            const auto& service = found->second;
            if (!service.container_name.empty()) container.name = service.container_name;
            container.config_hash = config_hash(project, service);
            container.image = image_name(project, service);
            container.image_id = up.image_ids[name];
            for (const auto& network : service.networks)
                container.networks.push_back(project.networks.at(network.network).name);
            for (const auto& mount : service.volumes)
                if (mount.type == MountType::volume && !mount.source.empty())
                    container.named_volumes.push_back(project.volumes.at(mount.source).name);
            for (const auto& dependency : service.depends_on)
                container.depends_on.push_back(dependency.service);
        }
        container.ipv4["shop_default"] = "172.18.0." + std::to_string(observed.containers.size() + 2);
        observed.containers.push_back(std::move(container));
        std::stable_sort(observed.containers.begin(), observed.containers.end(),
                         [](const auto& a, const auto& b) {
                             return std::tie(a.service, a.number) < std::tie(b.service, b.number);
                         });
        return at(name, number);
    }
    ObservedContainer& at(const std::string& name, std::int64_t number = 1) {
        return *std::find_if(observed.containers.begin(), observed.containers.end(),
                             [&](const auto& c) { return c.service == name && c.number == number; });
    }
};

// web -> app -> db (healthy), app -> migrate (completed), worker -> cache; db keeps data.
inline World shop() {
    World world;
    world.volume("data");
    auto& db = world.service("db");
    ServiceMount data;
    data.source = "data";
    data.target = "/data";
    db.volumes.push_back(data);
    world.service("cache");
    world.service("migrate");
    world.service("app");
    world.service("web").ports.push_back({"", "8080", 80, "tcp", "ingress", {}, {}, {}});
    world.service("worker");
    world.needs("migrate", "db", DependencyCondition::healthy);
    world.needs("app", "db", DependencyCondition::healthy);
    world.needs("app", "migrate", DependencyCondition::completed_successfully);
    world.needs("web", "app");
    world.needs("worker", "cache");
    return world;
}

} // namespace berth::compose::test
