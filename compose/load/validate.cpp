#include "compose/load/validate.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace berth::compose::load {

namespace {

class Validator {
  public:
    Validator(LoadContext& context, const SourceNode& root, const SourceNode& disabled)
        : context_(context), root_(root), disabled_(disabled) {}

    void run() {
        const Path top;
        const Path services = top / "services";
        if (const auto* all = root_.find("services")) {
            for (const auto& entry : all->entries) {
                const Path path = services / entry.key;
                validate_service(context_, entry.key, entry.value, path);
                references(entry.value, path);
            }
            unique_container_names(*all, services);
        }
        resources(top);
    }

  private:
    std::vector<std::string> names_in(std::string_view section) const {
        std::vector<std::string> out;
        if (const auto* node = root_.find(section))
            for (const auto& entry : node->entries)
                out.push_back(entry.key);
        return out;
    }

    // The names of one section, by hash: n services with n references are no n * n.
    const std::unordered_set<std::string_view>& names_of(std::string_view section) {
        const auto [found, is_new] = names_.try_emplace(section);
        if (const auto* node = root_.find(section); is_new && node != nullptr)
            for (const auto& entry : node->entries)
                found->second.insert(entry.key);
        return found->second;
    }

    bool defined(std::string_view section, std::string_view name) {
        if (names_of(section).count(name) != 0) return true;
        const Path top;
        const Path path = top / section;
        return context_.is_poisoned(path.to_string()) && context_.poisoned.count(path.to_string()) != 0;
    }

    void undefined(std::string_view kind, std::string_view section, std::string_view name,
                   const SourcePos& at, const Path& path) {
        const bool read = context_.diagnostics.errors.size() < k_most_errors; // a hint takes its time
        std::string hint = read ? did_you_mean(name, names_in(section)) : std::string();
        if (hint.empty()) hint = concat("define it below '", section, ":'");
        context_.error(invalid(concat("undefined ", kind, " ", in_quotes(name)), at).hint(std::move(hint)),
                       path);
    }

    void references(const SourceNode& service, const Path& path) {
        if (const auto* networks = service.find("networks"))
            for (const auto& entry : networks->entries)
                if (!defined("networks", entry.key))
                    undefined("network", "networks", entry.key, entry.key_at.pos(), path / "networks");
        if (const auto* volumes = service.find("volumes"))
            for (std::size_t i = 0; i < volumes->items.size(); ++i) {
                const auto& mount = volumes->items[i];
                const auto source = mount.text_of("source");
                if (mount.text_of("type") == "volume" && !source.empty() && !defined("volumes", source))
                    undefined("volume", "volumes", source, mount.find("source")->pos(),
                              (path / "volumes")[i]);
            }
        file_references(service.find("configs"), "config", "configs", path / "configs");
        file_references(service.find("secrets"), "secret", "secrets", path / "secrets");
        if (const auto* build = service.find("build")) {
            file_references(build->find("secrets"), "secret", "secrets", path / "build.secrets");
            build_contexts(*build, path);
        }
        if (const auto* models = service.find("models"))
            for (const auto& entry : models->entries)
                if (!defined("models", entry.key))
                    undefined("model", "models", entry.key, entry.key_at.pos(), path / "models");
        services(service, path);
    }

    void file_references(const SourceNode* list, std::string_view kind, std::string_view section,
                         const Path& path) {
        if (list == nullptr) return;
        for (std::size_t i = 0; i < list->items.size(); ++i) {
            const auto source = list->items[i].text_of("source");
            if (source.empty())
                context_.error(invalid("the key 'source' is missing", list->items[i].pos()), path[i]);
            else if (!defined(section, source))
                undefined(kind, section, source, list->items[i].find("source")->pos(), path[i]);
        }
    }

    void build_contexts(const SourceNode& build, const Path& path) {
        const auto* contexts = build.find("additional_contexts");
        if (contexts == nullptr) return;
        for (const auto& entry : contexts->entries) {
            if (entry.value.text.rfind("service:", 0) != 0) continue;
            const std::string name = entry.value.text.substr(8);
            const auto* services = root_.find("services");
            const auto* other = services != nullptr ? services->find(name) : nullptr;
            if (other == nullptr) other = disabled_.find(name);
            if (other == nullptr)
                undefined("service", "services", name, entry.value.pos(), path / "build.additional_contexts");
            else if (other->find("build") == nullptr)
                context_.error(invalid(concat("service ", in_quotes(name),
                                              " has no build, so it cannot be a build context"),
                                       entry.value.pos()),
                               path / "build.additional_contexts");
        }
    }

