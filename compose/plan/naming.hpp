// naming.hpp - the names and labels that Docker Compose gives, so that scripts which read them go on working,
// and the hashes by which a changed service, network or volume is recognised. Pure.
#pragma once

#include "compose/model/project.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::compose {

inline constexpr const char* k_label_project = "com.docker.compose.project";
inline constexpr const char* k_label_service = "com.docker.compose.service";
inline constexpr const char* k_label_number = "com.docker.compose.container-number";
inline constexpr const char* k_label_oneoff = "com.docker.compose.oneoff"; // "True", "False"
inline constexpr const char* k_label_config_hash = "com.docker.compose.config-hash";
inline constexpr const char* k_label_image = "com.docker.compose.image"; // id
inline constexpr const char* k_label_working_dir = "com.docker.compose.project.working_dir";
inline constexpr const char* k_label_config_files = "com.docker.compose.project.config_files";
inline constexpr const char* k_label_depends_on =
    "com.docker.compose.depends_on"; // "db:service_healthy:false,..."
inline constexpr const char* k_label_version = "com.docker.compose.version";
inline constexpr const char* k_label_network = "com.docker.compose.network"; // key
inline constexpr const char* k_label_volume = "com.docker.compose.volume";   // key
inline constexpr const char* k_compose_version = "2.40.0"; // the Docker Compose whose behaviour is followed

// "shop-web-1", or container_name.
[[nodiscard]] std::string container_name(const Project& project, const Service& service, std::int64_t number);
// Letters, digits, '_', '.' and '-', two or more, the first one a letter or digit.
[[nodiscard]] bool is_container_name(std::string_view text);
// What a container is called between the creation of its replacement and its removal:
// "0123456789ab_shop-web-1".
[[nodiscard]] std::string replaced_name(const std::string& id, const std::string& name);
// `image:`, or "shop-web" for a service that is only built.
[[nodiscard]] std::string image_name(const Project& project, const Service& service);

// SHA-256 over what a container is made from. Not in it: build, pull_policy, scale, depends_on, profiles
// (they change no container), and the image's content (compared by id). In it: the content of configs and
// secrets.
[[nodiscard]] std::string config_hash(const Project& project, const Service& service);
[[nodiscard]] std::string config_hash(const ProjectNetwork& network);
[[nodiscard]] std::string config_hash(const ProjectVolume& volume);

// Other services' `links: [service:alias]`, which make it known under that name on a network that both are
// on.
[[nodiscard]] std::vector<std::string> linked_aliases(const Project& project, const Service& service,
                                                      const std::string& network);
[[nodiscard]] std::string_view condition_name(DependencyCondition condition); // "service_healthy"
[[nodiscard]] std::string depends_on_label(const Service& service);

} // namespace berth::compose
