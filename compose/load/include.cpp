// `include:`: sub-models with a folder and an environment of their own.
#include "compose/load/assemble.hpp"
#include "compose/load/canonical.hpp"
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

// As the included model is: short forms long, defaults and paths filled in. What is wrong in it is reported
// later, when it has its place in the model.
SourceNode comparable(LoadContext& context, std::string_view section, const SourceEntry& entry,
                      const std::string& folder) {
    const std::size_t errors = context.diagnostics.errors.size();
    SourceNode root = SourceNode::make_mapping(entry.key_at);
    SourceNode& resources = root.set(section, SourceNode::make_mapping(entry.key_at));
    resources.entries.push_back(entry);
    canonicalise(context, root);
    enforce_unique_items(context, root);
    set_defaults(context, root);
    if (context.options.resolve_paths) resolve_paths(context, root, folder);
    context.diagnostics.errors.resize(errors);
    return std::move(root.find(section)->entries.front().value);
}

// `networks: {front: }` and `networks: {front: {}}` say the same.
bool same_resource(const SourceNode& a, const SourceNode& b) {
    const auto empty = [](const SourceNode& node) {
        return node.is_null() || (node.is_mapping() && node.entries.empty());
    };
    return same_value(a, b) || (empty(a) && empty(b));
}

struct Importer {
    LoadContext& context;
    SourceNode& document;
    const std::string& folder; // of the including file
    SourcePos asked_at;        // its item below `include`

    // Two definitions of one name are no merge that anybody asked for: that is what override files are for.
    void conflict(const SourceEntry& existing, const SourceEntry& imported, const Path& path) const {
        context.error(
            invalid("defined differently by an included file", imported.key_at.pos())
                .note("defined here too", existing.key_at.pos())
                .note("included here", asked_at)
                .hint("rename one of the two; to change what is included, write the change in an override "
                      "file, or in a file behind it: include: [{path: [FILE, CHANGES]}]"),
            path);
        context.poison(path);
    }

    void section(std::string_view name, SourceNode included) const {
        SourceNode* to = document.find(name);
        if (to == nullptr || to->is_null()) {
            document.set(name, std::move(included));
            return;
        }
        if (!to->is_mapping()) return; // the check of shapes names it
        const Path top;
        const Path path = top / name;
        KeyIndex known(*to);
        for (auto& entry : included.entries) {
            auto* existing = known.find(entry.key);
            if (existing == nullptr)
                known.add(std::move(entry));
            else if (existing->value.tag == Tag::reset)
                context.remember_removal(path / entry.key, existing->value, entry.value);
            else if (!same_resource(existing->value, entry.value) &&
                     !same_resource(comparable(context, name, *existing, folder), entry.value))
                conflict(*existing, entry, path / existing->key);
        }
    }
};

// Both absolute and clean: "../other" for a folder beside the base.
std::string relative_to(std::string_view folder, std::string_view base) {
    const auto steps = split(folder, '/');
    const auto from = split(base, '/');
    const auto [there, here] = std::mismatch(steps.begin(), steps.end(), from.begin(), from.end());
    std::vector<std::string> out(static_cast<std::size_t>(from.end() - here), "..");
    out.insert(out.end(), there, steps.end());
    return out.empty() ? "." : join(out, "/");
}

void include_one(LoadContext& context, SourceNode& document, const SourceNode& node, const Path& path,
                 const ModelScope& scope) {
    IncludeItem item;
    if (!read_item(context, node, path, item)) return;
    std::vector<LoadedFile> files;
    std::string folder;
    for (const auto* file : item.paths) {
        if (is_remote_resource(file->text)) {
            context.error(invalid(concat("include of ", in_quotes(file->text), ": only local files are read"),
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
        if (++context.included > k_most_included || scope.including.size() > k_deepest_include) {
            if (context.included <= k_most_included + 1)
                context.error(invalid(concat("more than ", k_most_included, " files are included, or ",
                                             k_deepest_include, " one in the other"),
                                      file->pos()),
                              path);
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
    set_defaults(context, included); // `context: .` is the folder of this file
    // Without path resolution they are still told from those of the including file: relative to its folder.
    const bool absolute = context.options.resolve_paths;
    resolve_paths(context, included, absolute ? folder : relative_to(folder, scope.folder));
    const Importer importer{context, document, scope.folder, node.pos()};
    for (const std::string_view section : {"services", "networks", "volumes", "secrets", "configs", "models"})
        if (SourceNode* from = included.find(section); from != nullptr && from->is_mapping())
            importer.section(section, std::move(*from));
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
