// client.hpp - one registry's distribution API (spec 1.1): manifests and blobs of repositories. Logs in by
// itself when asked to, tries again what a second try can help, resumes broken-off blobs. What it hands out
// is not yet verified: the caller compares digests.
#pragma once

#include "runtime/registry/auth.hpp"

#include <cstdint>

namespace berth::registry {

struct ManifestBytes {
    std::string bytes;
    std::string media_type;
};

class RegistryClient {
  public:
    // host: as in a reference ("docker.io", "localhost:5000").
    RegistryClient(std::string host, std::string repository, const std::atomic<bool>* cancelled);

    // reference: a tag or a digest. not_found when the registry has none.
    [[nodiscard]] Result<ManifestBytes> get_manifest(const std::string& reference,
                                                     const std::vector<std::string>& accept);
    // Pushes the blob into `take` as it comes; callable from several threads. Refuses more than `size` bytes.
    [[nodiscard]] Status get_blob(const std::string& digest, std::int64_t size,
                                  const std::function<Status(std::string_view)>& take);
    // A small blob, whole.
    [[nodiscard]] Result<std::string> get_small_blob(const std::string& digest, std::int64_t size);

  private:
    [[nodiscard]] Result<std::string> base_url();
    // One request with what authorization there is; answers a challenge once; waits and tries again where
    // that helps.
    [[nodiscard]] Result<HttpResponse> request(HttpRequest request, const std::string& path);
    [[nodiscard]] Result<bool> answer_challenge(const HttpResponse& response);
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

} // namespace berth::registry
