#include "runtime/build/context_source.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/base/subprocess.hpp"
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

Result<std::string> run_git(const std::vector<std::string>& args, const std::string& cwd) {
    Command command;
    command.program = "git";
    // Nothing of the caller's configuration may run programs or ask for a password on our terminal.
    command.args = {"-c", "protocol.ext.allow=never", "-c", "core.hooksPath=/dev/null",
                    "-c", "advice.detachedHead=false"};
    command.args.insert(command.args.end(), args.begin(), args.end());
    command.cwd = cwd;
    command.timeout = std::chrono::minutes(30);
    for (const char* name :
         {"PATH", "HOME", "SSH_AUTH_SOCK", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
          "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "GIT_SSL_CAINFO", "XDG_CONFIG_HOME"})
        if (const char* value = std::getenv(name)) command.env[name] = value;
    command.env["GIT_TERMINAL_PROMPT"] = "0";
    command.env["LC_ALL"] = "C";
    auto result = run_command(command);
    if (!result) {
        if (result.error().code() == ErrorCode::not_found)
            return fail(
                Error(ErrorCode::not_found, "a git address needs the program git, which is not installed")
                    .hint("apt-get install git"));
        return fail(std::move(result).error());
    }
    if (result->exit_code != 0)
        return fail(ErrorCode::failed, concat("git ", args.front(), ": ", trim(result->errors)));
    return std::string(trim(result->output));
}

bool is_commit(const std::string& text) {
    return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

} // namespace

bool is_url(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

std::optional<GitAddress> parse_git_address(const std::string& text) {
    GitAddress out;
    const auto hash = text.find('#');
    out.repository = text.substr(0, hash);
    const bool scheme = out.repository.starts_with("git://") || out.repository.starts_with("ssh://") ||
                        out.repository.starts_with("git@");
    const bool http =
        is_url(out.repository) && (out.repository.ends_with(".git") || out.repository.ends_with(".git/"));
    if (!scheme && !http && !out.repository.starts_with("github.com/")) return std::nullopt;
    if (out.repository.starts_with("github.com/")) out.repository.insert(0, "https://");
    if (hash != std::string::npos) {
        const auto fragment = text.substr(hash + 1);
        const auto colon = fragment.find(':');
        out.ref = fragment.substr(0, colon);
        if (colon != std::string::npos) out.directory = fragment.substr(colon + 1);
    }
    // A leading dash would be an option of git's (CVE-2018-17456 is the same class).
    if (out.repository.starts_with("-") || out.ref.starts_with("-")) return std::nullopt;
    return out;
}

Result<std::string> fetch_git(const GitAddress& address, const std::string& folder, bool keep_git_dir) {
    BERTH_TRY(make_dirs(folder));
    const auto doing = [&](Error error) {
        return fail(std::move(error).context(concat("fetch '", address.repository, "'")));
    };
    auto status = run_git({"init", "-q", "."}, folder);
    if (!status) return doing(std::move(status).error());
    const auto ref = address.ref.empty() ? std::string("HEAD") : address.ref;
    status = run_git({"fetch", "-q", "--depth=1", "--no-tags", "--", address.repository, ref}, folder);
    // A server need not hand out single commits: then all of it is fetched and searched.
    if (!status && is_commit(ref)) {
        status = run_git({"fetch", "-q", "--", address.repository, "+refs/*:refs/remotes/origin/*"}, folder);
        if (status) status = run_git({"checkout", "-q", "--detach", ref}, folder);
    } else if (status) {
        status = run_git({"checkout", "-q", "--detach", "FETCH_HEAD"}, folder);
    }
    if (!status) return doing(std::move(status).error());
    BERTH_ASSIGN_OR_RETURN(const std::string commit, run_git({"rev-parse", "HEAD"}, folder));
    if (path_exists(folder + "/.gitmodules")) {
        status = run_git({"submodule", "-q", "update", "--init", "--recursive", "--depth=1"}, folder);
        if (!status) return doing(std::move(status).error());
    }
    if (!keep_git_dir) BERTH_TRY(remove_tree(folder + "/.git"));
    return commit;
}

namespace {

Result<Fd> open_git(const GitAddress& address, const std::string& folder) {
    auto commit = fetch_git(address, folder, false);
    if (!commit) return fail(std::move(commit).error());
    BERTH_ASSIGN_OR_RETURN(Fd root, open_directory(folder));
    if (address.directory.empty()) return root;
    // The repository may hold a link that leads elsewhere (CVE-2026-33748).
    auto inner = open_in_root(root.get(), address.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!inner)
        return fail(
            std::move(inner).error().context(concat("open '", address.directory, "' in the repository")));
    return inner;
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

} // namespace

Result<BuildContext> open_context(const Context&, const BuildRequest& request, const std::string& scratch) {
    BuildContext out;
    if (!request.context_url.empty()) {
        const auto git = parse_git_address(request.context_url);
        if (!git)
            return fail(
                Error(ErrorCode::unsupported, concat("'", request.context_url, "' is not a git address"))
                    .hint("a context is a folder, '-' for a tar on standard input, or an address that ends "
                          "in .git"));
        BERTH_ASSIGN_OR_RETURN(out.root, open_git(*git, scratch + "/context"));
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

Result<BuildContext> open_named_context(const std::string& name, const std::string& value,
                                        const std::string& base, const std::string& scratch) {
    BuildContext out;
    out.what = concat("the build context ", name);
    if (const auto git = parse_git_address(value)) {
        BERTH_ASSIGN_OR_RETURN(out.root, open_git(*git, scratch + "/context-" + name));
    } else if (value.find("://") != std::string::npos) {
        return fail(Error(ErrorCode::unsupported,
                          concat("build context '", name, "': '", value, "' is of no known kind"))
                        .hint("a folder, docker-image://REFERENCE or a git address"));
    } else {
        auto root = open_directory(absolute_path(value, base.empty() ? "/" : base));
        if (!root)
            return fail(std::move(root).error().context(concat("open the build context '", name, "'")));
        out.root = std::move(*root);
    }
    BERTH_TRY(read_ignore(out, ""));
    return out;
}

Result<std::shared_ptr<const SourceFile>> read_dockerfile(const BuildRequest& request,
                                                          BuildContext& context) {
    auto file = std::make_shared<SourceFile>();
    if (!request.dockerfile_text.empty()) {
        file->path = request.dockerfile.empty() ? "Dockerfile" : request.dockerfile;
        file->text = request.dockerfile_text;
        BERTH_TRY(read_ignore(context, ""));
        return file;
    }
    const auto name = request.dockerfile.empty() ? std::string("Dockerfile") : request.dockerfile;
    file->path = name;
    std::string beneath = name;
    const auto prefix = request.context_dir.empty() ? std::string() : clean_path(request.context_dir) + "/";
    if (name.starts_with("/") && !prefix.empty() && name.starts_with(prefix))
        beneath = name.substr(prefix.size());
    const bool outside = beneath.starts_with("/") || clean_path(beneath).starts_with("..");
    if (outside && !request.context_dir.empty()) {
        // Named by the user, not by the context: opened as it stands.
        const auto path = absolute_path(name, request.context_dir);
        auto text = read_file(path, k_dockerfile_limit);
        if (!text) return fail(std::move(text).error().context("read the Dockerfile"));
        file->text = std::move(*text);
        BERTH_ASSIGN_OR_RETURN(const auto own, read_file_if_exists(path + ".dockerignore", k_ignore_limit));
        if (own) {
            BERTH_ASSIGN_OR_RETURN(context.ignore, IgnoreRules::parse(*own, name + ".dockerignore"));
        } else {
            BERTH_TRY(read_ignore(context, ""));
        }
        return file;
    }
    auto text = read_beneath(context.root.get(), beneath, k_dockerfile_limit);
    if (text && !*text && request.dockerfile.empty()) {
        text = read_beneath(context.root.get(), "Containerfile", k_dockerfile_limit);
        if (text && *text) file->path = "Containerfile";
    }
    if (!text) return fail(std::move(text).error().context(concat("read '", name, "'")));
    if (!*text)
        return fail(
            Error(ErrorCode::not_found, concat("'", name, "' is not in the build context",
                                               request.context_dir.empty() ? "" : " " + request.context_dir))
                .hint("name it with -f, or write one"));
    file->text = std::move(**text);
    BERTH_TRY(read_ignore(context, beneath));
    return file;
}

} // namespace berth::build
