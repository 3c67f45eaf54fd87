#include "runtime/build/remote.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/registry/http.hpp"

#include <array>
#include <ctime>
#include <fcntl.h>

namespace berth::build {

namespace {

constexpr std::int64_t k_download_limit = std::int64_t{20} << 30;

// "Sun, 06 Nov 1994 08:49:37 GMT"; -1: none or another form. No locale: the names are fixed by RFC 9110.
std::int64_t parse_http_date(const std::string& text) {
    static constexpr std::array<std::string_view, 12> k_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() < 25 || text[3] != ',') return -1;
    const auto number = [&](std::size_t at, std::size_t size) {
        const auto value = parse_integer(text.substr(at, size), 0, 9999);
        return value ? static_cast<int>(*value) : -1;
    };
    std::tm time{};
    time.tm_mday = number(5, 2);
    time.tm_mon = -1;
    for (std::size_t i = 0; i < k_months.size(); ++i)
        if (std::string_view(text).substr(8, 3) == k_months[i]) time.tm_mon = static_cast<int>(i);
    time.tm_year = number(12, 4) - 1900;
    time.tm_hour = number(17, 2);
    time.tm_min = number(20, 2);
    time.tm_sec = number(23, 2);
    if (time.tm_mday < 1 || time.tm_mon < 0 || time.tm_year < 0 || time.tm_hour < 0 || time.tm_min < 0 ||
        time.tm_sec < 0)
        return -1;
    return ::timegm(&time);
}

bool is_file_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos;
}

std::string name_of(const std::string& url, const registry::HttpResponse& response) {
    if (const auto header = response.headers.find("content-disposition"); header != response.headers.end()) {
        if (const auto at = header->second.find("filename="); at != std::string::npos) {
            auto name = header->second.substr(at + 9);
            name = name.substr(0, name.find(';'));
            if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
                name = name.substr(1, name.size() - 2);
            if (is_file_name(name)) return name;
        }
    }
    auto path = url.substr(0, url.find_first_of("?#"));
    const auto host = path.find("://");
    const auto slash = path.find('/', host == std::string::npos ? 0 : host + 3);
    if (slash == std::string::npos) return {};
    const std::string name(base_name(path));
    return path.ends_with("/") || !is_file_name(name) ? std::string() : name;
}

Result<RemoteSource> download(const Step& step, const std::string& url, const std::string& checksum) {
    RemoteSource out;
    BERTH_ASSIGN_OR_RETURN(auto folder, TempDir::make(step.env.scratch, "download-"));
    out.holder = std::make_shared<TempDir>(std::move(folder));
    out.path = out.holder->path() + "/file";
    BERTH_ASSIGN_OR_RETURN(const Fd file, open_file(out.path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    Sha256 hash;
    std::int64_t size = 0;
    registry::HttpClient client(step.env.context.cancelled);
    registry::HttpRequest request;
    request.url = url;
    request.on_body = [&](std::string_view bytes, bool) -> Status {
        size += static_cast<std::int64_t>(bytes.size());
        if (size > k_download_limit) return fail(ErrorCode::failed, "it is larger than 20 GiB");
        hash.update(bytes);
        return write_all(file.get(), bytes, out.path);
    };
    auto response = client.send(request);
    if (!response) return fail(std::move(response).error().context(concat("download '", url, "'")));
    if (response->status != 200)
        return fail(response->status == 404 ? ErrorCode::not_found : ErrorCode::failed,
                    concat("download '", url, "': the server answered ", response->status));
    out.digest = "sha256:" + hash.finish_hex();
    if (!checksum.empty() && checksum != out.digest)
        return fail(ErrorCode::failed,
                    concat("download '", url, "': its digest is ", out.digest, ", not ", checksum));
    out.name = name_of(url, *response);
    if (const auto header = response->headers.find("last-modified"); header != response->headers.end())
        out.mtime = parse_http_date(header->second);
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
    if (const auto git = parse_git_address(url)) return check_out(step, *git, checksum, keep_git_dir);
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
