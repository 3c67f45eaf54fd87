#include "compose/load/discover.hpp"

#include "compose/load/dotenv.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace berth::compose::load {

namespace {

constexpr std::array k_file_names = {"compose.yaml", "compose.yml", "docker-compose.yml",
                                     "docker-compose.yaml"};
constexpr std::array k_override_names = {"compose.override.yml", "compose.override.yaml",
                                         "docker-compose.override.yml", "docker-compose.override.yaml"};

bool is_file(const std::string& path) {
    return path_exists(path) && !is_directory(path);
}

ComposeInput input_of(const LoadContext& context, const std::string& path) {
    if (path == "-") return {"-", "-"};
    const auto absolute =
        absolute_path(expand_home(context.environment, path), context.options.working_directory);
    return {absolute, display_path(context, absolute)};
}

// COMPOSE_ENV_FILES or --env-file, else `.env` of the folder.
void load_env_files(LoadContext& context, const std::string& folder) {
    std::vector<std::string> paths = context.options.env_files;
    if (paths.empty())
        for (auto& path : split(variable_or(context.environment, "COMPOSE_ENV_FILES", ""), ','))
            if (!path.empty()) paths.push_back(std::move(path));
    if (!paths.empty()) {
        for (auto& path : paths)
            path = absolute_path(path, context.options.working_directory);
        load_env_file(context, paths, context.environment);
        return;
    }
    SourceNode disabled =
        SourceNode::make_string(variable_or(context.environment, "COMPOSE_DISABLE_ENV_FILE", "false"), {});
    if (const auto off = read_bool(disabled); off && *off) return;
    const std::string path = join_path(folder, ".env");
    if (is_file(path)) load_env_file(context, path, context.environment);
}

std::vector<std::string> find_upwards(LoadContext& context, std::string folder) {
    for (;;) {
        std::vector<std::string> found;
        for (const auto* name : k_file_names)
            if (auto path = join_path(folder, name); is_file(path)) found.push_back(std::move(path));
        if (!found.empty()) {
            if (found.size() > 1)
                context.warn(
                    Error(ErrorCode::invalid_input,
                          concat("found several compose files: ", join(found, ", "), "; using ", found[0])));
            found.resize(1);
            for (const auto* name : k_override_names)
                if (auto path = join_path(folder, name); is_file(path)) {
                    found.push_back(std::move(path));
                    break;
                }
            return found;
        }
        if (folder == "/" || folder.empty()) return {};
        folder = std::string(dir_name(folder));
    }
}

std::vector<std::string> chosen_files(LoadContext& context) {
    if (!context.options.files.empty()) return context.options.files;
    const std::string listed = variable_or(context.environment, "COMPOSE_FILE", "");
    if (listed.empty()) return {};
    const std::string separator = variable_or(context.environment, "COMPOSE_PATH_SEPARATOR", ":");
    std::vector<std::string> out;
    std::string_view rest = listed;
    while (!rest.empty()) {
        const auto end = rest.find(separator);
        if (auto part = rest.substr(0, end); !part.empty()) out.emplace_back(part);
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + separator.size());
    }
    return out;
}

} // namespace

std::string variable_or(const Environment& environment, std::string_view name, std::string_view otherwise) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string(otherwise) : found->second.value;
}

std::string display_path(const LoadContext& context, const std::string& absolute) {
    const std::string& folder = context.options.working_directory;
    if (folder.size() > 1 && absolute.size() > folder.size() + 1 &&
        absolute.compare(0, folder.size(), folder) == 0 && absolute[folder.size()] == '/')
        return absolute.substr(folder.size() + 1);
    return absolute;
}

std::string expand_home(const Environment& environment, std::string_view path) {
    if (path.empty() || path[0] != '~' || (path.size() > 1 && path[1] != '/')) return std::string(path);
    const std::string home = variable_or(environment, "HOME", "");
    return home.empty() ? std::string(path) : concat(home, path.substr(1));
}

bool is_remote_resource(std::string_view path) {
    for (const std::string_view prefix :
         {"oci://", "git://", "git@", "ssh://", "https://", "http://", "github.com/"})
        if (path.substr(0, prefix.size()) == prefix) return true;
    return false;
}

void load_env_file(LoadContext& context, const std::string& path, Environment& environment) {
    load_env_file(context, std::vector<std::string>{path}, environment);
}

void load_env_file(LoadContext& context, const std::vector<std::string>& paths, Environment& environment) {
    Environment read; // a later file wins over an earlier one, the environment over all
    for (const auto& path : paths) {
        auto text = read_file(path);
        if (!text) {
            context.error(std::move(text).error().context("read the env file"));
            continue;
        }
        const auto& source = context.add_source(display_path(context, path), std::move(*text));
        const auto in = [](const Environment& values) -> VariableLookup {
            return [&values](std::string_view name) -> const Variable* {
                const auto found = values.find(name);
                return found == values.end() ? nullptr : &found->second;
            };
        };
        auto entries = parse_dotenv(source, in(environment), in(read));
        if (!entries) {
            context.error(std::move(entries).error());
            continue;
        }
        for (auto& entry : *entries)
            if (entry.value)
                read.insert_or_assign(entry.key,
                                      Variable{*entry.value, concat(source.file->path, ":", entry.line)});
    }
    for (auto& [key, variable] : read)
        environment.emplace(key, std::move(variable));
}

std::vector<ComposeInput> discover(LoadContext& context) {
    const LoadOptions& options = context.options;
    for (const auto& [key, value] : options.environment)
        context.environment[key] = {value, "shell"};
    context.environment.emplace("PWD", Variable{options.working_directory, "shell"});
    const auto folder_of = [&](const std::vector<std::string>& files) {
        if (!options.project_directory.empty())
            return absolute_path(expand_home(context.environment, options.project_directory),
                                 options.working_directory);
        for (const auto& file : files)
            if (file != "-" && !is_remote_resource(file))
                return std::string(dir_name(absolute_path(file, options.working_directory)));
        return absolute_path(".", options.working_directory);
    };
    load_env_files(context, folder_of(options.files));
    std::vector<std::string> files = chosen_files(context);
    if (files.empty()) files = find_upwards(context, folder_of({}));
    if (files.empty()) {
        context.error(Error(ErrorCode::not_found,
                            concat("no compose file in '", folder_of({}), "' or in a folder above it"))
                          .hint("write a compose.yaml there, or name a file with -f"));
        return {};
    }
    context.directory = folder_of(files);
    if (context.diagnostics.ok()) load_env_files(context, context.directory);
    std::vector<ComposeInput> out;
    for (const auto& file : files) {
        if (is_remote_resource(file)) {
            context.error(Error(ErrorCode::unsupported,
                                concat("compose file ", in_quotes(file), ": only local files are read"))
                              .hint("fetch it first, then name the local file with -f"));
            continue;
        }
        out.push_back(input_of(context, file));
    }
    return out;
}

std::string normal_project_name(std::string_view text) {
    std::string out;
    for (const char c : to_lower(text)) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (word || (!out.empty() && (c == '_' || c == '-'))) out += c;
    }
    return out;
}

bool is_project_name(std::string_view text) {
    return !text.empty() && normal_project_name(text) == text;
}

} // namespace berth::compose::load
