#include "runtime/image/image_store.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/manifest.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::image {

namespace {

constexpr std::size_t k_hex = 64;

std::string id_of_hex(std::string_view hex) {
    return concat("sha256:", hex);
}

bool is_hex_id(std::string_view text) {
    return text.size() == k_hex && is_digest(concat("sha256:", text));
}

Lookup<std::string> id_by_prefix(const Context& context, std::string_view prefix) {
    if (prefix.empty() || prefix.size() > k_hex || !is_hex(prefix)) return std::nullopt;
    BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> names, list_dir(configs_dir(context)));
    std::optional<std::string> found;
    for (const auto& name : names) {
        if (!name.starts_with(prefix)) continue;
        if (found)
            return fail(ErrorCode::invalid_input,
                        concat("'", prefix, "' is the beginning of several image ids"));
        found = id_of_hex(name);
    }
    return found;
}

} // namespace

Lookup<std::string> find_image_id(const Context& context, const std::string& name) {
    if (is_digest(name) || is_hex_id(name)) {
        const std::string id = is_digest(name) ? name : id_of_hex(name);
        if (!path_exists(config_dir(context, id))) return std::nullopt;
        return id;
    }
    if (name.starts_with("sha256:")) return id_by_prefix(context, std::string_view(name).substr(7));
    const auto reference = parse_reference(name);
    if (reference) {
        BERTH_ASSIGN_OR_RETURN(auto id, resolve_reference(context, *reference));
        if (id) return id;
    }
    BERTH_ASSIGN_OR_RETURN(auto id, id_by_prefix(context, name));
    if (!id && !reference) return fail(reference.error());
    return id;
}

Lookup<std::string> resolve_reference(const Context& context, const Reference& reference) {
    Reference entry = reference;
    if (!entry.digest.empty()) entry.tag.clear(); // the digest decides, as everywhere
    const std::string path = reference_path(context, entry);
    char target[256];
    const ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (length < 0) return fail_errno(concat("read '", path, "'"));
    const auto id = id_of_hex(base_name({target, static_cast<std::size_t>(length)}));
    if (!is_digest(id)) return fail(ErrorCode::failed, concat("'", path, "' does not name an image"));
    return id;
}

namespace {

void read_repository(const Context&, const std::string& folder, const std::string& host,
                     std::string repository, std::vector<StoredReference>& out) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* stream = fd >= 0 ? ::fdopendir(fd) : nullptr;
    if (stream == nullptr) return;
    std::replace(repository.begin(), repository.end(), '+', '/');
    while (const dirent* entry = ::readdir(stream)) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..") continue;
        char target[256];
        const ssize_t length = ::readlinkat(fd, entry->d_name, target, sizeof target);
        if (length < 0) continue;
        const auto id = id_of_hex(base_name({target, static_cast<std::size_t>(length)}));
        if (!is_digest(id)) continue;
        StoredReference stored;
        stored.reference.host = host;
        stored.reference.repository = repository;
        (name.starts_with('@') ? stored.reference.digest : stored.reference.tag) =
            name.starts_with('@') ? name.substr(1) : name;
        stored.id = id;
        stored.path = join_path(folder, name);
        out.push_back(std::move(stored));
    }
    ::closedir(stream);
}

} // namespace

Result<std::vector<StoredReference>> read_references(const Context& context) {
    std::vector<StoredReference> out;
    const std::string top = references_dir(context);
    BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> hosts, list_dir(top));
    for (const auto& host : hosts) {
        BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> repositories, list_dir(join_path(top, host)));
        for (const auto& repository : repositories)
            read_repository(context, concat(top, "/", host, "/", repository), host, repository, out);
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return out;
}

Result<ImageRecord> read_image_record(const Context& context, std::string_view id) {
    const std::string path = config_dir(context, id) + "/image.json";
    BERTH_ASSIGN_OR_RETURN(const std::string text, read_file(path, 4u << 20));
    return parse_record<ImageRecord>(text, path);
}

