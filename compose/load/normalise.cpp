#include "compose/load/normalise.hpp"

#include "compose/load/discover.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

template <class Function> void each(SourceNode& root, std::string_view section, Function&& function) {
    if (auto* node = root.find(section); node != nullptr && node->is_mapping())
        for (auto& entry : node->entries)
            function(entry);
}

void default_text(SourceNode& node, std::string_view key, std::string_view value) {
    const auto* present = node.find(key);
    if (present == nullptr || (present->is_string() && present->text.empty()))
        node.set(key, SourceNode::make_string(std::string(value), node.at));
}

void service_defaults(SourceNode& service) {
    if (auto* build = service.find("build")) default_text(*build, "context", ".");
    if (auto* volumes = service.find("volumes"))
        for (auto& mount : volumes->items)
            if (auto* target = mount.find("target");
                target != nullptr && target->is_string() && !target->text.empty())
                target->text = clean_path(target->text);
    if (auto* secrets = service.find("secrets"))
        for (auto& secret : secrets->items) {
            if (!secret.is_mapping()) continue;
            const auto target = secret.text_of("target");
            if (target.empty())
                secret.set("target", SourceNode::make_string(
                                         concat("/run/secrets/", secret.text_of("source")), secret.at));
        }
}

bool is_true(const SourceNode* node) {
    if (node == nullptr) return false;
    const auto value = read_bool(*node);
    return value && *value;
}

void resolve_items(LoadContext& context, SourceNode& list, bool drop_unset) {
    const auto alone = [](const SourceNode& item) {
        return item.is_string() && item.text.find_first_of("=$") == std::string::npos;
    };
    for (auto& item : list.items)
        if (const auto found = context.environment.find(item.text);
            alone(item) && found != context.environment.end())
            item.text += concat("=", found->second.value);
    if (drop_unset) std::erase_if(list.items, alone);
}

// `environment: [A]` takes A from the project; build arguments that nobody sets are left out.
void resolve_values(LoadContext& context, SourceNode* mapping, bool drop_unset) {
    if (mapping == nullptr) return;
    if (mapping->is_sequence()) { // left as written, with --no-interpolate
        resolve_items(context, *mapping, drop_unset);
        return;
    }
    for (auto& entry : mapping->entries) {
        if (!entry.value.is_null()) continue;
        const auto found = context.environment.find(entry.key);
        if (found == context.environment.end()) continue;
        entry.value.kind = Kind::string;
        entry.value.text = found->second.value;
        context.remember_variables(entry.value, {{entry.key, found->second.value, found->second.origin}});
    }
    if (drop_unset) std::erase_if(mapping->entries, [](const auto& entry) { return entry.value.is_null(); });
}

// `at` is a copy: it comes from an entry of the very mapping that grows here.
void imply_dependency(SourceNode& service, const std::string& target, bool restart, const Place at) {
    if (target.empty()) return;
    auto* depends = service.find("depends_on");
    if (depends == nullptr) depends = &service.set("depends_on", SourceNode::make_mapping(at));
    if (depends->find(target) != nullptr) return;
    SourceNode dependency = SourceNode::make_mapping(at);
    dependency.set("condition", SourceNode::make_string("service_started", at));
    dependency.set("restart", SourceNode::make_bool(restart, at));
    dependency.set("required", SourceNode::make_bool(true, at));
    depends->set(target, std::move(dependency));
}

void implied_dependencies(SourceNode& service) {
    if (const auto* links = service.find("links")) {
        const auto items = links->items;
        for (const auto& link : items)
            imply_dependency(service, link.text.substr(0, link.text.find(':')), true, link.at);
    }
    for (const auto* key : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
        const std::string text(service.text_of(key));
        constexpr std::string_view k_prefix = "service:";
        if (text.rfind(k_prefix, 0) == 0)
            imply_dependency(service, text.substr(k_prefix.size()), true, service.find(key)->at);
    }
    if (const auto* from = service.find("volumes_from")) {
        const auto items = from->items;
        for (const auto& item : items)
            if (item.text.rfind("container:", 0) != 0)
                imply_dependency(service, item.text.substr(0, item.text.find(':')), false, item.at);
    }
}

void normalise_service(LoadContext& context, SourceNode& service) {
    if (auto* build = service.find("build")) {
        // An empty one (a variable that is not set) stays, as in the reference; the builder takes it for the
        // default.
        if (build->text_of("dockerfile_inline").empty() && build->find("dockerfile") == nullptr)
            default_text(*build, "dockerfile", "Dockerfile");
        resolve_values(context, build->find("args"), true);
    }
    resolve_values(context, service.find("environment"), false);
    if (auto* policy = service.find("pull_policy"); policy != nullptr && policy->text == "if_not_present")
        policy->text = "missing";
    implied_dependencies(service);
    if (const auto* scale = service.find("scale"))
        if (auto* deploy = service.find("deploy");
            deploy != nullptr && deploy->is_mapping() && deploy->find("replicas") == nullptr) {
            SourceNode replicas = *scale;
            replicas.implied = true;
            deploy->set("replicas", std::move(replicas));
        }
}

