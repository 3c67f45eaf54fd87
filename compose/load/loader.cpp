#include "compose/load/loader.hpp"

#include "compose/load/assemble.hpp"
#include "compose/load/canonical.hpp"
#include "compose/load/check.hpp"
#include "compose/load/emit.hpp"
#include "compose/load/explain.hpp"
#include "compose/load/interpolate.hpp"
#include "compose/load/normalise.hpp"
#include "compose/load/paths.hpp"
#include "compose/load/validate.hpp"
#include "compose/model/decode_model.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

using namespace load;

std::vector<LoadedFile> read_all(LoadContext& context) {
    std::vector<LoadedFile> out;
    for (const auto& input : discover(context)) {
        context.files.push_back(input.path);
        out.push_back(read_compose_file(context, input));
    }
    return out;
}

// -p, COMPOSE_PROJECT_NAME, the last `name:`, the folder. Decided first, because values may use
// ${COMPOSE_PROJECT_NAME}.
void decide_name(LoadContext& context, const std::vector<LoadedFile>& files) {
    const auto explicit_name = [&](const std::string& name, const SourcePos& at, std::string_view who) {
        context.project_name = name;
        if (!is_project_name(name))
            context.error(
                invalid(concat("invalid project name ", in_quotes(name), who), at)
                    .hint("use lower-case letters, digits, '-' and '_', beginning with a letter or digit"));
    };
    std::string from_file;
    bool written = false;
    SourcePos at;
    for (const auto& file : files)
        for (const auto& document : file.documents) {
            const auto* node = document.find("name");
            if (node == nullptr || !node->is_string() || node->text.empty()) continue;
            at = node->pos();
            from_file = node->text;
            written = true;
            if (!context.options.interpolate) continue;
            const auto result = substitute(node->text, [&](std::string_view name) -> const Variable* {
                const auto found = context.environment.find(name);
                return found == context.environment.end() ? nullptr : &found->second;
            });
            if (!result.error) from_file = result.text;
        }
    const std::string from_environment = variable_or(context.environment, "COMPOSE_PROJECT_NAME", "");
    if (!context.options.project_name.empty()) {
        explicit_name(context.options.project_name, {}, " (from -p)");
        context.name_origin = "-p";
    } else if (!from_environment.empty()) {
        explicit_name(from_environment, {}, " (from COMPOSE_PROJECT_NAME)");
        context.name_origin = context.environment["COMPOSE_PROJECT_NAME"].origin;
    } else if (written) { // empty too: with a variable that is not set, another project would be meant
        // Made fit as a folder's name is; -p and the variable are commands and must be right as they stand.
        const auto fit = normal_project_name(from_file);
        explicit_name(fit.empty() ? from_file : fit, at, "");
    } else {
        context.project_name = normal_project_name(base_name(context.directory));
        context.name_origin = "the folder's name";
        if (context.project_name.empty())
            context.error(
                Error(ErrorCode::invalid_input,
                      concat("the folder '", context.directory, "' gives no project name"))
                    .hint("choose one with -p NAME, or write 'name: NAME' at the top of the compose file"));
    }
    context.environment["COMPOSE_PROJECT_NAME"] = {context.project_name, "project name"};
}

// The name as a value of the model: the place is that of `name:`, if it decided.
void set_name(LoadContext& context, SourceNode& root) {
    SourceNode node = SourceNode::make_string(context.project_name, root.at);
    if (const auto* written = root.find("name"); written != nullptr && context.name_origin.empty()) {
        node = *written;
        node.kind = Kind::string;
        node.text = context.project_name;
    } else {
        if (written != nullptr) context.remember(node, replacement(node, *written));
        context.remember_variables(node,
                                   {{"COMPOSE_PROJECT_NAME", context.project_name, context.name_origin}});
    }
    root.set("name", std::move(node));
}

