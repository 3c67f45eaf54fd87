// compose config
#include "compose/cli/command.hpp"
#include "compose/cli/config_digests.hpp"
#include "compose/cli/explanation.hpp"
#include "compose/cli/project.hpp"
#include "compose/plan/graph.hpp"
#include "compose/plan/naming.hpp"
#include "compose/ui/table.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <unistd.h>

namespace berth::cli {

namespace {

struct ConfigFlags {
    std::vector<std::string> services;
    std::string format = "yaml", output, explain;
    std::optional<std::string> hash;
    bool environment = false, images = false, networks = false, no_consistency = false,
         lock_image_digests = false, models = false, no_env_resolution = false, no_interpolate = false,
         no_normalize = false, no_path_resolution = false, profiles = false, quiet = false,
         resolve_image_digests = false, services_only = false, variables = false, volumes = false;
};

// The services that the canonical model has: those that were asked for, and what they depend on.
std::vector<std::string> chosen_services(const compose::Project& project, const Json& canonical) {
    std::vector<std::string> out;
    if (const auto* services = canonical.find("services");
        services != nullptr && services->as_object() != nullptr)
        for (const auto& member : *services->as_object())
            if (project.services.count(member.key) > 0) out.push_back(member.key);
    std::sort(out.begin(), out.end());
    return out;
}

std::string lines(const std::set<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += name + "\n";
    return out;
}

std::string hashes(const compose::Project& project, const std::string& wanted) {
    std::string out;
    const auto names = wanted == "*" ? std::vector<std::string>{} : split(wanted, ',');
    for (const auto& [name, service] : project.services)
        if (names.empty() || std::find(names.begin(), names.end(), name) != names.end())
            out += concat(name, " ", compose::config_hash(project, service), "\n");
    return out;
}

// One a service, as often as services have it.
std::string images(const compose::Project& project, const std::vector<std::string>& services) {
    std::string out;
    for (const auto& name : services)
        out += compose::image_name(project, project.services.at(name)) + "\n";
    return out;
}

std::string models(const Json& document) {
    std::set<std::string> names;
    if (const auto* all = document.find("models"); all != nullptr && all->as_object() != nullptr)
        for (const auto& member : *all->as_object())
            if (const auto* model = member.value.find("model");
                model != nullptr && model->as_string() != nullptr)
                names.insert(*model->as_string());
    return lines(names);
}

Result<std::string> listing(const compose::LoadResult& loaded, const ConfigFlags& flags) {
    const auto& project = *loaded.project;
    std::set<std::string> names;
    // What no enabled service uses is not made either.
    for (const auto& [name, service] : project.services) {
        if (flags.services_only) {
            names.insert(name);
        } else if (flags.volumes) {
            for (const auto& mount : service.volumes)
                if (mount.type == compose::MountType::volume && !mount.source.empty())
                    names.insert(mount.source);
        } else if (flags.networks) {
            for (const auto& network : service.networks)
                names.insert(network.network);
        }
    }
    if (flags.services_only || flags.volumes || flags.networks) return lines(names);
    if (flags.models) return models(loaded.document);
    if (flags.hash) {
        if (*flags.hash != "*") BERTH_TRY(check_services(project, split(*flags.hash, ',')));
        return hashes(project, *flags.hash);
    }
    if (flags.profiles) {
        for (const auto* services : {&project.services, &project.disabled_services})
            for (const auto& [name, service] : *services)
                names.insert(service.profiles.begin(), service.profiles.end());
        return lines(names);
    }
    if (flags.images) return images(project, chosen_services(project, loaded.canonical));
    std::string out;
    for (const auto& [key, value] : project.environment)
        out += concat(key, "=", value, "\n");
    return out;
}

// These tell of the whole project, whatever services are named. Of several listings the first one is printed.
bool lists_whole_project(const ConfigFlags& flags) {
    return flags.services_only || flags.volumes || flags.networks || flags.models || flags.hash;
}
bool lists(const ConfigFlags& flags) {
    return lists_whole_project(flags) || flags.profiles || flags.images || flags.environment;
}

Result<std::string> variables(Session& session, const compose::LoadOptions& options, bool json) {
    Diagnostics diagnostics;
    auto mentioned = compose::list_variables(options, diagnostics);
    BERTH_TRY(tell_diagnostics(session, std::move(diagnostics),
                               json ? DiagnosticsForm::json : DiagnosticsForm::text));
    if (!json) {
        ui::Table table({"NAME", "REQUIRED", "DEFAULT VALUE", "ALTERNATE VALUE", "SOURCE"});
        for (const auto& variable : mentioned)
            table.add({variable.name, variable.required ? "true" : "false", variable.default_value,
                       variable.alternate_value, variable.source});
        return table.to_string();
    }
    std::sort(mentioned.begin(), mentioned.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    Json out = Json::object();
    for (const auto& variable : mentioned) {
        Json entry = Json::object();
        entry.set("Name", variable.name);
        entry.set("DefaultValue", variable.default_value);
        entry.set("PresenceValue", variable.alternate_value);
        entry.set("Required", variable.required);
        entry.set("Source", variable.source);
        out.set(variable.name, std::move(entry));
    }
    return out.to_text(4) + "\n";
}

Status write_out(Session& session, const std::string& file, const std::string& text) {
    if (!file.empty()) return write_output(file, text);
    session.print(text);
    return {};
}

Result<int> config(Session& session, const ConfigFlags& flags) {
    auto options = load_options(session);
    if (flags.variables && !lists_whole_project(flags) && !flags.profiles && !flags.images) {
        BERTH_ASSIGN_OR_RETURN(const auto text, variables(session, options, flags.format == "json"));
        BERTH_TRY(write_out(session, flags.output, text));
        return 0;
    }
    options.interpolate = !flags.no_interpolate;
    options.normalize = !flags.no_normalize;
    options.resolve_paths = !flags.no_path_resolution;
    options.check_consistency = !flags.no_consistency;
    options.engine_rules = false;
    options.read_env_files = !flags.no_env_resolution;
    if (!lists_whole_project(flags)) options.services = flags.services;
    options.only_services = true;
    options.explain = flags.explain;
    const bool json = flags.format == "json";
    const bool pins = flags.resolve_image_digests || flags.lock_image_digests;
    const bool prints = !flags.quiet && flags.explain.empty() && !lists(flags);
    options.want_canonical = pins || flags.images || (prints && json);
    options.want_document = pins || flags.models || (prints && !json);
    const auto form = json ? DiagnosticsForm::json : DiagnosticsForm::text;
    BERTH_ASSIGN_OR_RETURN(auto loaded, load_files(session, options, form));
    const auto& project = *loaded.project;
    BERTH_TRY(check_services(project, flags.services));
    // What `up` would refuse is no valid file; only the planner's graph knows circles.
    if (!flags.no_consistency && options.interpolate)
        if (auto graph = compose::Graph::make(project); !graph)
            BERTH_TRY(tell_diagnostics(session, {{std::move(graph).error()}, {}}, form));
    if (pins) {
        const auto found =
            pinned_images(session.context(), project, chosen_services(project, loaded.canonical));
        if (!found) BERTH_TRY(tell_diagnostics(session, {{found.error()}, {}}, form));
        const auto& pinned = *found;
        if (flags.lock_image_digests) {
            loaded.canonical = lock_file(loaded.canonical, pinned, true);
            loaded.document = lock_file(loaded.document, pinned, false);
        } else {
            pin_images(loaded.canonical, pinned);
            pin_images(loaded.document, pinned);
        }
    }
    if (flags.quiet) return 0;
    std::string text;
    if (!flags.explain.empty()) {
        const bool color = flags.output.empty() && session.color(STDOUT_FILENO);
        text = json ? explanation_json(loaded.explained).to_text(2) + "\n"
                    : explanation_text(loaded.explained, color);
    } else if (lists(flags)) {
        BERTH_ASSIGN_OR_RETURN(text, listing(loaded, flags));
    } else {
        text = json ? loaded.canonical.to_text(2) + "\n" : compose::to_yaml(loaded.document);
    }
    BERTH_TRY(write_out(session, flags.output, text));
    return 0;
}

Run setup_config(Flags& flags) {
    auto options = std::make_shared<ConfigFlags>();
    flags.toggle("--environment", options->environment, "Print environment used for interpolation.");
    flags.text("--explain", options->explain,
               "Print where the value of a key, or each value below it, comes from "
               "(services.db.environment.PASSWORD)");
    flags.choice("--format", options->format, {"yaml", "json"}, "Format the output. Values: [yaml | json]");
    flags.text("--hash", options->hash, "Print the service config hash, one per line.");
    flags.toggle("--images", options->images, "Print the image names, one per line.");
    flags.toggle("--lock-image-digests", options->lock_image_digests,
                 "Produces an override file with image digests");
    flags.toggle("--models", options->models, "Print the model names, one per line.");
    flags.toggle("--networks", options->networks, "Print the network names, one per line.");
    flags.toggle("--no-consistency", options->no_consistency,
                 "Don't check model consistency - warning: may produce invalid Compose output");
    flags.toggle("--no-env-resolution", options->no_env_resolution, "Don't resolve service env files");
    flags.toggle("--no-interpolate", options->no_interpolate, "Don't interpolate environment variables");
    flags.toggle("--no-normalize", options->no_normalize, "Don't normalize compose model");
    flags.toggle("--no-path-resolution", options->no_path_resolution, "Don't resolve file paths");
    flags.text("-o,--output", options->output, "Save to file (default to stdout)");
    flags.toggle("--profiles", options->profiles, "Print the profile names, one per line.");
    flags.toggle("-q,--quiet", options->quiet, "Only validate the configuration, don't print anything");
    flags.toggle("--resolve-image-digests", options->resolve_image_digests, "Pin image tags to digests");
    flags.toggle("--services", options->services_only, "Print the service names, one per line.");
    flags.toggle("--variables", options->variables, "Print model variables and default values.");
    flags.toggle("--volumes", options->volumes, "Print the volume names, one per line.");
    flags.arguments(options->services, 0);
    return [options](Session& session) { return config(session, *options); };
}

constexpr std::array<Command, 1> k_commands{
    {{"compose config", "[OPTIONS] [SERVICE...]",
      "Parse, resolve and render compose file in canonical format", setup_config, false, false}}};

} // namespace

std::span<const Command> compose_config_commands() {
    return k_commands;
}

} // namespace berth::cli
