// The writing half of the distribution API: end-4 to end-7 and end-11 of the OCI distribution-spec 1.1.
#include "runtime/base/parse.hpp"
#include "runtime/registry/client.hpp"

#include <algorithm>

namespace berth::registry {

namespace {

constexpr std::size_t k_chunk = 8u << 20;
constexpr int k_most_resumes = 4; // without any progress between them
constexpr const char* k_octets = "application/octet-stream";

HttpRequest request_of(const char* method) {
    HttpRequest request;
    request.method = method;
    return request;
}

std::string with_digest(const std::string& location, const std::string& digest) {
    return concat(location, location.find('?') == std::string::npos ? "?" : "&",
                  "digest=", url_encode(digest));
}

} // namespace

Error RegistryClient::write_refusal(const HttpResponse& response, std::string_view what) const {
    const auto said = error_text(response);
    if (response.status == 401 || response.status == 403 || response.status == 404)
        return Error(ErrorCode::failed, concat("registry ", host_, " does not let us push to ", repository_,
                                               response.status == 404 ? " (no such repository)" : "",
                                               said.empty() ? "" : ": ", said))
            .hint(concat("log in with 'berth login", host_ == "docker.io" ? "" : " ",
                         host_ == "docker.io" ? "" : host_, "', as somebody who may write there"));
    return refusal(response, what);
}

Result<std::string> RegistryClient::upload_location(const HttpResponse& response,
                                                    const std::string& asked) const {
    const auto found = response.headers.find("location");
    if (found == response.headers.end() || found->second.empty())
        return fail(ErrorCode::failed, concat("registry ", host_, " does not say where to upload to"));
    return resolve_location(found->second, asked);
}

Result<bool> RegistryClient::has_blob(const std::string& digest) {
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response,
                           request(request_of("HEAD"), concat("/blobs/", digest)));
    // A repository that nobody has pushed to yet may be hidden behind 401 or 403 from those who may create
    // it.
    return response.status == 200;
}

Result<bool> RegistryClient::mount_blob(const std::string& digest, const std::string& from_repository) {
    const auto path =
        concat("/blobs/uploads/?mount=", url_encode(digest), "&from=", url_encode(from_repository));
    BERTH_ASSIGN_OR_RETURN(const std::string asked, url_of(path));
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response, request(request_of("POST"), path));
    if (response.status == 201) return true;
    // 202: an upload was begun instead. It is given back, for whether it is used is the caller's decision.
    if (response.status == 202)
        if (const auto location = upload_location(response, asked)) {
            HttpRequest cancel = request_of("DELETE");
            cancel.url = *location;
            (void)request_url(std::move(cancel));
        }
    return false;
}

Status RegistryClient::put_small_blob(const std::string& digest, const std::string& bytes) {
    BERTH_ASSIGN_OR_RETURN(const bool there, has_blob(digest));
    if (there) return {};
    BlobUpload upload(*this);
    BERTH_TRY(upload.write(bytes));
    return upload.finish(digest);
}

Status RegistryClient::put_manifest(const std::string& reference, const std::string& bytes,
                                    const std::string& media_type) {
    HttpRequest put = request_of("PUT");
    put.headers.emplace_back("Content-Type", media_type);
    put.body = bytes;
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response,
                           request(std::move(put), concat("/manifests/", reference)));
    if (response.status == 201 || response.status == 200) return {};
    return fail(write_refusal(response, concat("the manifest of ", repository_, ":", reference)));
}

Status BlobUpload::start() {
    if (!location_.empty()) return {};
    constexpr const char* path = "/blobs/uploads/";
    BERTH_ASSIGN_OR_RETURN(const std::string asked, client_.url_of(path));
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response, client_.request(request_of("POST"), path));
    if (response.status != 202) return fail(client_.write_refusal(response, "an upload"));
    if (const auto found = response.headers.find("oci-chunk-min-length"); found != response.headers.end())
        if (const auto least = parse_integer(found->second, 0, std::int64_t{64} << 20)) least_chunk_ = *least;
    BERTH_ASSIGN_OR_RETURN(location_, client_.upload_location(response, asked));
    return {};
}

Status BlobUpload::write(std::string_view bytes) {
    const auto size = std::max(k_chunk, static_cast<std::size_t>(least_chunk_));
    while (!bytes.empty()) {
        const auto part = std::min(bytes.size(), size - std::min(size, chunk_.size()));
        chunk_ += bytes.substr(0, part);
        bytes.remove_prefix(part);
        if (chunk_.size() >= size) BERTH_TRY(send_chunk());
    }
    return {};
}

Status BlobUpload::go_on_at(const HttpResponse& response) {
    if (!response.headers.contains("location")) return {};
    BERTH_ASSIGN_OR_RETURN(location_, client_.upload_location(response, location_));
    return {};
}

Status BlobUpload::ask_progress() {
    HttpRequest ask = request_of("GET");
    ask.url = location_;
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response, client_.request_url(std::move(ask)));
    if (response.status != 204) return fail(client_.write_refusal(response, "an upload that broke off"));
    // "0-N", the last byte it has; none before the first.
    const auto found = response.headers.find("range");
    std::int64_t have = 0;
    if (found != response.headers.end() && found->second.find('-') != std::string::npos)
        if (const auto last = parse_integer(found->second.substr(found->second.find('-') + 1)))
            have = *last > 0 ? *last + 1 : 0;
    if (have < sent_ || have > sent_ + static_cast<std::int64_t>(chunk_.size()))
        return fail(ErrorCode::failed, concat("registry ", client_.host_, " has lost what was uploaded"));
    chunk_.erase(0, static_cast<std::size_t>(have - sent_));
    sent_ = have;
    return go_on_at(response);
}

Status BlobUpload::send_chunk() {
    BERTH_TRY(start());
    for (int resumes = 0; !chunk_.empty(); ++resumes) {
        HttpRequest patch = request_of("PATCH");
        patch.url = location_;
        patch.headers.emplace_back("Content-Type", k_octets);
        patch.headers.emplace_back("Content-Range",
                                   concat(sent_, "-", sent_ + static_cast<std::int64_t>(chunk_.size()) - 1));
        patch.body = chunk_;
        auto response = client_.request_url(std::move(patch));
        if (response && response->status / 100 == 2) {
            sent_ += static_cast<std::int64_t>(chunk_.size());
            chunk_.clear();
            return go_on_at(*response);
        }
        // 416: an earlier try of this chunk has arrived, whole or in part.
        const bool resumable =
            response ? response->status == 416 : response.error().code() != ErrorCode::interrupted;
        if (!resumable || resumes >= k_most_resumes)
            return response ? Status(fail(client_.write_refusal(*response, "a part of a layer")))
                            : Status(fail(response.error()));
        const auto before = sent_;
        BERTH_TRY(ask_progress());
        if (sent_ > before) resumes = 0;
    }
    return {};
}

Status BlobUpload::finish(const std::string& digest) {
    BERTH_TRY(start());
    const bool whole = sent_ == 0;
    // What is left of a blob of several chunks goes as one more of them: not every registry takes a last one
    // with PUT.
    if (!whole) BERTH_TRY(send_chunk());
    HttpRequest put = request_of("PUT");
    put.url = with_digest(location_, digest);
    put.headers.emplace_back("Content-Type", k_octets);
    put.body = chunk_;
    BERTH_ASSIGN_OR_RETURN(const HttpResponse response, client_.request_url(std::move(put)));
    if (response.status / 100 == 2) return {};
    return fail(client_.write_refusal(response, concat("blob ", digest)));
}

} // namespace berth::registry