void warn_obsolete_version(LoadContext& context, const SourceNode& root) {
    if (const auto* entry = root.find_entry("version"))
        context.warn(invalid("the attribute 'version' is obsolete and ignored", entry->key_at.pos())
                         .path("version")
                         .hint("remove it"));
}

void read_files_of_services(LoadContext& context, SourceNode& root) {
    auto* services = root.find("services");
    if (services == nullptr) return;
    const Path top;
    const Path path = top / "services";
    for (auto& entry : services->entries)
        read_service_files(context, entry.value, path / entry.key);
}

// `config` prints what enabled services use, and no file that has been read into the model.
void drop_unused(SourceNode& root, bool files_are_read) {
    std::map<std::string, std::set<std::string>> used;
    if (auto* services = root.find("services"))
        for (auto& entry : services->entries) {
            SourceNode& service = entry.value;
            if (files_are_read) {
                service.erase("env_file");
                service.erase("label_file");
            }
            for (const auto* section : {"networks", "models"})
                if (const auto* mapping = service.find(section))
                    for (const auto& item : mapping->entries)
                        used[section].insert(item.key);
            if (const auto* volumes = service.find("volumes"))
                for (const auto& mount : volumes->items)
                    if (mount.text_of("type") == "volume")
                        used["volumes"].insert(std::string(mount.text_of("source")));
            for (const auto* section : {"configs", "secrets"})
                for (const SourceNode* holder : {static_cast<const SourceNode*>(&service),
                                                 static_cast<const SourceNode*>(service.find("build"))}) {
                    const auto* list = holder != nullptr ? holder->find(section) : nullptr;
                    if (list == nullptr) continue;
                    for (const auto& item : list->items)
                        used[section].insert(std::string(item.text_of("source")));
                }
        }
    for (const auto* section : {"networks", "volumes", "configs", "secrets", "models"})
        if (auto* node = root.find(section))
            std::erase_if(node->entries,
                          [&](const auto& entry) { return used[section].count(entry.key) == 0; });
}

template <class T, class Decode> void decode_section(const SourceNode& root, std::string_view section,
                                                     std::map<std::string, T>& out, Decode decode) {
    if (const auto* node = root.find(section))
        for (const auto& entry : node->entries) {
            T value = decode(entry.key, entry.value);
            value.at = entry.key_at.pos();
            out.emplace(entry.key, std::move(value));
        }
}

Project decode_project(const LoadContext& context, const SourceNode& root, const Selection& selection) {
    Project out;
    out.name = context.project_name;
    out.directory = context.directory;
    out.files = context.files;
    for (const auto& [key, variable] : context.environment)
        out.environment[key] = variable.value;
    decode_section(root, "services", out.services, decode_service);
    for (const auto& entry : selection.disabled.entries) {
        auto service = decode_service(entry.key, entry.value);
        service.at = entry.key_at.pos();
        out.disabled_services.emplace(entry.key, std::move(service));
    }
    decode_section(root, "networks", out.networks, decode_network);
    decode_section(root, "volumes", out.volumes, decode_volume);
    decode_section(root, "configs", out.configs, decode_file);
    decode_section(root, "secrets", out.secrets, decode_file);
    out.profiles = selection.profiles;
    return out;
}

// Without interpolation nobody knows what a value will be: what the files say, merged, with paths and names
// filled in.
void written_model(LoadContext& context, SourceNode root, LoadResult& result) {
    const LoadOptions& options = context.options;
    canonicalise(context, root, Forms::references);
    enforce_unique_items(context, root);
    set_defaults(context, root);
    if (options.resolve_paths) resolve_paths(context, root, context.directory);
    if (options.normalize) normalise(context, root);
    if (options.only_services) keep_targets(context, root);
    set_name(context, root);
    root.erase("version");
    if (options.want_canonical) result.canonical = emit_written(root, Dialect::json);
    if (options.want_document) result.document = emit_written(root, Dialect::yaml);
}

