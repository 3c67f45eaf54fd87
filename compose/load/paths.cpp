#include "compose/load/paths.hpp"

#include "compose/load/discover.hpp"
#include "runtime/base/file.hpp"

#include <climits>
#include <cstdlib>

namespace berth::compose::load {

namespace {

class Resolver {
  public:
    Resolver(LoadContext& context, const std::string& folder) : context_(context), folder_(folder) {}

    void path(SourceNode* node) const {
        if (node != nullptr && node->is_string() && !node->text.empty()) node->text = absolute(node->text);
    }

    void source_or_url(SourceNode* node) const {
        if (node == nullptr || !node->is_string()) return;
        const std::string_view text = node->text;
        if (text.find("://") != std::string_view::npos || text.rfind("service:", 0) == 0 ||
            is_remote_resource(text))
            return;
        path(node);
    }

    void service(SourceNode& node) const {
        if (auto* build = node.find("build")) build_paths(*build);
        if (auto* files = node.find("env_file"))
            for (auto& file : files->items)
                path(file.is_mapping() ? file.find("path") : &file);
        if (auto* files = node.find("label_file"))
            for (auto& file : files->items)
                path(&file);
        if (auto* volumes = node.find("volumes"))
            for (auto& mount : volumes->items)
                mount_paths(mount);
        if (auto* develop = node.find("develop"))
            if (auto* watch = develop->find("watch"))
                for (auto& item : watch->items)
                    watched(item.find("path"));
    }

    void resources(SourceNode& root) const {
        for (const auto* section : {"configs", "secrets"})
            if (auto* node = root.find(section))
                for (auto& entry : node->entries)
                    path(entry.value.find("file"));
        auto* volumes = root.find("volumes");
        if (volumes == nullptr) return;
        for (auto& entry : volumes->entries) {
            auto* options = entry.value.find("driver_opts");
            // Docker's local driver mounts a folder with `o: bind`; only then is `device` a path of this
            // host.
            if (options == nullptr || entry.value.text_of("driver") != "local" ||
                options->text_of("o") != "bind")
                continue;
            if (auto* device = options->find("device"); device != nullptr && device->is_string())
                device->text = absolute(device->text); // empty: the folder itself
        }
    }

  private:
    [[nodiscard]] std::string absolute(std::string_view text) const {
        const std::string expanded = expand_home(context_.environment, text);
        const bool windows = expanded.size() > 2 && expanded[1] == ':' && expanded[2] == '\\';
        if (windows || (!expanded.empty() && expanded[0] == '\\')) return expanded;
        // What is absolute already stays as it was written, trailing slash included.
        if (!text.empty() && text[0] == '/') return expanded;
        return absolute_path(expanded, folder_);
    }

    // Watched paths are compared with what the kernel reports, which knows no symbolic links.
    void watched(SourceNode* node) const {
        path(node);
        if (node == nullptr || !node->is_string()) return;
        char resolved[PATH_MAX];
        if (::realpath(node->text.c_str(), resolved) != nullptr) node->text = resolved;
    }

    void build_paths(SourceNode& build) const {
        if (!build.is_mapping()) return;
        source_or_url(build.find("context"));
        if (auto* contexts = build.find("additional_contexts"))
            for (auto& entry : contexts->entries)
                source_or_url(&entry.value);
        if (auto* ssh = build.find("ssh"))
            for (auto& entry : ssh->entries)
                path(&entry.value);
    }

    void mount_paths(SourceNode& mount) const {
        if (mount.text_of("type") == "bind") path(mount.find("source"));
    }

    LoadContext& context_;
    const std::string& folder_;
};

} // namespace

void resolve_service_paths(LoadContext& context, SourceNode& service, const std::string& folder) {
    Resolver(context, folder).service(service);
}

void resolve_paths(LoadContext& context, SourceNode& root, const std::string& folder) {
    const Resolver resolver(context, folder);
    if (auto* services = root.find("services"))
        for (auto& entry : services->entries)
            resolver.service(entry.value);
    resolver.resources(root);
}

} // namespace berth::compose::load
