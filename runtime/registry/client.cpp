#include "runtime/registry/client.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/registry/retry.hpp"
#include "runtime/registry/trust.hpp"

#include <algorithm>
#include <poll.h>

namespace berth::registry {

namespace {

constexpr int k_most_tries = 4;
constexpr int k_first_wait_ms = 500;
constexpr int k_longest_wait_ms = 30000; // of a registry that asks for more, the user is told

} // namespace

// Cleaned of control characters: it goes to a terminal.
std::string error_text(const HttpResponse& response) {
    std::string out;
    if (const auto json = parse_json(response.body)) {
        const Json* errors = json->find("errors");
        if (errors != nullptr && errors->as_array() != nullptr)
            for (const auto& error : *errors->as_array()) {
                const Json* message = error.find("message");
                if (message == nullptr || message->as_string() == nullptr || message->as_string()->empty())
                    continue;
                out += concat(out.empty() ? "" : "; ", *message->as_string());
            }
    }
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return out.substr(0, 300);
}

RegistryClient::RegistryClient(std::string host, std::string repository, const std::atomic<bool>* cancelled)
    : host_(std::move(host)), repository_(std::move(repository)), cancelled_(cancelled), http_(cancelled) {}

std::unique_ptr<RegistryClient> RegistryClient::at(const std::string& url, std::string repository,
                                                   const std::atomic<bool>* cancelled) {
    auto out =
        std::make_unique<RegistryClient>(std::string(host_of_url(url)), std::move(repository), cancelled);
    out->base_ = url;
    return out;
}

// https always; a registry on loopback, or one that the configuration calls insecure, that does not speak TLS
// is talked to in plain http.
Result<std::string> RegistryClient::base_url() {
    const std::lock_guard lock(mutex_);
    if (!base_.empty()) return base_;
    const std::string name = host_ == "docker.io" ? "registry-1.docker.io" : host_;
    if (!settings()) return fail(settings().error());
    if (is_loopback_host(name) || is_insecure(*settings(), name)) {
        HttpRequest probe;
        probe.url = concat("https://", name, "/v2/");
        Reach reach = Reach::answered;
        const auto answer = http_.send(probe, &reach);
        // Port 443 may have nobody where port 80 has: a name without a port.
        const bool no_tls = reach == Reach::no_tls || reach == Reach::broken_off ||
                            (reach == Reach::refused && name.find(':') == std::string::npos);
        if (!answer && no_tls) return base_ = concat("http://", name);
        if (!answer) return fail(answer.error());
    }
    return base_ = concat("https://", name);
}

// Not a poll for something to happen: the registry asked to be left alone for a while, or lost a connection.
Status RegistryClient::wait_before_retry(int attempt, const HttpResponse* response) {
    int wait = std::min(k_first_wait_ms << attempt, k_longest_wait_ms);
    if (response != nullptr)
        if (const auto seconds = seconds_to_wait(*response, wall_now().seconds))
            wait = static_cast<int>(std::min<std::int64_t>(*seconds * 1000, k_longest_wait_ms));
    // A signal ends the sleep early, and its handler has set the flag.
    if (wait > 0) (void)::poll(nullptr, 0, wait);
    if (cancelled_ != nullptr && cancelled_->load()) return fail(ErrorCode::interrupted, "interrupted");
    return {};
}

namespace {

// 429: until when it wants to be left alone.
Error limited(const HttpResponse& response, std::string_view host) {
    const auto said = error_text(response);
    const auto now = wall_now().seconds;
    const auto seconds = seconds_to_wait(response, now);
    return Error(ErrorCode::failed,
                 concat("registry ", host, " limits how often it is asked", said.empty() ? "" : ": ", said))
        .hint(seconds
                  ? concat("ask again in ", format_duration(std::chrono::seconds(*seconds)), ", at ",
                           to_rfc3339({now + *seconds, 0}).substr(0, 19), "Z; a login may raise the limit")
                  : "log in, or wait: it does not say for how long");
}

// A second try can change it, and is not asked to wait for longer than anybody would.
bool is_worth_waiting(const HttpResponse& response) {
    if (!is_passing(response.status)) return false;
    const auto asked = seconds_to_wait(response, wall_now().seconds);
    return !asked || *asked <= k_longest_wait_ms / 1000;
}

} // namespace

Result<std::string> RegistryClient::fetch_token(const Challenge& challenge, const std::string& scope) {
    const auto found = challenge.parameters.find("realm");
    const auto realm = found != challenge.parameters.end() ? found->second : std::string();
    for (int attempt = 1;; ++attempt) {
        BERTH_ASSIGN_OR_RETURN(const HttpResponse answer,
                               ask_for_token(http_, challenge, *credentials_, scope));
        if (attempt >= k_most_tries || !is_worth_waiting(answer)) {
            if (answer.status == 429) return fail(limited(answer, host_of_url(realm)));
            return read_token(answer, realm);
        }
        BERTH_TRY(wait_before_retry(attempt - 1, &answer));
    }
}

// true: there is a new authorization to try with.
Result<bool> RegistryClient::answer_challenge(const HttpResponse& response) {
    {
        const std::lock_guard lock(mutex_);
        if (!credentials_) {
            BERTH_ASSIGN_OR_RETURN(credentials_, find_credentials(host_, repository_));
        }
    }
    for (const auto& line : response.challenges) {
        for (const auto& challenge : parse_challenges(line)) {
            std::string authorization;
            if (challenge.scheme == "bearer") {
                const auto given = challenge.parameters.find("scope");
                std::string scope = given != challenge.parameters.end() ? given->second : "";
                if (scope.empty() && !repository_.empty())
                    scope = concat("repository:", repository_, ":pull");
                BERTH_ASSIGN_OR_RETURN(const std::string token, fetch_token(challenge, scope));
                authorization = "Bearer " + token;
            } else if (challenge.scheme == "basic" && !credentials_->user.empty()) {
                authorization = basic_authorization(*credentials_);
            } else {
                continue;
            }
            const std::lock_guard lock(mutex_);
            authorization_ = std::move(authorization);
            return true;
        }
    }
    return false;
}

Status RegistryClient::check_login(const Credentials& credentials) {
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    HttpRequest ask;
    ask.url = base + "/v2/";
    BERTH_ASSIGN_OR_RETURN(HttpResponse answer, http_.send(ask));
    if (answer.status == 401) {
        {
            const std::lock_guard lock(mutex_);
            credentials_ = credentials;
        }
        BERTH_ASSIGN_OR_RETURN(const bool again, answer_challenge(answer));
        if (again) {
            ask.authorization = authorization_;
            BERTH_ASSIGN_OR_RETURN(answer, http_.send(ask));
        }
    }
    if (answer.status == 200) return {};
    if (answer.status == 401 || answer.status == 403)
        return fail(Error(ErrorCode::failed, concat("registry ", host_, " refuses the login"))
                        .hint("wrong user name or password"));
    return fail(refusal(answer, "its API"));
}

Result<HttpResponse> RegistryClient::request(HttpRequest request, const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(request.url, url_of(path));
    return request_url(std::move(request));
}

Result<std::string> RegistryClient::url_of(std::string_view path) {
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    return concat(base, "/v2/", repository_, path);
}

Result<HttpResponse> RegistryClient::request_url(HttpRequest request) {
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    const bool ours = host_of_url(request.url) == host_of_url(base);
    bool challenged = !ours;
    for (int attempt = 0;;) {
        if (ours) {
            const std::lock_guard lock(mutex_);
            request.authorization = authorization_;
        }
        Reach reach = Reach::answered;
        auto response = http_.send(request, &reach);
        if (response && response->status == 401 && !challenged) {
            challenged = true;
            BERTH_ASSIGN_OR_RETURN(const bool authorized, answer_challenge(*response));
            if (authorized) continue;
        }
        const bool again = response ? is_worth_waiting(*response) : reach == Reach::broken_off;
        if (!again || ++attempt >= k_most_tries) return response;
        // A body that has begun to arrive is resumed by get_blob, which knows how much it has.
        if (!response && request.on_body) return response;
        BERTH_TRY(wait_before_retry(attempt - 1, response ? &*response : nullptr));
    }
}

Error RegistryClient::refusal(const HttpResponse& response, std::string_view what) const {
    const std::string said = error_text(response);
    const std::string detail = said.empty() ? "" : concat(": ", said);
    if (response.status == 404)
        return Error(ErrorCode::not_found, concat("registry ", host_, " has no ", what));
    if (response.status == 401 || response.status == 403)
        return Error(ErrorCode::not_found, concat("registry ", host_, " denies access to ", what, detail))
            .hint("either it does not exist, or it takes a login");
    if (response.status == 429) return limited(response, host_);
    return Error(ErrorCode::failed,
                 concat("registry ", host_, " answers ", response.status, " for ", what, detail));
}

Result<ManifestBytes> RegistryClient::get_manifest(const std::string& reference,
                                                   const std::vector<std::string>& accept) {
    HttpRequest get;
    get.headers.emplace_back("Accept", join(accept, ", "));
    BERTH_ASSIGN_OR_RETURN(HttpResponse response, request(std::move(get), concat("/manifests/", reference)));
    if (response.status != 200)
        return fail(refusal(
            response, concat(repository_, reference.find(':') == std::string::npos ? ":" : "@", reference)));
    ManifestBytes out;
    out.bytes = std::move(response.body);
    const auto& type = response.headers["content-type"];
    out.media_type = trim(std::string_view(type).substr(0, type.find(';')));
    return out;
}

Status RegistryClient::get_blob(const std::string& digest, std::int64_t size,
                                const std::function<Status(std::string_view)>& take) {
    std::int64_t have = 0;
    for (int attempt = 0;; ++attempt) {
        HttpRequest get;
        std::optional<std::int64_t> to_skip; // of a registry that cannot resume and sends all again
        bool local = false;                  // the error is of our side: no second try
        if (have > 0) get.headers.emplace_back("Range", concat("bytes=", have, "-"));
        const std::int64_t before = have;
        get.on_body = [&](std::string_view bytes, std::optional<std::int64_t> begin) -> Status {
            local = true;
            if (!to_skip) to_skip = have - begin.value_or(have);
            if (*to_skip < 0)
                return fail(ErrorCode::invalid_input,
                            concat("registry ", host_, " goes on with blob ", digest, " at byte ", *begin,
                                   ", and was asked for byte ", have));
            const auto part = std::min<std::int64_t>(*to_skip, static_cast<std::int64_t>(bytes.size()));
            *to_skip -= part;
            bytes.remove_prefix(static_cast<std::size_t>(part));
            have += static_cast<std::int64_t>(bytes.size());
            if (have > size)
                return fail(ErrorCode::invalid_input, concat("blob ", digest, " is larger than the ", size,
                                                             " bytes that its manifest says"));
            if (!bytes.empty()) BERTH_TRY(take(bytes));
            local = false;
            return {};
        };
        auto response = request(std::move(get), concat("/blobs/", digest));
        if (response && response->status == 416 && have > 0)
            return fail(ErrorCode::invalid_input,
                        concat("blob ", digest, " ends after ", have, " of ", size, " bytes"));
        if (response && response->status != 200 && response->status != 206)
            return fail(refusal(*response, concat("blob ", digest)));
        if (response && have == size) return {};
        if (local || (response && have > size)) return fail(std::move(response).error());
        if (cancelled_ != nullptr && cancelled_->load()) return fail(ErrorCode::interrupted, "interrupted");
        if (have > before) attempt = 0; // it moves: the count is of tries without any progress
        if (response && attempt >= 1)
            return fail(ErrorCode::invalid_input,
                        concat("blob ", digest, " ends after ", have, " of ", size, " bytes"));
        if (attempt >= k_most_tries) return fail(std::move(response).error());
        BERTH_TRY(wait_before_retry(attempt, nullptr));
    }
}

Result<std::string> RegistryClient::get_small_blob(const std::string& digest, std::int64_t size) {
    std::string out;
    BERTH_TRY(get_blob(digest, size, [&](std::string_view bytes) -> Status {
        out += bytes;
        return {};
    }));
    return out;
}

} // namespace berth::registry
