// project.hpp - the whole of what the user wants: the value that loading produces and planning starts from.
#pragma once

#include "compose/model/service.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::compose {

struct IpamSubnet {
    std::string subnet, gateway, ip_range;
    std::map<std::string, std::string> aux_addresses;
};
struct ProjectNetwork {
    std::string key;  // below `networks:`
    std::string name; // on the host: project_key, or `name:`
    bool external = false, internal = false, attachable = false, enable_ipv6 = false;
    std::optional<bool> enable_ipv4;
    std::string driver, ipam_driver;
    std::map<std::string, std::string> driver_opts, labels;
    std::vector<IpamSubnet> ipam;
    SourcePos at;
};
struct ProjectVolume {
    std::string key, name;
    bool external = false;
    std::string driver;
    std::map<std::string, std::string> driver_opts, labels;
    SourcePos at;
};
struct ProjectFile { // configs and secrets
    std::string key, name;
    bool external = false;
    std::string file;        // absolute path
    std::string environment; // variable name
    std::optional<std::string> content;
    std::map<std::string, std::string> labels;
    SourcePos at;
};

struct Project {
    std::string name;
    std::string directory;                            // absolute
    std::vector<std::string> files;                   // absolute paths of the compose files
    std::map<std::string, std::string> environment;   // process environment and .env, as interpolation saw it
    std::map<std::string, Service> services;          // enabled ones (profiles)
    std::map<std::string, Service> disabled_services; // left out by profiles
    std::map<std::string, ProjectNetwork> networks;
    std::map<std::string, ProjectVolume> volumes;
    std::map<std::string, ProjectFile> configs, secrets;
    std::vector<std::string> profiles;
};

} // namespace berth::compose