// True when some service uses the network that nobody has to declare.
bool join_default_network(SourceNode& root) {
    bool used = false;
    each(root, "services", [&](SourceEntry& entry) {
        SourceNode& service = entry.value;
        auto* networks = service.find("networks");
        if (networks != nullptr && networks->entries.empty()) {
            service.erase("networks");
            networks = nullptr;
        }
        // An empty mode (a variable that is not set) asks for no network either, as in the reference.
        if (networks == nullptr && service.find("network_mode") == nullptr &&
            service.find("provider") == nullptr) {
            SourceNode mapping = SourceNode::make_mapping(service.at);
            mapping.set("default", SourceNode::make_scalar(Kind::null, {}, service.at));
            networks = &service.set("networks", std::move(mapping));
        }
        if (networks != nullptr && networks->find("default") != nullptr) used = true;
    });
    return used;
}

void name_resources(const LoadContext& context, SourceNode& root, std::string_view section) {
    each(root, section, [&](SourceEntry& entry) {
        const bool external = is_true(entry.value.find("external"));
        default_text(entry.value, "name",
                     external ? entry.key : concat(context.project_name, "_", entry.key));
    });
}

} // namespace

void set_defaults(LoadContext&, SourceNode& root) {
    each(root, "services", [](SourceEntry& entry) { service_defaults(entry.value); });
    for (const auto* section : {"networks", "volumes", "secrets", "configs"})
        each(root, section, [](SourceEntry& entry) {
            if (entry.value.is_null()) entry.value = SourceNode::make_mapping(entry.key_at);
        });
}

void resolve_environment(LoadContext& context, SourceNode& root) {
    each(root, "services",
         [&](SourceEntry& entry) { resolve_values(context, entry.value.find("environment"), false); });
}

void normalise(LoadContext& context, SourceNode& root) {
    each(root, "services", [&](SourceEntry& entry) { normalise_service(context, entry.value); });
    if (join_default_network(root)) {
        auto* networks = root.find("networks");
        if (networks == nullptr) networks = &root.set("networks", SourceNode::make_mapping(root.at));
        if (networks->is_mapping() && networks->find("default") == nullptr)
            networks->set("default", SourceNode::make_mapping(root.at));
    }
    for (const auto* section : {"networks", "volumes", "secrets", "configs"})
        name_resources(context, root, section);
}

void keep_targets(const LoadContext& context, SourceNode& root) {
    auto* services = root.find("services");
    if (services == nullptr || context.options.services.empty()) return;
    std::set<std::string> kept;
    std::vector<std::string> open = context.options.services;
    while (!open.empty()) {
        const std::string name = std::move(open.back());
        open.pop_back();
        const auto* service = services->find(name);
        if (service == nullptr || !kept.insert(name).second) continue;
        if (const auto* depends = service->find("depends_on"))
            for (const auto& entry : depends->entries)
                open.push_back(entry.key);
    }
    const auto is_left_out = [&](const SourceEntry& entry) { return kept.count(entry.key) == 0; };
    std::erase_if(services->entries, is_left_out);
    for (auto& entry : services->entries)
        if (auto* depends = entry.value.find("depends_on")) std::erase_if(depends->entries, is_left_out);
}

Selection select_profiles(LoadContext& context, SourceNode& root) {
    Selection out{SourceNode::make_mapping(root.at), context.options.profiles};
    const std::string by_variable =
        out.profiles.empty() ? variable_or(context.environment, "COMPOSE_PROFILES", "") : "";
    for (auto& name : split(by_variable, ','))
        if (auto trimmed = std::string(trim(name)); !trimmed.empty())
            out.profiles.push_back(std::move(trimmed));
    auto* services = root.find("services");
    if (services == nullptr || !services->is_mapping()) return out;
    const auto profiles_of = [](const SourceNode& service) {
        std::vector<std::string> names;
        if (const auto* list = service.find("profiles"))
            for (const auto& item : list->items)
                names.push_back(item.text);
        return names;
    };
    const bool none_asked_for = out.profiles.empty();
    const auto active = [&](const std::vector<std::string>& wanted) {
        if (wanted.empty()) return true;
        // `profiles: ["${P}"]` with an empty P is active while no profile is asked for.
        if (none_asked_for && std::find(wanted.begin(), wanted.end(), "") != wanted.end()) return true;
        return std::any_of(out.profiles.begin(), out.profiles.end(), [&](const std::string& profile) {
            return profile == "*" || std::find(wanted.begin(), wanted.end(), profile) != wanted.end();
        });
    };
    for (const auto& target : context.options.services)
        if (const auto* service = services->find(target)) {
            const auto own = profiles_of(*service);
            if (!active(own)) out.profiles.insert(out.profiles.end(), own.begin(), own.end());
        }
    std::vector<SourceEntry> enabled;
    for (auto& entry : services->entries)
        (active(profiles_of(entry.value)) ? enabled : out.disabled.entries).push_back(std::move(entry));
    services->entries = std::move(enabled);
    return out;
}

} // namespace berth::compose::load
