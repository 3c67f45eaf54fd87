// http.hpp - HTTP requests through libcurl, which is opened when first needed (linked, it would cost every
// command 7 ms). http.cpp is the only file that knows it. Invariants: plain http only to loopback and to what
// the machine's configuration calls insecure (trust.hpp), also after a redirect; credentials are never sent
// to another host than the one they were meant for; bodies have a limit or go to a sink as they come.
#pragma once

#include "runtime/base/result.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::registry {

struct HttpRequest {
    std::string method = "GET";
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string authorization; // value of that header; dropped when a redirect leaves the host
    std::string body;
    // Gets the body of a 2xx answer as it comes; without it, the body is kept in the response up to max_body.
    // begin: where this answer's body begins in the whole: 0, but for 206 Partial Content what that says (RFC
    // 9110, 14.4); empty when it does not say.
    std::function<Status(std::string_view bytes, std::optional<std::int64_t> begin)> on_body;
    std::size_t max_body = 4u << 20;
};
struct HttpResponse {
    int status = 0;
    std::map<std::string, std::string> headers; // names in lower case; of the last answer
    std::string body;                           // also of an error, cut off at 64 KiB
    // All WWW-Authenticate lines.
    std::vector<std::string> challenges;
};

// How far a failed request came: decides whether trying again makes sense.
// untrusted: it speaks TLS, but its certificate, or ours, is not accepted.
enum class Reach : std::uint8_t { answered, name_unknown, refused, no_tls, untrusted, broken_off };

class HttpClient {
  public:
    explicit HttpClient(const std::atomic<bool>* cancelled);
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;
    ~HttpClient();
    // One try. An answer of any status is a response; redirects are followed. Callable from any thread.
    // `reach`, when given, says how far it came.
    [[nodiscard]] Result<HttpResponse> send(const HttpRequest& request, Reach* reach = nullptr);

  private:
    class Handle;
    [[nodiscard]] Result<HttpResponse> send_once(const HttpRequest& request, const std::string& url,
                                                 bool with_authorization, Handle& handle, Reach& reach);
    const std::atomic<bool>* cancelled_;
    std::mutex mutex_;
    std::vector<void*> idle_; // easy handles with live connections
};

// "localhost", 127.0.0.0/8 or ::1, with or without a port: nobody else can listen in.
[[nodiscard]] bool is_loopback_host(std::string_view host_and_port);
// "https://host:port/..." -> "host:port"; empty when it is no http(s) URL.
[[nodiscard]] std::string_view host_of_url(std::string_view url);
[[nodiscard]] std::string url_encode(std::string_view text);
// A Location of an answer to `asked`, whole (RFC 3986, 5.2): an address, one without a scheme, a path, or a path
// beside the one that was asked.
[[nodiscard]] std::string resolve_location(const std::string& location, const std::string& asked);

} // namespace berth::registry
