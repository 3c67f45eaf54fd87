// loader.hpp - compose files to a Project: runs the phases in order (read, interpolate, include, extends,
// merge, reset, normalise, validate, decode) and collects the diagnostics of all files.
#pragma once

#include "compose/model/project.hpp"
#include "compose/source/node.hpp"
#include "runtime/base/json.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace berth::compose {

struct LoadOptions {
    std::vector<std::string>
        files;                // -f, in order; empty: COMPOSE_FILE, else found in the folder or its parents
    std::string project_name; // -p; empty: COMPOSE_PROJECT_NAME, `name:`, the folder's name
    std::string project_directory;      // --project-directory
    std::vector<std::string> env_files; // --env-file; empty: COMPOSE_ENV_FILES, else .env
    std::vector<std::string> profiles;  // --profile ("*": all); empty: COMPOSE_PROFILES
    std::vector<std::string> services;  // targeted services: they and their dependencies ignore profiles
    std::map<std::string, std::string> environment; // the process environment
    std::string working_directory;
    bool only_services =
        false; // `canonical` and `document` hold the targeted services and their dependencies alone
    bool interpolate = true, normalize = true, resolve_paths = true, check_consistency = true;
    bool engine_rules = true;   // false: what only the engine would refuse (a restart policy) is a warning
    bool read_env_files = true; // false: the services' env_file stands in the model, unread
    // false leaves that member of the result empty: `up` has no use for either.
    bool want_canonical = true, want_document = true;
    // The compose file inside an archive at this path; nothing when the file there is none.
    std::function<Lookup<std::string>(const std::string& path)> archived_text;
    std::string explain; // a key of the model ("services.db.environment.PASSWORD"); empty: none
};

// A value as it was at one moment: where it was written, and what made it what it is.
struct ValueStep {
    std::string text;
    SourcePos at;
    bool implied = false; // follows from what stands at the place, instead of being written there
    std::vector<VariableUse> variables;
    std::vector<SourcePos> merged_by; // keys "<<" that brought it
};
struct ExplainedValue {
    std::string path;
    Json value; // as `config --format json` prints it, "$" not doubled
    ValueStep now;
    std::vector<ValueStep> replaced; // what it took the place of, the latest first
    bool removed = false;            // there is no such value: `now.at` is the !reset that took it away
};

struct LoadResult {
    std::optional<Project> project; // none when there are errors
    Diagnostics diagnostics;
    // The canonical model as `config --format json` prints it, key for key as Docker Compose 2.40: "$" is
    // "$$" already (unless interpolation is off), extensions and models are left out.
    Json canonical;
    // The same for YAML, which in Docker Compose keeps extensions and models: to_yaml(document) is `config`.
    Json document;
    std::vector<ExplainedValue> explained; // what LoadOptions::explain asked for
};
// Never throws. Finding no file at all is one error in the diagnostics.
[[nodiscard]] LoadResult load_project(const LoadOptions& options);

// YAML in block style; strings that a reader would take for something else are quoted.
[[nodiscard]] std::string to_yaml(const Json& document);

// `config --variables`: every variable that the compose files mention, in the order of its first mention.
struct MentionedVariable {
    std::string name, default_value, alternate_value;
    bool required = false;
    std::string source; // "shell", ".env:3", "default"; "" when it has no value
    SourcePos at;
};
[[nodiscard]] std::vector<MentionedVariable> list_variables(const LoadOptions& options,
                                                            Diagnostics& diagnostics);
// `config --environment`: what interpolation sees, with the process environment and the env files.
[[nodiscard]] std::map<std::string, std::string> project_environment(const LoadOptions& options,
                                                                     Diagnostics& diagnostics);

} // namespace berth::compose
