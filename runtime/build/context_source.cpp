#include "runtime/build/context_source.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/download.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/build/outcome.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/unpack.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::build {

namespace {

constexpr std::size_t k_dockerfile_limit = 4u << 20;
constexpr std::size_t k_ignore_limit = 4u << 20;

bool is_not_there(const Error& error) {
    return error.sys_errno() == ENOENT || error.sys_errno() == ENOTDIR;
}

// A regular file of the context; empty: not there. Beneath the root, whatever links say (S65).
Lookup<std::string> read_beneath(int root, const std::string& path, std::size_t limit) {
    auto fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (!fd) {
        if (is_not_there(fd.error())) return std::nullopt;
        return fail(std::move(fd).error());
    }
    struct stat s {};
    if (::fstat(fd->get(), &s) != 0) return fail_errno(concat("look at '", path, "'"));
    if (!S_ISREG(s.st_mode)) return fail(ErrorCode::invalid_input, concat("'", path, "' is not a file"));
    BERTH_ASSIGN_OR_RETURN(auto text, read_fd(fd->get(), path, limit));
    return std::optional(std::move(text));
}

Status unpack_tar(int fd, const std::string& folder) {
    BERTH_TRY(make_dirs(folder));
    BERTH_ASSIGN_OR_RETURN(const Fd root, open_file(folder, O_RDONLY | O_DIRECTORY));
    image::UnpackOptions options;
    options.kind = image::TreeKind::plain;
    image::Unpacker unpacker(root.get(), options);
    image::Decompressor inflate(unpacker);
    image::FdSource source(fd);
    BERTH_TRY(image::pump(source, inflate));
    return inflate.finish();
}

Status read_ignore(BuildContext& context, const std::string& dockerfile) {
    for (const auto& name :
         {dockerfile.empty() ? std::string() : dockerfile + ".dockerignore", std::string(".dockerignore")}) {
        if (name.empty()) continue;
        BERTH_ASSIGN_OR_RETURN(const auto text, read_beneath(context.root.get(), name, k_ignore_limit));
        if (!text) continue;
        BERTH_ASSIGN_OR_RETURN(context.ignore, IgnoreRules::parse(*text, name));
        return {};
    }
    return {};
}

// A progress line around what is fetched.
template <class Fetch> Status told(const Context& context, const std::string& what, const Fetch& fetch) {
    context.progress->update(what, "", 0, 0);
    auto status = fetch();
    context.progress->finish(what, outcome_of(status), status.has_value());
    return status;
}

// What is no tar is a Dockerfile without a context, as docker has it.
Status open_download(const Context& context, const std::string& url, const std::string& scratch,
                     BuildContext& out) {
    const auto file = scratch + "/download";
    BERTH_TRY(download_file(context, url, "", file));
    BERTH_ASSIGN_OR_RETURN(const Fd fd, open_file(file, O_RDONLY));
    BERTH_ASSIGN_OR_RETURN(const bool archive, image::is_archive(fd.get()));
    const auto folder = scratch + "/context";
    if (archive) {
        if (auto status = unpack_tar(fd.get(), folder); !status)
            return fail(std::move(status).error().context(concat("unpack '", shown_address(url), "'")));
    } else {
        auto text = read_fd(fd.get(), shown_address(url), k_dockerfile_limit);
        if (!text) return fail(std::move(text).error().context("read the Dockerfile"));
        if (text->find('\0') != std::string::npos)
            return fail(ErrorCode::invalid_input,
                        concat("'", shown_address(url), "' is neither a tar nor a Dockerfile"));
        out.dockerfile = std::move(*text);
        BERTH_TRY(make_dirs(folder));
    }
    BERTH_TRY(remove_file(file));
    BERTH_ASSIGN_OR_RETURN(out.root, open_directory(folder));
    return {};
}

bool keeps_git_dir(const BuildRequest& request) {
    const auto given = request.args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
    return given != request.args.end() && parse_bool(given->second).value_or(false);
}

Status open_address(const Context& context, const BuildRequest& request, const std::string& scratch,
                    BuildContext& out) {
    const auto& url = request.context_url;
    BERTH_ASSIGN_OR_RETURN(const auto git, parse_git_address(url));
    if (!git && !is_url(url))
        return fail(Error(ErrorCode::unsupported, concat("'", url, "' is no address of a build context"))
                        .hint("a context is a folder, '-' for a tar on standard input, an https address of "
                              "a tar or a Dockerfile, or a git address"));
    const auto what =
        concat("[internal] load ", git ? "git source " : "remote build context ", shown_address(url));
    return told(context, what, [&]() -> Status {
        if (!git) return open_download(context, url, scratch, out);
        BERTH_ASSIGN_OR_RETURN(out.root, open_git(*git, scratch + "/context", keeps_git_dir(request)));
        return {};
    });
}

} // namespace

Result<BuildContext> open_context(const Context& context, const BuildRequest& request,
                                  const std::string& scratch) {
    BuildContext out;
    if (!request.context_url.empty()) {
        BERTH_TRY(open_address(context, request, scratch, out));
    } else if (request.context_tar_fd >= 0) {
        if (auto status = unpack_tar(request.context_tar_fd, scratch + "/context"); !status)
            return fail(std::move(status).error().context("read the build context's tar"));
        BERTH_ASSIGN_OR_RETURN(out.root, open_directory(scratch + "/context"));
    } else if (!request.context_dir.empty()) {
        auto root = open_directory(request.context_dir);
        if (!root) {
            if (root.error().sys_errno() == ENOENT)
                return fail(ErrorCode::not_found,
                            concat("the build context '", request.context_dir, "' is not there"));
            if (root.error().sys_errno() == ENOTDIR)
                return fail(ErrorCode::invalid_input,
                            concat("the build context '", request.context_dir, "' is not a folder"));
            return fail(std::move(root).error());
        }
        out.root = std::move(*root);
    } else {
        BERTH_TRY(make_dirs(scratch + "/context"));
        BERTH_ASSIGN_OR_RETURN(out.root, open_directory(scratch + "/context"));
    }
    return out;
}

