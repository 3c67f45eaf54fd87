#include "compose/ui/go_zero_values.hpp"

#include <algorithm>
#include <array>

namespace berth::ui::tmpl {

namespace {

constexpr std::array<std::string_view, 14> k_texts{
    "Author", "Comment",    "Container", "DockerVersion", "Domainname", "Error", "Hostname",
    "Image",  "MacAddress", "OsVersion", "Parent",        "StopSignal", "User",  "Variant"};
constexpr std::array<std::string_view, 28> k_lists{
    "Aliases", "Binds",          "BlkioWeightDevice", "CapAdd",   "CapDrop",     "Cmd",         "DNSNames",
    "Devices", "DeviceRequests", "DeviceCgroupRules", "Dns",      "DnsOptions",  "DnsSearch",   "Entrypoint",
    "Env",     "ExecIDs",        "ExtraHosts",        "GroupAdd", "Links",       "MaskedPaths", "Mounts",
    "OnBuild", "ReadonlyPaths",  "RepoDigests",       "RepoTags", "SecurityOpt", "Shell",       "Ulimits"};
constexpr std::array<std::string_view, 12> k_maps{"Annotations", "DriverOpts", "ExposedPorts", "Labels",
                                                  "LogConfig",   "Networks",   "Options",      "PortBindings",
                                                  "Ports",       "Sysctls",    "Tmpfs",        "Volumes"};
constexpr std::array<std::string_view, 8> k_pointers{"Health",         "Healthcheck", "IPAMConfig",
                                                     "Init",           "PidsLimit",   "MemorySwappiness",
                                                     "OomKillDisable", "StopTimeout"};

template <std::size_t N> bool has(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

std::optional<std::string_view> zero_text(std::string_view member) {
    if (has(k_texts, member)) return "";
    if (has(k_lists, member)) return "[]";
    if (has(k_maps, member)) return "map[]";
    if (has(k_pointers, member)) return "<nil>";
    return std::nullopt;
}

} // namespace berth::ui::tmpl
