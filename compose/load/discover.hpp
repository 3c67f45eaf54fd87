// discover.hpp - before any compose file is parsed: the environment with its env files, which compose files
// to read, and the project directory. The order follows Docker Compose: process environment, env files of the
// working directory (which may set COMPOSE_FILE ...), compose files, then the env file of the project
// directory.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

struct ComposeInput {
    std::string path;    // absolute; "-" for standard input
    std::string display; // as messages name it
};

// Fills context.environment and context.directory; empty with an error in the diagnostics when nothing is to
// be read.
[[nodiscard]] std::vector<ComposeInput> discover(LoadContext& context);

// Reads an env file into `environment`; variables that are set already win. Missing file: an error.
void load_env_file(LoadContext& context, const std::string& path, Environment& environment);
void load_env_file(LoadContext& context, const std::vector<std::string>& paths, Environment& environment);

// Shorter than the absolute path where the file lies below the working directory.
[[nodiscard]] std::string display_path(const LoadContext& context, const std::string& absolute);
[[nodiscard]] std::string expand_home(const Environment& environment, std::string_view path);
[[nodiscard]] std::string variable_or(const Environment& environment, std::string_view name,
                                      std::string_view otherwise);
// A git URL or an OCI reference, which are not read (yet).
[[nodiscard]] bool is_remote_resource(std::string_view path);

[[nodiscard]] std::string normal_project_name(std::string_view text);
[[nodiscard]] bool is_project_name(std::string_view text);

} // namespace berth::compose::load
