#include "compose/cli/stack_bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/platform.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::cli {

namespace {

constexpr std::size_t k_most_model = 16u << 20; // as any compose file
constexpr std::size_t k_most_head = 64u << 10;

// Empty: the file is not for us (a FIFO, a compose file, nothing).
Lookup<Fd> open_if_tar(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    BERTH_ASSIGN_OR_RETURN(Fd file, open_file(path, O_RDONLY));
    BERTH_ASSIGN_OR_RETURN(const bool tar, image::is_archive(file.get()));
    if (!tar) return std::nullopt;
    char head[image::k_magic_bytes] = {};
    const ssize_t got = ::pread(file.get(), head, sizeof head, 0);
    if (got < 0) return fail_errno(concat("read '", path, "'"));
    if (image::detect_compression({head, static_cast<std::size_t>(got)}) != image::Compression::none)
        return fail(Error(ErrorCode::invalid_input, concat("'", path, "' is a compressed archive"))
                        .hint("decompress it first: a stack bundle is read in place"));
    return file;
}

Failure no_bundle(const std::string& path, std::string_view why) {
    return fail(Error(ErrorCode::invalid_input, concat("'", path, "' is no stack bundle: ", why))
                    .hint("'berth compose bundle -o FILE' makes one; archives of images go in with load"));
}

Result<BundleHead> read_head(const std::string& path, const std::string& text) {
    const auto json = parse_json(text);
    auto head = json ? from_json<BundleHead>(*json) : Result<BundleHead>(fail(json.error()));
    if (!head) return no_bundle(path, concat("its ", k_bundle_head, " is damaged"));
    if (head->version != k_bundle_version)
        return fail(
            Error(ErrorCode::unsupported, concat("'", path, "' is a stack bundle of version ", head->version))
                .hint(concat("this berth reads version ", k_bundle_version)));
    return head;
}

} // namespace

std::string bundled_file(std::string_view section, const std::string& key) {
    return concat(section, "/", key);
}

Lookup<std::string> StackBundle::model_of(const Context& context, const std::string& path) {
    if (path != path_) {
        BERTH_ASSIGN_OR_RETURN(const auto file, open_if_tar(path));
        if (!file) return std::nullopt;
        if (files_)
            return fail(ErrorCode::unsupported, concat("two stack bundles, '", path_, "' and '", path, "'"));
        auto opened = image::open_tar_files(context, file->get());
        if (!opened) return fail(std::move(opened).error().context(concat("stack bundle '", path, "'")));
        auto files = std::move(*opened);
        BERTH_ASSIGN_OR_RETURN(const auto head, files->read(k_bundle_head, k_most_head));
        if (!head) return no_bundle(path, concat("it has no ", k_bundle_head));
        BERTH_ASSIGN_OR_RETURN(head_, read_head(path, *head));
        files_ = std::move(files);
        path_ = path;
    }
    BERTH_ASSIGN_OR_RETURN(auto model, files_->read(k_bundle_model, k_most_model));
    if (!model) return no_bundle(path, concat("it has no ", k_bundle_model));
    return model;
}

Status StackBundle::give_files(compose::Project& project) const {
    if (!files_) return {};
    std::size_t left = k_most_bundled_files;
    const auto give = [&](std::string_view section, auto& all) -> Status {
        for (auto& [key, file] : all) {
            const auto name = bundled_file(section, key);
            if (file.file.empty() || file.file != join_path(project.directory, name)) continue;
            BERTH_ASSIGN_OR_RETURN(auto content, files_->read(name, left));
            if (!content) continue; // then it is a file of the folder, as in any compose file
            left -= content->size();
            file.content = std::move(*content);
            file.file.clear();
        }
        return {};
    };
    BERTH_TRY(give("configs", project.configs));
    return give("secrets", project.secrets);
}

Result<std::vector<std::string>> StackBundle::missing_images(const Context& context) const {
    std::vector<std::string> out;
    if (!files_) return out;
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_archived_images(*files_));
    for (const auto& entry : images) {
        auto names = entry.names;
        if (names.empty()) names.push_back(entry.id);
        for (const auto& name : names) {
            // Names and digests of others are not looked at closely here: loading checks all of them.
            const auto found = image::find_image(context, name);
            if (!found || !*found || (*found)->id != entry.id) out.push_back(name);
        }
    }
    return out;
}

Status StackBundle::load_images(const Context& context) const {
    BERTH_ASSIGN_OR_RETURN(const auto missing, missing_images(context));
    if (missing.empty()) return {};
    const auto host = image::host_platform();
    if (const auto own = concat(host.os, "/", host.architecture); head_.platform != own)
        return fail(ErrorCode::unsupported,
                    concat("'", path_, "' is a stack bundle for ", head_.platform.substr(0, 100),
                           ", and this host is ", own));
    BERTH_ASSIGN_OR_RETURN(const Fd file, open_file(path_, O_RDONLY));
    auto loaded = image::load_archive(context, file.get());
    if (!loaded) return fail(std::move(loaded).error().context(concat("stack bundle '", path_, "'")));
    for (const auto& name : missing)
        context.progress->finish(concat("Image ", name.substr(0, 200)), "Loaded", true);
    return {};
}

} // namespace berth::cli
