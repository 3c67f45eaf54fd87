#include "runtime/build/download.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/build/git_source.hpp"
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

} // namespace

Result<Download> download_file(const Context& context, const std::string& url, const std::string& checksum,
                               const std::string& path) {
    Download out;
    const auto doing = concat("download '", shown_address(url), "'");
    BERTH_ASSIGN_OR_RETURN(const Fd file, open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    Sha256 hash;
    std::int64_t size = 0;
    registry::HttpClient client(context.cancelled);
    registry::HttpRequest request;
    request.url = url;
    request.on_body = [&](std::string_view bytes, std::optional<std::int64_t>) -> Status {
        size += static_cast<std::int64_t>(bytes.size());
        if (size > k_download_limit) return fail(ErrorCode::failed, "it is larger than 20 GiB");
        hash.update(bytes);
        return write_all(file.get(), bytes, path);
    };
    auto response = client.send(request);
    if (!response) return fail(std::move(response).error().context(doing));
    if (response->status != 200)
        return fail(response->status == 404 ? ErrorCode::not_found : ErrorCode::failed,
                    concat(doing, ": the server answered ", response->status));
    out.digest = "sha256:" + hash.finish_hex();
    if (!checksum.empty() && checksum != out.digest)
        return fail(ErrorCode::failed, concat(doing, ": its digest is ", out.digest, ", not ", checksum));
    out.name = name_of(url, *response);
    if (const auto header = response->headers.find("last-modified"); header != response->headers.end())
        out.mtime = parse_http_date(header->second);
    return out;
}

} // namespace berth::build
