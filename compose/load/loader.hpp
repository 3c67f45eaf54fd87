// loader.hpp - compose files to a Project: runs the phases in order (read, interpolate, include, extends, merge, reset,
// normalise, validate, decode) and collects the diagnostics of all files.
#pragma once

#include "compose/model/project.hpp"
#include "runtime/base/json.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::compose {

struct LoadOptions {
    std::vector<std::string> files;     // -f, in order; empty: COMPOSE_FILE, else found in the folder or its parents
    std::string project_name;           // -p; empty: COMPOSE_PROJECT_NAME, `name:`, the folder's name
    std::string project_directory;      // --project-directory
    std::vector<std::string> env_files; // --env-file; empty: COMPOSE_ENV_FILES, else .env
    std::vector<std::string> profiles;  // --profile ("*": all) added to COMPOSE_PROFILES
    std::vector<std::string> services;  // targeted services: they and their dependencies ignore profiles
    std::map<std::string, std::string> environment; // the process environment
    std::string working_directory;
    bool interpolate = true, normalize = true, resolve_paths = true, check_consistency = true;
};

struct LoadResult {
    std::optional<Project> project; // none when there are errors
    Diagnostics diagnostics;
    // The canonical model as `config` prints it (key for key as Docker Compose 2.40), for both --format yaml and json.
    Json canonical;
};
// Never throws. Finding no file at all is one error in the diagnostics.
[[nodiscard]] LoadResult load_project(const LoadOptions& options);

// `config`: the canonical model as YAML, "$" escaped as "$$", strings that look like something else quoted.
[[nodiscard]] std::string to_yaml(const Json& canonical);

} // namespace berth::compose
