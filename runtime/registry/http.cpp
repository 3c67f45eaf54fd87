#include "runtime/registry/http.hpp"
#include "runtime/base/dl.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/registry/trust.hpp"

#include <algorithm>
#include <curl/curl.h>

namespace berth::registry {

namespace {

constexpr int k_most_redirects = 10;
constexpr long k_connect_timeout_ms = 15000;
constexpr long k_stalled_seconds = 60;
constexpr std::size_t k_error_body = 64u << 10;
constexpr std::size_t k_most_headers = 256;

struct Curl {
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) init = nullptr;
    decltype(&::curl_easy_reset) reset = nullptr;
    decltype(&::curl_easy_cleanup) cleanup = nullptr;
    decltype(&::curl_easy_setopt) setopt = nullptr;
    decltype(&::curl_easy_perform) perform = nullptr;
    decltype(&::curl_easy_getinfo) getinfo = nullptr;
    decltype(&::curl_easy_strerror) strerror = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free = nullptr;
};

Result<Curl> load_curl() {
    BERTH_ASSIGN_OR_RETURN(const Library library,
                           Library::open({"libcurl.so.4", "libcurl-gnutls.so.4"}, "libcurl4"));
    Curl out;
    BERTH_TRY(library.load(out.global_init, "curl_global_init"));
    BERTH_TRY(library.load(out.init, "curl_easy_init"));
    BERTH_TRY(library.load(out.reset, "curl_easy_reset"));
    BERTH_TRY(library.load(out.cleanup, "curl_easy_cleanup"));
    BERTH_TRY(library.load(out.setopt, "curl_easy_setopt"));
    BERTH_TRY(library.load(out.perform, "curl_easy_perform"));
    BERTH_TRY(library.load(out.getinfo, "curl_easy_getinfo"));
    BERTH_TRY(library.load(out.strerror, "curl_easy_strerror"));
    BERTH_TRY(library.load(out.slist_append, "curl_slist_append"));
    BERTH_TRY(library.load(out.slist_free, "curl_slist_free_all"));
    if (out.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(ErrorCode::failed, "cannot start libcurl");
    return out;
}

const Result<Curl>& curl() {
    static const Result<Curl> table = load_curl();
    return table;
}

// What the callbacks of one request share.
struct Transfer {
    const HttpRequest& request;
    const std::atomic<bool>* cancelled;
    CURL* easy;
    HttpResponse response;
    std::optional<Error> error; // of a callback
    long status = 0;

    bool stream() const { return request.on_body && status >= 200 && status < 300; }
};

// "bytes 100-199/200" -> 100
std::optional<std::int64_t> begin_of_body(const Transfer& transfer) {
    if (transfer.status != 206) return 0;
    const auto range = transfer.response.headers.find("content-range");
    if (range == transfer.response.headers.end() || !range->second.starts_with("bytes ")) return std::nullopt;
    const auto first = std::string_view(range->second).substr(6);
    const auto begin = parse_integer(trim(first.substr(0, first.find('-'))), 0);
    return begin ? std::optional(*begin) : std::nullopt;
}

std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const std::string_view piece(bytes, one * count);
    (*curl()).getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &transfer.status);
    if (transfer.stream()) {
        auto taken = transfer.request.on_body(piece, begin_of_body(transfer));
        if (taken) return piece.size();
        transfer.error = std::move(taken).error();
        return 0;
    }
    const bool good = transfer.status >= 200 && transfer.status < 300;
    auto& body = transfer.response.body;
    const std::size_t limit = good ? transfer.request.max_body : k_error_body;
    if (good && piece.size() > limit - body.size()) {
        transfer.error =
            Error(ErrorCode::invalid_input, concat("answer of ", host_of_url(transfer.request.url),
                                                   " is larger than ", limit, " bytes"));
        return 0;
    }
    body += piece.substr(0, limit - body.size());
    return piece.size();
}

std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    const auto line = trim(std::string_view(bytes, one * count));
    if (line.starts_with("HTTP/")) { // of the next answer (100 Continue, a proxy's)
        transfer.response.headers.clear();
        transfer.response.challenges.clear();
    }
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && transfer.response.headers.size() < k_most_headers) {
        const std::string name = to_lower(line.substr(0, colon));
        const auto value = trim(line.substr(colon + 1));
        if (name == "www-authenticate" && transfer.response.challenges.size() < 16)
            transfer.response.challenges.emplace_back(value);
        transfer.response.headers[name] = value;
    }
    return one * count;
}

int look_at_cancel(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    const auto& transfer = *static_cast<const Transfer*>(self);
    return transfer.cancelled != nullptr && transfer.cancelled->load() ? 1 : 0;
}

Reach reach_of(CURLcode code) {
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return Reach::name_unknown;
    case CURLE_COULDNT_CONNECT:
        return Reach::refused;
    case CURLE_SSL_CONNECT_ERROR:
        return Reach::no_tls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return Reach::untrusted;
    default:
        return Reach::broken_off;
    }
}

