#include "runtime/build/git_source.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/subprocess.hpp"

#include <cstdlib>
#include <fcntl.h>

namespace berth::build {

namespace {

constexpr std::string_view k_hex = "0123456789abcdef";

Failure wrong_address(const std::string& text, const std::string& why, const std::string& hint = {}) {
    Error error(ErrorCode::invalid_input, concat("git address '", shown_address(text), "': ", why));
    if (!hint.empty()) error.hint(hint);
    return fail(std::move(error));
}

int hex_digit(char c) {
    const auto at = k_hex.find(static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c));
    return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string url_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

bool is_hex(std::string_view text) {
    return !text.empty() && text.find_first_not_of(k_hex) == std::string_view::npos;
}

bool is_commit(std::string_view text) {
    return text.size() == 40 && is_hex(text);
}

// One of the two ways to name a thing may be used, or both with the same value.
Status set_once(const std::string& text, const char* what, std::string& into, std::string value) {
    if (!into.empty() && into != value)
        return wrong_address(text, concat(what, " conflicts: '", into, "' and '", value, "'"));
    into = std::move(value);
    return {};
}

Status read_query(const std::string& text, std::string_view query, GitAddress& out) {
    std::string ref, tag, branch;
    for (const auto& field : split(query, '&')) {
        if (field.empty()) continue;
        const auto equals = field.find('=');
        const auto key = url_decode(field.substr(0, equals));
        auto value = equals == std::string::npos ? std::string() : url_decode(field.substr(equals + 1));
        if (value.empty()) return wrong_address(text, concat("query '", key, "' has no value"));
        if (key == "ref") {
            BERTH_TRY(set_once(text, "ref", ref, std::move(value)));
        } else if (key == "tag") {
            BERTH_TRY(set_once(text, "tag", tag, std::move(value)));
        } else if (key == "branch") {
            BERTH_TRY(set_once(text, "branch", branch, std::move(value)));
        } else if (key == "subdir") {
            BERTH_TRY(set_once(text, "subdir", out.directory, std::move(value)));
        } else if (key == "checksum" || key == "commit") {
            BERTH_TRY(set_once(text, "checksum", out.checksum, to_lower(value)));
        } else if (key == "keep-git-dir" || key == "submodules") {
            const auto flag = parse_bool(value);
            if (!flag)
                return wrong_address(text, concat("'", value, "' of ", key, " is neither true nor false"));
            if (key == "submodules")
                out.submodules = *flag;
            else
                out.keep_git_dir = *flag;
        } else {
            return wrong_address(text, concat("unexpected query '", key, "'"),
                                 "one of ref, tag, branch, subdir, checksum");
        }
    }
    if (static_cast<int>(!ref.empty()) + static_cast<int>(!tag.empty()) + static_cast<int>(!branch.empty()) >
        1)
        return wrong_address(text, "ref, tag and branch exclude one another");
    if (!tag.empty()) ref = "refs/tags/" + tag;
    if (!branch.empty()) ref = "refs/heads/" + branch;
    if (!ref.empty()) BERTH_TRY(set_once(text, "ref", out.ref, std::move(ref)));
    if (!out.checksum.empty() && !is_hex(out.checksum))
        return wrong_address(text, concat("'", out.checksum, "' is no commit"), "write its hex digits");
    // A commit says all that there is to say.
    if (out.ref.empty() && is_commit(out.checksum)) out.ref = out.checksum;
    return {};
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

Status check_out(const GitAddress& address, const std::string& folder) {
    BERTH_TRY(run_git({"init", "-q", "."}, folder));
    const auto ref = address.ref.empty() ? std::string("HEAD") : address.ref;
    const auto fetched =
        run_git({"fetch", "-q", "--depth=1", "--no-tags", "--", address.repository, ref}, folder);
    // A server need not hand out single commits: then all of it is fetched and searched.
    if (!fetched && is_commit(ref)) {
        BERTH_TRY(
            run_git({"fetch", "-q", "--", address.repository, "+refs/*:refs/remotes/origin/*"}, folder));
        BERTH_TRY(run_git({"checkout", "-q", "--detach", ref}, folder));
        return {};
    }
    BERTH_TRY(fetched);
    BERTH_TRY(run_git({"checkout", "-q", "--detach", "FETCH_HEAD"}, folder));
    return {};
}

// The commit's, or that of the tag object that stands for it.
Status check_commit(const GitAddress& address, const std::string& folder, const std::string& commit) {
    if (address.checksum.empty() || commit.starts_with(address.checksum)) return {};
    if (const auto tag = run_git({"rev-parse", "FETCH_HEAD"}, folder);
        tag && tag->starts_with(address.checksum))
        return {};
    return fail(ErrorCode::failed, concat("it is at commit ", commit, ", not ", address.checksum));
}

Result<std::string> fetch(const GitAddress& address, const std::string& folder, bool keep_git_dir) {
    BERTH_TRY(make_dirs(folder));
    BERTH_TRY(check_out(address, folder));
    BERTH_ASSIGN_OR_RETURN(std::string commit, run_git({"rev-parse", "HEAD"}, folder));
    BERTH_TRY(check_commit(address, folder, commit));
    if (address.submodules && path_exists(folder + "/.gitmodules"))
        BERTH_TRY(run_git({"submodule", "-q", "update", "--init", "--recursive", "--depth=1"}, folder));
    if (!address.keep_git_dir.value_or(keep_git_dir)) BERTH_TRY(remove_tree(folder + "/.git"));
    return commit;
}

} // namespace

bool is_url(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

bool is_remote_address(std::string_view text) {
    if (is_url(text)) return true;
    for (const std::string_view start : {"git://", "ssh://", "git@", "github.com/"})
        if (text.starts_with(start)) return true;
    return false;
}

std::string shown_address(const std::string& text) {
    const auto scheme = text.find("://");
    if (scheme == std::string::npos) return text;
    const auto end = text.find_first_of("/?#", scheme + 3);
    const auto at = text.substr(0, end).rfind('@');
    if (at == std::string::npos || at < scheme) return text;
    return text.substr(0, scheme + 3) + text.substr(at + 1);
}

Result<std::optional<GitAddress>> parse_git_address(const std::string& text) {
    GitAddress out;
    const auto hash = text.find('#');
    const auto before = text.substr(0, hash);
    const auto question = before.find('?');
    out.repository = before.substr(0, question);
    const bool scheme = out.repository.starts_with("git://") || out.repository.starts_with("ssh://") ||
                        out.repository.starts_with("git@");
    const bool http =
        is_url(out.repository) && (out.repository.ends_with(".git") || out.repository.ends_with(".git/"));
    const bool short_form = out.repository.starts_with("github.com/");
    if (!scheme && !http && !short_form) return std::optional<GitAddress>();
    if (short_form) out.repository.insert(0, "https://");
    if (hash != std::string::npos) {
        const auto fragment = text.substr(hash + 1);
        const auto colon = fragment.find(':');
        out.ref = fragment.substr(0, colon);
        if (colon != std::string::npos) out.directory = fragment.substr(colon + 1);
    }
    if (question != std::string::npos)
        BERTH_TRY(read_query(text, std::string_view(before).substr(question + 1), out));
    // git would take it for an option (CVE-2018-17456 is the same class).
    const auto host = out.repository.find("://");
    const auto name =
        out.repository.substr(host == std::string::npos ? out.repository.find('@') + 1 : host + 3);
    if (name.starts_with("-") || out.ref.starts_with("-"))
        return wrong_address(text, "neither host nor reference may begin with a dash");
    return std::optional(std::move(out));
}

Result<std::string> fetch_git(const GitAddress& address, const std::string& folder, bool keep_git_dir) {
    auto commit = fetch(address, folder, keep_git_dir);
    if (!commit)
        return fail(
            std::move(commit).error().context(concat("fetch '", shown_address(address.repository), "'")));
    return commit;
}

Result<Fd> open_git(const GitAddress& address, const std::string& folder, bool keep_git_dir) {
    BERTH_TRY(fetch_git(address, folder, keep_git_dir));
    BERTH_ASSIGN_OR_RETURN(Fd root, open_directory(folder));
    if (address.directory.empty()) return root;
    // The repository may hold a link that leads elsewhere (CVE-2026-33748).
    auto inner = open_in_root(root.get(), address.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (!inner)
        return fail(
            std::move(inner).error().context(concat("open '", address.directory, "' in the repository")));
    return inner;
}

} // namespace berth::build