Result<Image> load_image(const Context& context, const std::string& id,
                         const std::vector<StoredReference>& references) {
    Image image;
    image.id = id;
    const std::string path = config_dir(context, id) + "/config.json";
    BERTH_ASSIGN_OR_RETURN(image.config_json, read_file(path, 4u << 20));
    auto config = parse_image_config(image.config_json);
    if (!config) return fail(std::move(config).error().context(concat("read '", path, "'")));
    image.config = std::move(*config);
    BERTH_ASSIGN_OR_RETURN(const ImageRecord record, read_image_record(context, id));
    image.size = record.size;
    for (const auto& stored : references) {
        if (stored.id != id) continue;
        (stored.reference.digest.empty() ? image.references : image.repo_digests)
            .push_back(stored.reference.to_string());
    }
    std::sort(image.references.begin(), image.references.end());
    std::sort(image.repo_digests.begin(), image.repo_digests.end());
    return image;
}

Lookup<Image> find_image(const Context& context, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(const auto id, find_image_id(context, name));
    if (!id) return std::nullopt;
    BERTH_ASSIGN_OR_RETURN(const auto references, read_references(context));
    auto image = load_image(context, *id, references);
    if (!image) return fail(std::move(image).error().context(concat("image '", name, "'")));
    return std::move(*image);
}

Result<Image> get_image(const Context& context, const std::string& name) {
    BERTH_ASSIGN_OR_RETURN(auto found, find_image(context, name));
    if (found) return std::move(*found);
    Error error(ErrorCode::not_found, concat("no such image: ", name));
    std::vector<std::string> known;
    if (const auto references = read_references(context))
        for (const auto& stored : *references)
            if (stored.reference.digest.empty()) known.push_back(stored.reference.familiar());
    const auto near = nearest_word(name.find(':') == std::string::npos ? name + ":latest" : name, known);
    if (!near.empty())
        error.hint(concat("did you mean '", near, "'?"));
    else
        error.hint("pull it, build it, or load it from an archive");
    return fail(std::move(error));
}

Result<Image> get_image(const Context& context, const std::string& name, const WantedPlatform& wanted) {
    BERTH_ASSIGN_OR_RETURN(Image image, get_image(context, name));
    if (suits(image.platform(), wanted)) return image;
    return fail(ErrorCode::not_found,
                concat("image with reference ", name, " was found but its platform (",
                       image.platform().to_string(), ") does not match the specified platform (",
                       wanted->to_string(), ")"));
}

Result<std::vector<std::string>> image_ids(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> names, list_dir(configs_dir(context)));
    std::vector<std::string> out;
    for (const auto& name : names)
        if (is_hex_id(name)) out.push_back(id_of_hex(name));
    return out;
}

Result<std::vector<Image>> list_images(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto ids, image_ids(context));
    BERTH_ASSIGN_OR_RETURN(const auto references, read_references(context));
    std::vector<Image> out;
    for (const auto& id : ids) {
        auto image = load_image(context, id, references);
        if (image)
            out.push_back(std::move(*image));
        else if (image.error().sys_errno() != ENOENT ||
                 path_exists(config_dir(context, id))) // else removed meanwhile
            context.progress->warn(
                concat("image ", short_id(hex_of(id)), " is broken: ", image.error().to_string()));
    }
    for (const auto& stored : references)
        if (!std::binary_search(ids.begin(), ids.end(), stored.id) &&
            !path_exists(config_dir(context, stored.id)))
            context.progress->warn(concat("'", stored.path, "' names an image that is not there"));
    const auto created = [](const Image& image) {
        return parse_rfc3339(image.config.created).value_or(WallTime{});
    };
    std::stable_sort(out.begin(), out.end(),
                     [&](const Image& a, const Image& b) { return created(a) > created(b); });
    return out;
}

Status write_reference(const Context& context, const Reference& reference, std::string_view id) {
    Reference entry = reference;
    if (!entry.digest.empty()) entry.tag.clear();
    const std::string path = reference_path(context, entry);
    BERTH_TRY(make_dirs(std::string(dir_name(path)), 0700));
    const std::string temporary = concat(staging_root(context), "/", make_id());
    if (::symlink(concat("../../../configs/", hex_of(id)).c_str(), temporary.c_str()) != 0)
        return fail_errno(concat("create '", temporary, "'"));
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int code = errno;
        (void)::unlink(temporary.c_str());
        return fail_errno(concat("name the image '", reference.familiar(), "'"), code);
    }
    return {};
}

Status erase_reference(const StoredReference& stored) {
    BERTH_TRY(remove_file(stored.path));
    const std::string repository(dir_name(stored.path));
    // Not empty is the usual answer and none of an error.
    if (::rmdir(repository.c_str()) == 0) (void)::rmdir(std::string(dir_name(repository)).c_str());
    return {};
}

