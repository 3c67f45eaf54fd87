#include "compose/plan/naming.hpp"

#include "runtime/base/concat.hpp"

#include <algorithm>

namespace berth::compose {

std::string container_name(const Project& project, const Service& service, std::int64_t number) {
    if (!service.container_name.empty()) return service.container_name;
    return concat(project.name, "-", service.name, "-", number);
}

bool is_container_name(std::string_view text) {
    const auto word = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return text.size() > 1 && word(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
               return word(c) || c == '_' || c == '.' || c == '-';
           });
}

std::string replaced_name(const std::string& id, const std::string& name) {
    return concat(std::string_view(id).substr(0, 12), "_", name);
}

std::string image_name(const Project& project, const Service& service) {
    if (!service.image.empty()) return service.image;
    return concat(project.name, "-", service.name);
}

std::vector<std::string> linked_aliases(const Project& project, const Service& service,
                                        const std::string& network) {
    std::vector<std::string> out;
    for (const auto& [name, other] : project.services) {
        if (other.links.empty()) continue;
        const bool shared = std::any_of(other.networks.begin(), other.networks.end(),
                                        [&](const ServiceNetwork& n) { return n.network == network; });
        if (!shared) continue;
        for (const auto& link : other.links) {
            const auto colon = link.find(':');
            if (colon != std::string::npos && link.substr(0, colon) == service.name)
                out.push_back(link.substr(colon + 1));
        }
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::string_view condition_name(DependencyCondition condition) {
    switch (condition) {
    case DependencyCondition::healthy:
        return "service_healthy";
    case DependencyCondition::completed_successfully:
        return "service_completed_successfully";
    case DependencyCondition::started:
        break;
    }
    return "service_started";
}

std::string depends_on_label(const Service& service) {
    std::string out;
    for (const auto& dependency : service.depends_on)
        out += concat(out.empty() ? "" : ",", dependency.service, ":", condition_name(dependency.condition),
                      ":", dependency.restart);
    return out;
}

} // namespace berth::compose