Error describe(CURLcode code, const char* detail, const std::string& url) {
    const std::string host(host_of_url(url));
    const std::string why = detail[0] != '\0' ? std::string(detail) : std::string((*curl()).strerror(code));
    switch (reach_of(code)) {
    case Reach::name_unknown:
        return Error(ErrorCode::failed, concat("cannot find registry host ", host, " (", why, ")"))
            .hint("is this machine online, and the name right?");
    case Reach::refused:
        return Error(ErrorCode::failed, concat("cannot connect to registry ", host, " (", why, ")"));
    case Reach::no_tls:
        return Error(ErrorCode::failed, concat("no TLS connection to ", host, " (", why, ")"));
    case Reach::untrusted:
        return Error(ErrorCode::failed, concat("no trusted TLS connection to ", host, " (", why, ")"))
            .hint(concat("put the certificate of its authority into /etc/berth/certs.d/", host, "/ca.crt"));
    default:
        break;
    }
    if (code == CURLE_OPERATION_TIMEDOUT)
        return Error(ErrorCode::timed_out, concat(host, " does not answer (", why, ")"));
    return Error(ErrorCode::failed, concat("connection to ", host, " broke off (", why, ")"));
}

Status check_url(const std::string& url) {
    const auto host = host_of_url(url);
    if (url.starts_with("https://") && !host.empty()) return {};
    if (url.starts_with("http://") && is_loopback_host(host)) return {};
    if (!settings()) return fail(settings().error());
    if (url.starts_with("http://") && !host.empty() && is_insecure(*settings(), host)) return {};
    return fail(Error(ErrorCode::unsupported, concat("'", url.substr(0, 200), "' is not reached over TLS"))
                    .hint("plain http is for loopback, and for what /etc/berth/config.json has in "
                          "\"insecure-registries\""));
}

// Whom to trust at the other end, and who we are.
Status set_trust(const Curl& c, CURL* easy, std::string_view host) {
    if (!settings()) return fail(settings().error());
    if (is_insecure(*settings(), host)) {
        c.setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        c.setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    BERTH_ASSIGN_OR_RETURN(const Certificates certificates, certificates_for(host));
    if (!certificates.authorities.empty()) {
        // Beside the system's, which libcurl finds in its folder of certificates.
        curl_blob pem{const_cast<char*>(certificates.authorities.data()), certificates.authorities.size(),
                      CURL_BLOB_COPY};
        if (c.setopt(easy, CURLOPT_CAINFO_BLOB, &pem) != CURLE_OK)
            return fail(ErrorCode::unsupported,
                        "this libcurl (before 7.77) cannot take certificates of certs.d");
    }
    if (!certificates.client_certificate.empty()) {
        c.setopt(easy, CURLOPT_SSLCERT, certificates.client_certificate.c_str());
        c.setopt(easy, CURLOPT_SSLKEY, certificates.client_key.c_str());
    }
    return {};
}

} // namespace

bool is_loopback_host(std::string_view host) {
    if (host.starts_with('[')) {
        const auto end = host.find(']');
        return end != std::string_view::npos && host.substr(0, end + 1) == "[::1]";
    }
    host = host.substr(0, host.find(':'));
    if (host == "localhost") return true;
    // Four numbers beginning with 127; "127.evil.example" is a name.
    if (!host.starts_with("127.") || host.find_first_not_of("0123456789.") != std::string_view::npos)
        return false;
    return std::count(host.begin(), host.end(), '.') == 3 && !host.ends_with('.');
}

std::string_view host_of_url(std::string_view url) {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (!url.starts_with(scheme)) continue;
        url.remove_prefix(scheme.size());
        const auto authority = url.substr(0, url.find_first_of("/?#\\"));
        // user:password@ is for phishing: what stands before '@' must not pass for the host.
        return authority.find('@') == std::string_view::npos ? authority : std::string_view{};
    }
    return {};
}

std::string resolve_location(const std::string& location, const std::string& asked) {
    if (location.starts_with("https://") || location.starts_with("http://")) return location;
    const auto path = asked.find('/', asked.find("//") + 2);
    if (location.starts_with("//")) return asked.substr(0, asked.find("//")) + location;
    if (location.starts_with('/')) return asked.substr(0, path) + location;
    const auto bare = asked.substr(0, asked.find_first_of("?#"));
    if (location.starts_with('?')) return bare + location;
    const auto slash = bare.rfind('/');
    return bare.substr(0, path == std::string::npos || slash == std::string::npos ? bare.size() : slash) +
           "/" + location;
}

std::string url_encode(std::string_view text) {
    static constexpr char k_hex[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += k_hex[byte >> 4];
            out += k_hex[byte & 15U];
        }
    }
    return out;
}

// Takes an idle handle (with its connections) and gives it back.
class HttpClient::Handle {
  public:
    explicit Handle(HttpClient& client) : client_(client) {
        const std::lock_guard lock(client_.mutex_);
        if (!client_.idle_.empty()) {
            easy_ = client_.idle_.back();
            client_.idle_.pop_back();
        }
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (easy_ == nullptr) return;
        const std::lock_guard lock(client_.mutex_);
        client_.idle_.push_back(easy_);
    }
    CURL* easy() {
        if (easy_ == nullptr) easy_ = (*curl()).init();
        return easy_;
    }