    void services(const SourceNode& service, const Path& path) {
        const auto* depends = service.find("depends_on");
        if (depends == nullptr) return;
        for (const auto& entry : depends->entries) {
            if (names_of("services").count(entry.key) != 0) continue;
            if (context_.is_poisoned(concat("services.", entry.key))) continue;
            const auto* required = entry.value.find("required");
            const auto flag = required != nullptr ? read_bool(*required) : Result<bool>(true);
            if (flag && !*flag) continue;
            if (const auto* off = disabled_.find(entry.key)) {
                std::vector<std::string> profiles;
                if (const auto* list = off->find("profiles"))
                    for (const auto& item : list->items)
                        profiles.push_back(item.text);
                context_.error(
                    invalid(concat("the service needs ", in_quotes(entry.key),
                                   ", which no active profile enables"),
                            entry.key_at.pos())
                        .hint(concat("activate one of its profiles: --profile ", join(profiles, ", "))),
                    path / "depends_on");
                continue;
            }
            undefined("service", "services", entry.key, entry.key_at.pos(), path / "depends_on");
        }
    }

    void unique_container_names(const SourceNode& all, const Path& path) {
        std::map<std::string, const SourceNode*> seen;
        for (const auto& entry : all.entries) {
            const auto* name = entry.value.find("container_name");
            if (name == nullptr || name->text.empty()) continue;
            const auto [found, is_new] = seen.emplace(name->text, name);
            if (!is_new)
                context_.error(invalid(concat("container name ", in_quotes(name->text),
                                              " is used by another service too"),
                                       name->pos())
                                   .note("the other one", found->second->pos()),
                               path / entry.key / "container_name");
        }
    }

    void resources(const Path& top) {
        if (const auto* volumes = root_.find("volumes"))
            for (const auto& entry : volumes->entries)
                external_alone(entry, top / "volumes", {"driver", "driver_opts", "labels"});
        for (const auto* section : {"secrets", "configs"})
            if (const auto* node = root_.find(section))
                for (const auto& entry : node->entries)
                    one_source(entry, top / section);
    }

    static bool is_external(const SourceNode& node) {
        const auto* external = node.find("external");
        if (external == nullptr) return false;
        const auto value = read_bool(*external);
        return value && *value;
    }

    void external_alone(const SourceEntry& entry, const Path& path,
                        std::initializer_list<const char*> others) {
        if (!is_external(entry.value)) return;
        for (const auto* other : others)
            if (const auto* found = entry.value.find_entry(other))
                context_.error(
                    invalid(concat("'external' and '", other, "' exclude each other"), found->key_at.pos())
                        .hint("what is external exists already; remove one of the two"),
                    path / entry.key);
    }

    void one_source(const SourceEntry& entry, const Path& path) {
        std::vector<const SourceEntry*> sources;
        for (const auto* key : {"file", "environment", "content"})
            if (const auto* found = entry.value.find_entry(key)) sources.push_back(found);
        const bool external = is_external(entry.value);
        if (external && !sources.empty())
            context_.engine_error(invalid(concat("'external' and '", sources[0]->key, "' exclude each other"),
                                          sources[0]->key_at.pos()),
                                  path / entry.key);
        else if (sources.size() > 1)
            context_.error(
                invalid(concat("'", sources[0]->key, "' and '", sources[1]->key, "' exclude each other"),
                        sources[1]->key_at.pos()),
                path / entry.key);
        else if (!external && sources.empty() && entry.value.find("driver") == nullptr &&
                 !context_.is_poisoned((path / entry.key).to_string()))
            context_.error(invalid("one of 'file', 'environment', 'content' or 'external' is needed",
                                   entry.key_at.pos()),
                           path / entry.key);
    }

    LoadContext& context_;
    const SourceNode& root_;
    const SourceNode& disabled_;
    std::map<std::string_view, std::unordered_set<std::string_view>> names_;
};

} // namespace

void validate(LoadContext& context, const SourceNode& root, const SourceNode& disabled) {
    Validator(context, root, disabled).run();
}

} // namespace berth::compose::load