Status tag_image(const Context& context, const std::string& source, const std::string& target) {
    BERTH_ASSIGN_OR_RETURN(const Reference reference, parse_reference(target));
    if (!reference.digest.empty())
        return fail(ErrorCode::invalid_input,
                    concat("'", target, "' has a digest; an image is tagged with a name and a tag"));
    BERTH_ASSIGN_OR_RETURN(const Image image, get_image(context, source));
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, lock_store(context, true));
    if (!path_exists(config_dir(context, image.id)))
        return fail(ErrorCode::not_found, concat("no such image: ", source));
    return write_reference(context, reference, image.id);
}

Result<Image> add_image_named(const Context& context, const std::string& config_json,
                              const std::vector<Reference>& names, const std::string& manifest) {
    BERTH_ASSIGN_OR_RETURN(const ImageConfig config, parse_image_config(config_json));
    const std::string id = concat("sha256:", sha256_hex(config_json));
    ImageRecord record;
    record.chains = chain_ids(config.rootfs.diff_ids);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, lock_store(context, true));
    for (const auto& chain : record.chains) {
        auto layer = read_layer(context, chain);
        if (!layer)
            return fail(std::move(layer).error().context(
                concat("image ", short_id(hex_of(id)), ": its layer ", chain)));
        record.size += layer->size;
    }
    const std::string folder = config_dir(context, id);
    if (!path_exists(folder + "/image.json")) {
        BERTH_ASSIGN_OR_RETURN(Staging staging, Staging::make(context));
        const std::string made = staging.path() + "/config";
        BERTH_TRY(make_dir(made, 0700));
        BERTH_TRY(write_atomic(made + "/config.json", config_json));
        BERTH_TRY(write_atomic(made + "/image.json", to_json(record).to_text(2)));
        BERTH_TRY(staging.publish("config", folder));
    }
    // Only a memory, for a push that changes nothing: no image fails for want of it.
    if (!manifest.empty() && manifest != kept_manifest(context, id))
        (void)write_atomic(folder + "/manifest.json", manifest);
    for (const auto& name : names)
        BERTH_TRY(write_reference(context, name, id));
    release_layers(context, record.chains);
    BERTH_ASSIGN_OR_RETURN(const auto references, read_references(context));
    return load_image(context, id, references);
}

Status lease_image(const Context& context, const Image& image) {
    for (const auto& chain : chain_ids(image.config.rootfs.diff_ids)) {
        BERTH_ASSIGN_OR_RETURN(const bool there, lease_layer(context, chain));
        if (!there)
            return fail(ErrorCode::failed,
                        concat("image ", short_id(hex_of(image.id)), ": its layer ", chain, " is missing"));
    }
    return {};
}

std::string kept_manifest(const Context& context, const std::string& id) {
    const auto bytes = read_file_if_exists(config_dir(context, id) + "/manifest.json", k_max_manifest);
    return bytes ? bytes->value_or("") : "";
}

Result<Image> add_image_bytes(const Context& context, const std::string& config_json,
                              const std::string& reference) {
    std::vector<Reference> names;
    if (!reference.empty()) {
        BERTH_ASSIGN_OR_RETURN(names.emplace_back(), parse_reference(reference));
    }
    return add_image_named(context, config_json, names);
}

Result<Image> add_image(const Context& context, const ImageConfig& config, const std::string& reference) {
    return add_image_bytes(context, write_image_config(config), reference);
}

Result<std::vector<std::string>> lower_dirs(const Context& context, const Image& image) {
    const auto chains = chain_ids(image.config.rootfs.diff_ids);
    std::vector<std::string> out;
    for (auto chain = chains.rbegin(); chain != chains.rend(); ++chain)
        out.push_back(layer_dir(context, *chain) + "/diff");
    if (!out.empty()) return out;
    // An image that is nothing but a configuration: overlayfs wants something to stand on.
    out.push_back(context.paths.images() + "/empty");
    BERTH_TRY(make_dir(out.back(), 0755));
    return out;
}

Result<std::string> staging_dir(const Context& context) {
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(Staging staging, Staging::make(context));
    return std::move(staging).leave_to_process();
}

} // namespace berth::image
