// client.hpp - one registry's distribution API (spec 1.1): manifests and blobs of one repository, read and
// written. Logs in by itself when asked to, tries again what a second try can help, resumes broken-off blobs
// in both directions. What it hands out is not yet verified: the caller compares digests.
#pragma once

#include "runtime/registry/auth.hpp"

#include <cstdint>

namespace berth::registry {

struct ManifestBytes {
    std::string bytes;
    std::string media_type;
};

// A repository that a search found.
struct FoundRepository {
    std::string name, description;
    std::int64_t stars = 0;
    bool official = false, automated = false;
};

// What the body of a registry's error says, in one line; empty when nothing.
[[nodiscard]] std::string error_text(const HttpResponse& response);

class RegistryClient {
  public:
    // host: as in a reference ("docker.io", "localhost:5000").
    RegistryClient(std::string host, std::string repository, const std::atomic<bool>* cancelled);
    // A registry under an address that the configuration gives (a mirror): "https://host:port", perhaps with
    // a path.
    [[nodiscard]] static std::unique_ptr<RegistryClient> at(const std::string& url, std::string repository,
                                                            const std::atomic<bool>* cancelled);

    // reference: a tag or a digest. not_found when the registry has none.
    [[nodiscard]] Result<ManifestBytes> get_manifest(const std::string& reference,
                                                     const std::vector<std::string>& accept);
    // Pushes the blob into `take` as it comes; callable from several threads. Refuses more than `size` bytes.
    [[nodiscard]] Status get_blob(const std::string& digest, std::int64_t size,
                                  const std::function<Status(std::string_view)>& take);
    // A small blob, whole.
    [[nodiscard]] Result<std::string> get_small_blob(const std::string& digest, std::int64_t size);

    // ---- lists.cpp ----

    // All tags of the repository.
    [[nodiscard]] Result<std::vector<std::string>> list_tags();

    // ---- writing (upload.cpp) ----

    [[nodiscard]] Result<bool> has_blob(const std::string& digest);
    // Takes over a blob of another repository of this registry; false where the registry would have it
    // uploaded.
    [[nodiscard]] Result<bool> mount_blob(const std::string& digest, const std::string& from_repository);
    [[nodiscard]] Status put_small_blob(const std::string& digest, const std::string& bytes);
    // Under a tag or a digest.
    [[nodiscard]] Status put_manifest(const std::string& reference, const std::string& bytes,
                                      const std::string& media_type);
    // One question that needs no repository: is this login good? An error says what the registry has against
    // it.
    [[nodiscard]] Status check_login(const Credentials& credentials);

    // ---- search.cpp ----

    // Repositories whose name (or description, where the registry looks there) has the text: by the search of
    // version 1 of the API, or of a registry that has none, out of its catalogue.
    [[nodiscard]] Result<std::vector<FoundRepository>> search(const std::string& text, std::size_t limit);

  private:
    friend class BlobUpload;
    // The names in a list that comes in pages, each given to `take` until that says false. path: of the first
    // page; what: the list's name in an error.
    [[nodiscard]] Status read_list(std::string path, const char* member, std::string_view what,
                                   const std::function<bool(std::string name)>& take);
    [[nodiscard]] Result<std::vector<FoundRepository>> search_catalogue(const std::string& text,
                                                                        std::size_t limit);
    [[nodiscard]] Result<std::string> base_url();
    // One request with what authorization there is; answers a challenge once; waits and tries again where
    // that helps.
    [[nodiscard]] Result<HttpResponse> request(HttpRequest request, const std::string& path);
    // As request(), for a whole URL: where the registry wants an upload, which may be another host's.
    [[nodiscard]] Result<HttpResponse> request_url(HttpRequest request);
    [[nodiscard]] Result<std::string> url_of(std::string_view path);
    // Where an upload goes on; asked: the address whose answer this is.
    [[nodiscard]] Result<std::string> upload_location(const HttpResponse& response,
                                                      const std::string& asked) const;
    [[nodiscard]] Error write_refusal(const HttpResponse& response, std::string_view what) const;
    [[nodiscard]] Result<bool> answer_challenge(const HttpResponse& response);
    [[nodiscard]] Result<std::string> fetch_token(const Challenge& challenge, const std::string& scope);
    [[nodiscard]] Status wait_before_retry(int attempt, const HttpResponse* response);
    [[nodiscard]] Error refusal(const HttpResponse& response, std::string_view what) const;

    std::string host_;
    std::string repository_;
    const std::atomic<bool>* cancelled_;
    HttpClient http_;
    std::mutex mutex_; // guards what follows
    std::string base_;
    std::string authorization_;
    std::optional<Credentials> credentials_;
};

// A blob on its way to the registry whose digest and size nobody knows before its end: chunks of some
// megabytes, each a request of its own, so that a broken connection costs one of them. One thread.
class BlobUpload {
  public:
    explicit BlobUpload(RegistryClient& client) : client_(client) {}
    [[nodiscard]] Status write(std::string_view bytes);
    // Sends what is left; the registry checks the digest.
    [[nodiscard]] Status finish(const std::string& digest);

  private:
    [[nodiscard]] Status start();
    [[nodiscard]] Status send_chunk();
    // The answer may name another place for what follows.
    [[nodiscard]] Status go_on_at(const HttpResponse& response);
    // How far the registry has got, after a chunk that it may have taken in part.
    [[nodiscard]] Status ask_progress();
    RegistryClient& client_;
    std::string location_; // where the next request goes; empty before the first
    std::string chunk_;
    std::int64_t sent_ = 0;
    std::int64_t least_chunk_ = 0; // OCI-Chunk-Min-Length
};

} // namespace berth::registry
