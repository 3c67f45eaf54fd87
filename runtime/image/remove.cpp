// Untagging and deleting: names first, then the image, then layers that no other image has and nobody leases.
// Killed in between, what is left is an image without a name or a layer without an image, never a name
// without an image.
#include "runtime/base/id.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/file.h>

namespace berth::image {

namespace {

// Renamed while the lock is held, deleted when it no longer is: rmi of a big image must not hold up others.
Status move_away(const std::string& path, Staging& grave) {
    const std::string to = join_path(grave.path(), base_name(path));
    if (::rename(path.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
    return fail_errno(concat("remove '", path, "'"));
}

// Chains of all images but `except`. A broken image counts with nothing, and is warned of by list_images.
std::set<std::string> used_chains(const Context& context, const std::vector<std::string>& ids,
                                  std::string_view except) {
    std::set<std::string> used;
    for (const auto& id : ids) {
        if (id == except) continue;
        if (const auto record = read_image_record(context, id))
            used.insert(record->chains.begin(), record->chains.end());
    }
    // What the build cache wants kept, by a mark a layer: `rmi` and a rebuild must not run everything again.
    if (const auto marks = list_dir(context.paths.build() + "/layers"))
        for (const auto& hex : *marks)
            used.insert(concat("sha256:", hex));
    return used;
}

Status remove_layers(const Context& context, const std::vector<std::string>& chains,
                     const std::set<std::string>& used, Staging& grave, Removed& removed) {
    for (auto chain = chains.rbegin(); chain != chains.rend(); ++chain) {
        if (used.contains(*chain)) break; // so are all below it
        const std::string path = layer_dir(context, *chain);
        const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
        if (!folder) continue;
        if (::flock(folder->get(), LOCK_EX | LOCK_NB) != 0) break; // leased
        if (const auto record = read_layer(context, *chain)) removed.bytes += record->size;
        BERTH_TRY(move_away(path, grave));
        removed.deleted.push_back(*chain);
    }
    return {};
}

struct Target {
    std::string id;
    std::optional<Reference> name; // how it was asked for, unless by id
};

Result<Target> find_target(const Context& context, const std::string& name) {
    if (const auto reference = parse_reference(name)) {
        BERTH_ASSIGN_OR_RETURN(const auto id, resolve_reference(context, *reference));
        if (id) return Target{*id, *reference};
    }
    auto image = find_image(context, name);
    if (image && *image) return Target{(*image)->id, std::nullopt};
    if (!image && is_digest(name) && path_exists(config_dir(context, name)))
        return Target{name, std::nullopt}; // broken, yet removable
    if (!image) return fail(std::move(image).error());
    return fail(ErrorCode::not_found, concat("no such image: ", name));
}

bool same_name(const Reference& a, const Reference& b) {
    return a.host == b.host && a.repository == b.repository &&
           (b.digest.empty() ? a.tag == b.tag && a.digest.empty() : a.digest == b.digest);
}

// The names that go: all of them for an id; the one asked for, and its repository's digests when it is the
// last tag.
Result<std::vector<StoredReference>> names_to_go(const Target& target,
                                                 const std::vector<StoredReference>& own, bool force,
                                                 const std::string& asked) {
    if (!target.name) {
        std::set<std::string> repositories;
        for (const auto& stored : own)
            repositories.insert(stored.reference.host + "/" + stored.reference.repository);
        const auto tags = std::count_if(own.begin(), own.end(),
                                        [](const auto& stored) { return stored.reference.digest.empty(); });
        if ((repositories.size() > 1 || tags > 1) && !force)
            return fail(Error(ErrorCode::in_use, concat("image ", asked, " has several names"))
                            .hint("remove them by name, or use --force"));
        return own;
    }
    std::vector<StoredReference> out;
    bool tag_stays = false;
    for (const auto& stored : own) {
        if (same_name(stored.reference, *target.name))
            out.push_back(stored);
        else if (stored.reference.digest.empty() && stored.reference.host == target.name->host &&
                 stored.reference.repository == target.name->repository)
            tag_stays = true;
    }
    if (tag_stays || !target.name->digest.empty()) return out;
    for (const auto& stored : own)
        if (!stored.reference.digest.empty() && stored.reference.host == target.name->host &&
            stored.reference.repository == target.name->repository)
            out.push_back(stored);
    return out;
}

} // namespace

Result<Removed>
remove_image(const Context& context, const std::string& name, bool force,
             const std::function<std::string(const std::string& image_id)>& used_by_container) {
    Removed removed;
    BERTH_TRY(ensure_store(context));
    BERTH_ASSIGN_OR_RETURN(Staging grave, Staging::make(context));
    {
        BERTH_ASSIGN_OR_RETURN(const FileLock lock, lock_store(context, false));
        clean_staging(context, true);
        BERTH_ASSIGN_OR_RETURN(const Target target, find_target(context, name));
        BERTH_ASSIGN_OR_RETURN(std::vector<StoredReference> own, read_references(context));
        std::erase_if(own, [&](const StoredReference& stored) { return stored.id != target.id; });
        BERTH_ASSIGN_OR_RETURN(const auto going, names_to_go(target, own, force, name));
        bool last = going.size() == own.size();
        const auto user = last && used_by_container ? used_by_container(target.id) : std::string();
        if (!user.empty()) {
            // What a container stands on stays, or it could not start again: force takes the names away.
            Error error(ErrorCode::in_use, concat("image ", name, " is used by container ", user));
            if (going.empty()) return fail(std::move(error.hint("remove the container first")));
            if (!force) return fail(std::move(error.hint("remove the container first, or use --force")));
            last = false;
        }
        for (const auto& stored : going) {
            BERTH_TRY(erase_reference(stored));
            removed.untagged.push_back(stored.reference.to_string());
        }
        if (last) {
            BERTH_ASSIGN_OR_RETURN(const auto ids, image_ids(context));
            const auto record = read_image_record(context, target.id);
            BERTH_TRY(move_away(config_dir(context, target.id), grave));
            removed.deleted.push_back(target.id);
            if (record)
                BERTH_TRY(remove_layers(context, record->chains, used_chains(context, ids, target.id), grave,
                                        removed));
        }
    }
    return removed; // the grave goes with its object, without the lock
}

Result<Removed> remove_unused_layers(const Context& context, const std::vector<std::string>& keep) {
    Removed removed;
    BERTH_TRY(ensure_store(context));
    BERTH_ASSIGN_OR_RETURN(Staging grave, Staging::make(context));
    {
        BERTH_ASSIGN_OR_RETURN(const FileLock lock, lock_store(context, false));
        clean_staging(context, true);
        BERTH_ASSIGN_OR_RETURN(const auto ids, image_ids(context));
        auto used = used_chains(context, ids, "");
        // A kept layer stands on its parents.
        for (std::string chain : keep) {
            while (!chain.empty() && used.insert(chain).second) {
                const auto record = read_layer(context, chain);
                chain = record ? record->parent : "";
            }
        }
        BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(layers_dir(context)));
        for (const auto& hex : names) {
            const std::vector<std::string> chain{concat("sha256:", hex)};
            if (is_digest(chain[0])) BERTH_TRY(remove_layers(context, chain, used, grave, removed));
        }
    }
    return removed;
}

void forget_layers(const Context& context, const std::vector<std::string>& chains) {
    release_layers(context, chains);
    auto grave = Staging::make(context);
    if (!grave) return;
    const auto lock = lock_store(context, false);
    if (!lock) return;
    const auto ids = image_ids(context);
    if (!ids) return;
    Removed removed;
    (void)remove_layers(context, chains, used_chains(context, *ids, ""), *grave, removed);
}

bool has_layer(const Context& context, const std::string& chain) {
    return is_digest(chain) && path_exists(layer_dir(context, chain) + "/layer.json");
}

} // namespace berth::image