Result<BuildContext> open_named_context(const Context& context, const std::string& name,
                                        const NamedContext& value, const std::string& base,
                                        const std::string& scratch) {
    BuildContext out;
    out.what = concat("the build context ", name);
    BERTH_ASSIGN_OR_RETURN(auto made, TempDir::make(scratch, "context-"));
    const auto folder = made.release(); // it goes with `scratch`
    const auto what = concat("[context ", name, "] ", shown_address(value.value));
    if (value.kind == NamedContext::Kind::git) {
        BERTH_ASSIGN_OR_RETURN(const auto git, parse_git_address(value.value));
        BERTH_TRY(told(context, what, [&]() -> Status {
            BERTH_ASSIGN_OR_RETURN(out.root, open_git(git.value(), folder + "/tree", false));
            return {};
        }));
    } else if (value.kind == NamedContext::Kind::url) {
        // The file as it is, under its own name, as BuildKit has it: ADD --from unpacks it where that is
        // wanted.
        BERTH_TRY(told(context, what, [&]() -> Status {
            BERTH_ASSIGN_OR_RETURN(const auto got, download_file(context, value.value, "", folder + "/.new"));
            if (got.name.empty())
                return fail(ErrorCode::invalid_input,
                            concat("the address '", shown_address(value.value), "' has no file name"));
            if (::rename((folder + "/.new").c_str(), join_path(folder, got.name).c_str()) != 0)
                return fail_errno(concat("put '", got.name, "' in place"));
            return {};
        }));
        BERTH_ASSIGN_OR_RETURN(out.root, open_directory(folder));
        return out;
    } else {
        auto root = open_directory(absolute_path(value.value, base.empty() ? "/" : base));
        if (!root)
            return fail(std::move(root).error().context(concat("open the build context '", name, "'")));
        out.root = std::move(*root);
    }
    BERTH_TRY(read_ignore(out, ""));
    return out;
}

Result<std::shared_ptr<const SourceFile>> read_dockerfile(const Context& context, const BuildRequest& request,
                                                          BuildContext& source, const std::string& scratch) {
    auto file = std::make_shared<SourceFile>();
    if (!request.dockerfile_text.empty() || source.dockerfile) {
        file->path = request.dockerfile.empty() || source.dockerfile ? "Dockerfile" : request.dockerfile;
        file->text = request.dockerfile_text.empty() ? *source.dockerfile : request.dockerfile_text;
        BERTH_TRY(read_ignore(source, ""));
        return file;
    }
    if (is_url(request.dockerfile)) {
        file->path = shown_address(request.dockerfile);
        const auto path = scratch + "/Dockerfile.download";
        BERTH_TRY(download_file(context, request.dockerfile, "", path));
        BERTH_ASSIGN_OR_RETURN(file->text, read_file(path, k_dockerfile_limit));
        BERTH_TRY(read_ignore(source, ""));
        return file;
    }
    const auto name = request.dockerfile.empty() ? std::string("Dockerfile") : request.dockerfile;
    file->path = name;
    std::string beneath = name;
    const auto prefix = request.context_dir.empty() ? std::string() : clean_path(request.context_dir) + "/";
    if (name.starts_with("/") && !prefix.empty() && name.starts_with(prefix))
        beneath = name.substr(prefix.size());
    const bool outside = beneath.starts_with("/") || clean_path(beneath).starts_with("..");
    // Beside an address only an absolute path is one of this machine.
    if (outside &&
        (!request.context_dir.empty() || (!request.context_url.empty() && name.starts_with("/")))) {
        // Named by the user, not by the context: opened as it stands.
        const auto path = absolute_path(name, request.context_dir.empty() ? "/" : request.context_dir);
        auto text = read_file(path, k_dockerfile_limit);
        if (!text) return fail(std::move(text).error().context("read the Dockerfile"));
        file->text = std::move(*text);
        BERTH_ASSIGN_OR_RETURN(const auto own, read_file_if_exists(path + ".dockerignore", k_ignore_limit));
        if (own) {
            BERTH_ASSIGN_OR_RETURN(source.ignore, IgnoreRules::parse(*own, name + ".dockerignore"));
        } else {
            BERTH_TRY(read_ignore(source, ""));
        }
        return file;
    }
    auto text = read_beneath(source.root.get(), beneath, k_dockerfile_limit);
    for (const char* other : {"dockerfile", "Containerfile"}) {
        if (!text || *text || !request.dockerfile.empty()) break;
        text = read_beneath(source.root.get(), other, k_dockerfile_limit);
        if (text && *text) file->path = other;
    }
    if (!text) return fail(std::move(text).error().context(concat("read '", name, "'")));
    if (!*text)
        return fail(
            Error(ErrorCode::not_found, concat("'", name, "' is not in the build context",
                                               request.context_dir.empty() ? "" : " " + request.context_dir))
                .hint("name it with -f, or write one"));
    file->text = std::move(**text);
    BERTH_TRY(read_ignore(source, beneath));
    return file;
}

} // namespace berth::build