void run_phases(LoadContext& context, LoadResult& result) {
    const LoadOptions& options = context.options;
    auto files = read_all(context);
    if (files.empty()) return;
    decide_name(context, files);
    SourceNode root = assemble(context, std::move(files), {context.directory, &context.environment, {}});
    SourceNode written; // variables and all
    if (!options.interpolate) written = root;
    canonicalise(context, root);
    enforce_unique_items(context, root);
    check_model(context, root);
    warn_obsolete_version(context, root);
    set_defaults(context, root);
    if (options.resolve_paths) resolve_paths(context, root, context.directory);
    if (options.normalize) normalise(context, root);
    const Selection selection = select_profiles(context, root);
    if (options.check_consistency && options.interpolate) validate(context, root, selection.disabled);
    const bool read_files = options.interpolate && options.read_env_files;
    if (read_files && !options.normalize) resolve_environment(context, root);
    if (read_files) read_files_of_services(context, root);
    if (!context.diagnostics.ok()) return;
    result.project = decode_project(context, root, selection);
    set_name(context, root);
    if (!options.explain.empty()) {
        auto explained = explain(context, root, selection.disabled, options.explain);
        if (!explained) return context.error(std::move(explained).error());
        result.explained = std::move(*explained);
    }
    if (!options.interpolate) {
        written_model(context, std::move(written), result);
        return;
    }
    if (!options.want_canonical && !options.want_document) return;
    if (options.only_services) keep_targets(context, root);
    drop_unused(root, read_files);
    if (options.want_canonical) result.canonical = emit_project(root, {Dialect::json, true, true});
    if (options.want_document) result.document = emit_project(root, {Dialect::yaml, true, true});
}

// Nobody reads thousands; of a hostile file there could be a million.
void keep_first(std::vector<Error>& all, std::size_t most, std::string_view what) {
    if (all.size() <= most) return;
    const std::size_t more = all.size() - most;
    const SourcePos at = all[most].at();
    all.resize(most, Error(ErrorCode::invalid_input, ""));
    all.push_back(
        Error(ErrorCode::invalid_input, concat(more, " more ", what, " from here on are not shown")).at(at));
}

} // namespace

LoadResult load_project(const LoadOptions& options) {
    LoadResult result;
    LoadContext context(options);
    run_phases(context, result);
    result.diagnostics = std::move(context.diagnostics);
    result.diagnostics.sort();
    keep_first(result.diagnostics.errors, k_most_errors, "errors");
    keep_first(result.diagnostics.warnings, k_most_warnings, "warnings");
    return result;
}

std::vector<MentionedVariable> list_variables(const LoadOptions& options, Diagnostics& diagnostics) {
    LoadContext context(options);
    std::vector<MentionedVariable> mentioned;
    for (const auto& file : read_all(context))
        for (const auto& document : file.documents)
            collect_variables(document, mentioned);
    std::vector<MentionedVariable> out;
    std::map<std::string, std::size_t> index;
    for (auto& variable : mentioned) {
        const auto [found, is_new] = index.emplace(variable.name, out.size());
        if (!is_new) {
            auto& known = out[found->second];
            known.required = known.required || variable.required;
            if (known.default_value.empty()) known.default_value = variable.default_value;
            continue;
        }
        if (const auto set = context.environment.find(variable.name); set != context.environment.end())
            variable.source = set->second.origin;
        out.push_back(std::move(variable));
    }
    for (auto& variable : out)
        if (variable.source.empty() && !variable.default_value.empty()) variable.source = "default";
    diagnostics = std::move(context.diagnostics);
    return out;
}

std::map<std::string, std::string> project_environment(const LoadOptions& options, Diagnostics& diagnostics) {
    LoadContext context(options);
    decide_name(context, read_all(context));
    std::map<std::string, std::string> out;
    for (const auto& [key, variable] : context.environment)
        out[key] = variable.value;
    diagnostics = std::move(context.diagnostics);
    return out;
}

} // namespace berth::compose
