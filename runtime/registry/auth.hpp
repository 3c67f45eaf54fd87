// auth.hpp - who we are to a registry: stored logins of Docker's and Podman's tools, credential helpers, and
// the challenges of registries. Secrets never reach a log, an error or a command line.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/base/subprocess.hpp"
#include "runtime/registry/http.hpp"

namespace berth::registry {

struct Credentials {
    std::string user, password;
    std::string identity_token; // instead of both: an OAuth2 refresh token
    [[nodiscard]] bool empty() const { return user.empty() && password.empty() && identity_token.empty(); }
};

// From $DOCKER_CONFIG or ~/.docker/config.json (credHelpers, credsStore, auths), $REGISTRY_AUTH_FILE, or
// $XDG_RUNTIME_DIR/containers/auth.json. Empty: anonymous. `host` as in references ("docker.io").
[[nodiscard]] Result<Credentials> find_credentials(const std::string& host, const std::string& repository);

// docker's own file, where logins are written to: $DOCKER_CONFIG/config.json or ~/.docker/config.json; empty
// when there is no home.
[[nodiscard]] std::string login_file();
// The name under which a registry's login is stored: its host, for docker.io the address of its first API.
[[nodiscard]] std::string login_key(const std::string& host);
// The configured helper for a registry ("" when logins stand in the file itself), and a question to it:
// "get", "store" or "erase", with the protocol's input. Refuses names that are paths.
[[nodiscard]] std::string helper_for(const Json& config, const std::string& host,
                                     const std::string& repository);
[[nodiscard]] Result<CommandResult> ask_helper(const std::string& helper, const char* action,
                                               const std::string& input);

struct Challenge {
    std::string scheme;                            // lower case: "bearer", "basic"
    std::map<std::string, std::string> parameters; // names in lower case
};
// One WWW-Authenticate line, which may hold several challenges.
[[nodiscard]] std::vector<Challenge> parse_challenges(std::string_view line);

[[nodiscard]] std::string basic_authorization(const Credentials& credentials);
// Asks the realm of a Bearer challenge for a token (the distribution project's token flow, OAuth2 for
// identity tokens), once; and what it answered.
[[nodiscard]] Result<HttpResponse> ask_for_token(HttpClient& http, const Challenge& challenge,
                                                 const Credentials& credentials, const std::string& scope);
[[nodiscard]] Result<std::string> read_token(const HttpResponse& response, const std::string& realm);

} // namespace berth::registry
