// `include:`: sub-models with a folder and an environment of their own.
#include "compose/load/assemble.hpp"
#include "compose/load/canonical.hpp"
#include "compose/load/merge.hpp"
#include "compose/load/normalise.hpp"
#include "compose/load/paths.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

struct IncludeItem {
    std::vector<const SourceNode*> paths, env_files;
    const SourceNode* project_directory = nullptr;
};

std::vector<const SourceNode*> strings_of(const SourceNode* node) {
    std::vector<const SourceNode*> out;
    if (node == nullptr) return out;
    if (node->is_string()) out.push_back(node);
    for (const auto& item : node->items)
        if (item.is_string()) out.push_back(&item);
    return out;
}

bool read_item(LoadContext& context, const SourceNode& node, const Path& path, IncludeItem& out) {
    if (node.is_string()) {
        out.paths = {&node};
        return true;
    }
    if (!node.is_mapping()) {
        context.error(
            invalid(concat("must be a string or a mapping, not ", kind_name(node.kind)), node.pos()), path);
        return false;
    }
    for (const auto& entry : node.entries)
        if (entry.key != "path" && entry.key != "env_file" && entry.key != "project_directory")
            context.error(unknown_key(entry, {"path", "env_file", "project_directory"}), path / entry.key);
    out.paths = strings_of(node.find("path"));
    out.env_files = strings_of(node.find("env_file"));
    out.project_directory = node.find("project_directory");
    if (out.paths.empty()) context.error(invalid("the key 'path' is missing", node.pos()), path);
    return !out.paths.empty();
}

// The sub-model's own env file fills in what the outer environment lacks.
Environment environment_of(LoadContext& context, const IncludeItem& item, const ModelScope& scope,
                           const std::string& folder) {
    Environment environment = *scope.environment;
    if (item.env_files.empty()) {
        const std::string path = join_path(folder, ".env");
        if (path_exists(path) && !is_directory(path)) load_env_file(context, path, environment);
        return environment;
    }
    std::vector<std::string> paths;
    for (const auto* file : item.env_files)
        if (file->text != "/dev/null")
            paths.push_back(absolute_path(expand_home(environment, file->text), scope.folder));
    load_env_file(context, paths, environment);
    return environment;
}

void import(LoadContext& context, SourceNode& document, SourceNode included) {
    for (const std::string_view section :
         {"services", "networks", "volumes", "secrets", "configs", "models"}) {
        SourceNode* from = included.find(section);
        if (from == nullptr || !from->is_mapping()) continue;
        SourceNode* to = document.find(section);
        if (to == nullptr || to->is_null()) {
            document.set(section, std::move(*from));
            continue;
        }
        if (!to->is_mapping()) continue; // the check of shapes names it
        const Path top;
        const Path path = top / section;
        for (auto& entry : from->entries) {
            auto* existing = to->find_entry(entry.key);
            if (existing == nullptr) {
                to->entries.push_back(std::move(entry));
                continue;
            }
            // The including file has the last word.
            const std::string key = entry.key;
            if (existing->value.tag == Tag::reset) {
                context.remember_removal(path / key, existing->value, entry.value);
                continue;
            }
            merge_node(context, entry.value, std::move(existing->value), path / key);
            existing->value = std::move(entry.value);
        }
    }
}

void include_one(LoadContext& context, SourceNode& document, const SourceNode& node, const Path& path,
                 const ModelScope& scope) {
    IncludeItem item;
    if (!read_item(context, node, path, item)) return;
    std::vector<LoadedFile> files;
    std::string folder;
    for (const auto* file : item.paths) {
        if (is_remote_resource(file->text)) {
            context.error(invalid(concat("include of ", quoted(file->text), ": only local files are read"),
                                  file->pos()),
                          path);
            return;
        }
        const std::string absolute = absolute_path(expand_home(*scope.environment, file->text), scope.folder);
        if (std::find(scope.including.begin(), scope.including.end(), absolute) != scope.including.end()) {
            std::vector<std::string> shown;
            for (const auto& step : scope.including)
                shown.push_back(display_path(context, step));
            shown.push_back(display_path(context, absolute));
            context.error(invalid(concat("include cycle: ", join(shown, " -> ")), file->pos()), path);
            return;
        }
        if (folder.empty()) folder = dir_name(absolute);
        files.push_back(read_compose_file(context, {absolute, display_path(context, absolute)}, file->pos()));
    }
    if (item.project_directory != nullptr && !item.project_directory->text.empty())
        folder = absolute_path(expand_home(*scope.environment, item.project_directory->text), scope.folder);
    const Environment environment = environment_of(context, item, scope, folder);
    ModelScope inner{folder, &environment, scope.including};
    SourceNode included = assemble(context, std::move(files), inner);
    canonicalise(context, included);
    enforce_unique_items(context, included);
    if (context.options.normalize) set_defaults(context, included); // `context: .` is the folder of this file
    if (context.options.resolve_paths) resolve_paths(context, included, folder);
    import(context, document, std::move(included));
}

} // namespace

void apply_includes(LoadContext& context, SourceNode& document, const ModelScope& scope) {
    SourceNode* found = document.find("include");
    if (found == nullptr) return;
    const SourceNode list = std::move(*found);
    document.erase("include");
    if (list.is_null()) return;
    const Path top;
    const Path path = top / "include";
    if (!list.is_sequence()) {
        context.error(invalid(concat("must be a list, not ", kind_name(list.kind)), list.pos()), path);
        return;
    }
    for (std::size_t i = 0; i < list.items.size(); ++i)
        include_one(context, document, list.items[i], path[i], scope);
}

} // namespace berth::compose::load
