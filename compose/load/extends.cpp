// `extends:`: a service of this or another file as the base of one.
#include "compose/load/assemble.hpp"
#include "compose/load/canonical.hpp"
#include "compose/load/interpolate.hpp"
#include "compose/load/merge.hpp"
#include "compose/load/paths.hpp"
#include "runtime/base/file.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

struct ExtendedFile {
    std::string path; // absolute
    std::string folder;
    SourceNode* root = nullptr;
};
struct Step {
    const SourceNode* root;
    std::string path, service;
    SourcePos at;
};

class Extender {
  public:
    Extender(LoadContext& context, const ModelScope& scope) : context_(context), scope_(scope) {}

    // False: the service cannot be completed; the error is reported.
    bool resolve(const ExtendedFile& file, const std::string& name, std::vector<Step>& chain) {
        SourceNode* service = find_service(*file.root, name);
        if (service == nullptr || !service->is_mapping()) return true;
        const Path top;
        const Path section = top / "services";
        const Path path = section / name;
        SourceNode* extends = service->find("extends");
        if (extends == nullptr || extends->tag == Tag::reset) return true;
        const SourceNode wanted = std::move(*extends);
        service->erase("extends");
        if (chain.size() >= k_longest_extends)
            return refuse(concat("a chain of more than ", k_longest_extends, " extends"), wanted.pos(), path);
        chain.push_back({file.root, file.path, name, wanted.pos()});
        const bool done = extend(file, *service, wanted, path, chain);
        chain.pop_back();
        if (!done) context_.poison(path); // no image is missing where its base could not be had
        return done;
    }

  private:
    bool refuse(std::string message, const SourcePos& at, const Path& path, std::string hint = {}) {
        context_.error(invalid(std::move(message), at).hint(std::move(hint)), path);
        context_.poison(path);
        return false;
    }

    bool extend(const ExtendedFile& file, SourceNode& service, const SourceNode& wanted, const Path& path,
                std::vector<Step>& chain) {
        std::string base_name(wanted.is_string() ? wanted.text : wanted.text_of("service"));
        if (!wanted.is_string() && !wanted.is_mapping())
            return refuse(concat("must be a string or a mapping, not ", kind_name(wanted.kind)), wanted.pos(),
                          path / "extends");
        for (const auto& entry : wanted.entries)
            if (entry.key != "service" && entry.key != "file")
                context_.error(unknown_key(entry, {"service", "file"}), path / "extends");
        if (base_name.empty()) return refuse("extends.service is missing", wanted.pos(), path / "extends");
        ExtendedFile base_file = file;
        const auto* other = wanted.find("file");
        const bool elsewhere = other != nullptr && other->is_string() && !other->text.empty();
        if (elsewhere && !open(file, *other, path, base_file)) return false;
        return complete(base_file, elsewhere, base_name, service, wanted, path, chain);
    }

    bool complete(const ExtendedFile& base_file, bool elsewhere, const std::string& base_name,
                  SourceNode& service, const SourceNode& wanted, const Path& path, std::vector<Step>& chain) {
        const auto* named = wanted.is_mapping() ? wanted.find("service") : &wanted;
        for (const auto& step : chain) {
            if (step.root != base_file.root || step.service != base_name) continue;
            std::string names;
            for (const auto& link : chain)
                names += concat(link.service, " -> ");
            return refuse(concat("circular extends: ", names, base_name), named->pos(), path);
        }
        const SourceNode* base = find_service(*base_file.root, base_name);
        if (base == nullptr) {
            std::vector<std::string> known;
            if (const auto* services = base_file.root->find("services"))
                for (const auto& entry : services->entries)
                    known.push_back(entry.key);
            return refuse(concat("cannot extend ", in_quotes(base_name), ": ",
                                 display_path(context_, base_file.path), " has no such service"),
                          named->pos(), path / "extends", did_you_mean(base_name, known));
        }
        if (!resolve(base_file, base_name, chain)) return false;
        SourceNode merged = *find_service(*base_file.root, base_name);
        if (elsewhere) {
            strip_tags(merged); // done: they were about that file's own bases
            canonicalise_service(context_, merged, path);
            if (context_.options.resolve_paths)
                resolve_service_paths(context_, merged, base_file.folder);
            else
                resolve_service_paths(context_, merged, std::string(dir_name(wanted.find("file")->text)));
        }
        if (merged.is_null()) merged = SourceNode::make_mapping(merged.at);
        SourceNode own = std::move(service);
        const Place at = own.at;
        merge_node(context_, merged, std::move(own), path);
        merged.at = at;
        service = std::move(merged);
        return true;
    }

    bool open(const ExtendedFile& from, const SourceNode& file, const Path& path, ExtendedFile& out) {
        if (is_remote_resource(file.text))
            return refuse(concat("extends from ", in_quotes(file.text), ": only local files are read"),
                          file.pos(), path / "extends");
        out.path = absolute_path(expand_home(*scope_.environment, file.text), from.folder);
        if (out.path == from.path) {
            out = from;
            return true;
        }
        out.folder = dir_name(out.path);
        auto [found, is_new] = files_.try_emplace(out.path);
        if (is_new) {
            auto loaded =
                read_compose_file(context_, {out.path, display_path(context_, out.path)}, file.pos());
            found->second = SourceNode::make_mapping(file.at);
            for (auto& document : loaded.documents) {
                if (context_.options.interpolate) interpolate_tree(context_, document, *scope_.environment);
                // The first one keeps its tags: what it resets is in the services that it extends.
                if (found->second.entries.empty())
                    found->second = std::move(document);
                else
                    merge_node(context_, found->second, std::move(document), Path{});
            }
        }
        out.root = &found->second;
        if (out.root->entries.empty()) {
            context_.poison(path);
            return false; // unreadable: reported by the reader
        }
        return true;
    }

    SourceNode* find_service(SourceNode& root, const std::string& name) {
        SourceNode* services = root.find("services");
        if (services == nullptr || !services->is_mapping()) return nullptr;
        auto* entry = services_.try_emplace(services, *services).first->second.find(name);
        return entry != nullptr ? &entry->value : nullptr;
    }

    LoadContext& context_;
    const ModelScope& scope_;
    std::map<std::string, SourceNode> files_;
    std::map<const SourceNode*, KeyIndex> services_; // of each file
};

} // namespace

void apply_extends(LoadContext& context, SourceNode& document, const std::string& path,
                   const ModelScope& scope) {
    const SourceNode* services = document.find("services");
    if (services == nullptr) return;
    std::vector<std::string> names;
    for (const auto& entry : services->entries)
        if (entry.value.find("extends") != nullptr) names.push_back(entry.key);
    if (names.empty()) return;
    Extender extender(context, scope);
    const ExtendedFile file{path, scope.folder, &document};
    for (const auto& name : names) {
        std::vector<Step> chain;
        (void)extender.resolve(file, name, chain); // false: reported
    }
}

} // namespace berth::compose::load
