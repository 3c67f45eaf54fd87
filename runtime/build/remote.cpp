#include "runtime/build/remote.hpp"

#include "runtime/build/download.hpp"
#include "runtime/build/git_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace berth::build {

namespace {

Result<RemoteSource> download(const Step& step, const std::string& url, const std::string& checksum) {
    RemoteSource out;
    BERTH_ASSIGN_OR_RETURN(auto folder, TempDir::make(step.env.scratch, "download-"));
    out.holder = std::make_shared<TempDir>(std::move(folder));
    out.path = out.holder->path() + "/file";
    BERTH_ASSIGN_OR_RETURN(auto got, download_file(step.env.context, url, checksum, out.path));
    out.name = std::move(got.name);
    out.digest = std::move(got.digest);
    out.mtime = got.mtime;
    return out;
}

Result<RemoteSource> check_out(const Step& step, const GitAddress& address, const std::string& checksum,
                               bool keep_git_dir) {
    RemoteSource out;
    BERTH_ASSIGN_OR_RETURN(auto folder, TempDir::make(step.env.scratch, "git-"));
    out.holder = std::make_shared<TempDir>(std::move(folder));
    out.path = out.holder->path() + "/tree";
    BERTH_ASSIGN_OR_RETURN(out.digest, fetch_git(address, out.path, keep_git_dir));
    if (!checksum.empty() && !out.digest.starts_with(checksum))
        return fail(ErrorCode::failed,
                    concat("'", address.repository, "' is at commit ", out.digest, ", not ", checksum));
    out.folder = true;
    out.subfolder = address.directory;
    return out;
}

} // namespace

Result<RemoteSource> fetch_remote(const Step& step, const std::string& url, const std::string& checksum,
                                  bool keep_git_dir) {
    BERTH_ASSIGN_OR_RETURN(const auto git, parse_git_address(url));
    if (git) return check_out(step, *git, checksum, keep_git_dir);
    if (!checksum.empty() && !image::is_digest(checksum))
        return fail(Error(ErrorCode::invalid_input, concat("'", checksum, "' is not a checksum"))
                        .hint("write sha256: and 64 hex digits"));
    return download(step, url, checksum);
}

Status place_remote(const Step& step, const RemoteSource& remote, int root, const std::string& destination,
                    const CopyOptions& options, const std::optional<bool>& unpack) {
    SourceRoot source;
    source.what = "what was fetched";
    if (!remote.folder) {
        const bool into_folder = destination.ends_with("/") || options.destination_is_folder;
        if (remote.name.empty() && into_folder)
            return fail(Error(ErrorCode::invalid_input, "the address has no file name")
                            .at(step.instruction.args_at)
                            .hint("give the destination a name instead of a folder"));
        if (unpack.value_or(false))
            return fail(Error(ErrorCode::unsupported, "ADD --unpack of an address is not supported")
                            .at(step.instruction.args_at));
    }
    const auto folder = remote.folder ? remote.path : std::string(dir_name(remote.path));
    BERTH_ASSIGN_OR_RETURN(const Fd top, open_directory(folder));
    source.fd = top.get();
    BERTH_ASSIGN_OR_RETURN(auto selected,
                           select_source(source, remote.folder ? remote.subfolder : "/file", {}));
    auto& one = selected.front();
    if (!remote.folder) {
        one.base_name = remote.name;
        auto& node = one.nodes.front();
        node.mode = S_IFREG | 0600;
        node.mtime = remote.mtime >= 0 ? remote.mtime : 0;
        // Not the file's own time any more: the copy must not be taken for a changed file.
    }
    auto copied = copy_selected(source, one, root, destination, options);
    if (!copied) return fail(std::move(copied).error());
    return {};
}

} // namespace berth::build