  private:
    HttpClient& client_;
    CURL* easy_ = nullptr;
};

HttpClient::HttpClient(const std::atomic<bool>* cancelled) : cancelled_(cancelled) {}

HttpClient::~HttpClient() {
    for (void* easy : idle_)
        (*curl()).cleanup(easy);
}

Result<HttpResponse> HttpClient::send_once(const HttpRequest& request, const std::string& url,
                                           bool with_authorization, Handle& handle, Reach& reach) {
    const Curl& c = *curl();
    CURL* easy = handle.easy();
    if (easy == nullptr) return fail(ErrorCode::failed, "cannot start libcurl");
    c.reset(easy);
    Transfer transfer{request, cancelled_, easy, {}, {}, 0};
    char detail[CURL_ERROR_SIZE] = {};
    curl_slist* list = nullptr;
    const auto add_header = [&](const std::string& line) { list = c.slist_append(list, line.c_str()); };
    for (const auto& [name, value] : request.headers)
        add_header(concat(name, ": ", value));
    if (with_authorization && !request.authorization.empty())
        add_header(concat("Authorization: ", request.authorization));
    // libcurl would wait a second for a "100 Continue" before each body of some size.
    if (!request.body.empty()) add_header("Expect:");
    const std::unique_ptr<curl_slist, decltype(c.slist_free)> headers(list, c.slist_free);
    c.setopt(easy, CURLOPT_URL, url.c_str());
    c.setopt(easy, CURLOPT_NOSIGNAL, 1L);
    c.setopt(easy, CURLOPT_ERRORBUFFER, detail);
    c.setopt(easy, CURLOPT_USERAGENT, "berth");
    c.setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    c.setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, k_connect_timeout_ms);
    // No limit on the whole: a layer may take hours on a slow line, as long as it moves.
    c.setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    c.setopt(easy, CURLOPT_LOW_SPEED_TIME, k_stalled_seconds);
    c.setopt(easy, CURLOPT_BUFFERSIZE, 256L << 10);
    c.setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    c.setopt(easy, CURLOPT_WRITEDATA, &transfer);
    c.setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
    c.setopt(easy, CURLOPT_HEADERDATA, &transfer);
    c.setopt(easy, CURLOPT_NOPROGRESS, 0L);
    c.setopt(easy, CURLOPT_XFERINFOFUNCTION, &look_at_cancel);
    c.setopt(easy, CURLOPT_XFERINFODATA, &transfer);
    c.setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (url.starts_with("https://")) BERTH_TRY(set_trust(c, easy, host_of_url(url)));
    // A proxy of the environment cannot reach our loopback.
    if (is_loopback_host(host_of_url(url))) c.setopt(easy, CURLOPT_PROXY, "");
    if (request.method == "HEAD") {
        c.setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
        c.setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        c.setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        c.setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    }
    const CURLcode code = c.perform(easy);
    if (transfer.error) {
        reach = Reach::answered; // what arrived was wrong: asking again brings the same
        return fail(std::move(*transfer.error));
    }
    if (cancelled_ != nullptr && cancelled_->load()) return fail(ErrorCode::interrupted, "interrupted");
    if (code != CURLE_OK) {
        reach = reach_of(code);
        return fail(describe(code, detail, url));
    }
    reach = Reach::answered;
    c.getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer.status);
    transfer.response.status = static_cast<int>(transfer.status);
    char* redirect = nullptr;
    c.getinfo(easy, CURLINFO_REDIRECT_URL, &redirect);
    if (redirect != nullptr) transfer.response.headers["location"] = redirect; // made absolute
    return std::move(transfer.response);
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request, Reach* reach) {
    if (!curl()) return fail(curl().error());
    Reach ignored = Reach::answered;
    Reach& how_far = reach != nullptr ? *reach : ignored;
    Handle handle(*this);
    std::string url = request.url;
    const std::string origin(host_of_url(url));
    for (int redirects = 0; redirects <= k_most_redirects; ++redirects) {
        BERTH_TRY(check_url(url));
        const bool same_host =
            host_of_url(url) == origin && url.starts_with(request.url.substr(0, request.url.find("//")));
        BERTH_ASSIGN_OR_RETURN(HttpResponse response, send_once(request, url, same_host, handle, how_far));
        const bool redirected = response.status >= 301 && response.status <= 308 && response.status != 304 &&
                                response.headers.contains("location");
        // A body goes along only where the answer says that the method stays (RFC 9110, 15.4).
        const bool reads = request.method == "GET" || request.method == "HEAD";
        if (!redirected || (!reads && response.status != 307 && response.status != 308)) return response;
        url = response.headers["location"];
    }
    return fail(ErrorCode::failed, concat(origin, " redirects without end"));
}

} // namespace berth::registry
