#include "runtime/registry/auth.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/subprocess.hpp"

#include <cstdlib>

namespace berth::registry {

namespace {

constexpr std::size_t k_max_config = 1u << 20;
constexpr std::size_t k_max_token = 1u << 20;
constexpr std::chrono::seconds k_helper_timeout{30};
// Under which names docker.io's login is stored.
constexpr const char* k_hub_keys[] = {"https://index.docker.io/v1/", "index.docker.io", "docker.io",
                                      "registry-1.docker.io"};

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::vector<std::string> config_files() {
    std::vector<std::string> out;
    if (const auto file = environment("REGISTRY_AUTH_FILE"); !file.empty()) out.push_back(file);
    if (const auto file = login_file(); !file.empty()) out.push_back(file);
    if (const auto runtime = environment("XDG_RUNTIME_DIR"); !runtime.empty())
        out.push_back(join_path(runtime, "containers/auth.json"));
    return out;
}

// "https://host/v1/" -> "host", "host/path" stays.
std::string_view plain_key(std::string_view key) {
    for (const std::string_view scheme : {"https://", "http://"})
        if (key.starts_with(scheme))
            return key.substr(scheme.size()).substr(0, key.substr(scheme.size()).find('/'));
    return key;
}

std::string text_of(const Json& json, const char* name) {
    const Json* member = json.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
}

// The names of an entry, the most exact first: Podman stores logins for parts of a registry ("quay.io/me").
std::vector<std::string> keys_of(const std::string& host, const std::string& repository) {
    std::vector<std::string> out;
    for (std::string path = host + "/" + repository; path.size() > host.size(); path.resize(path.rfind('/')))
        out.push_back(path);
    out.push_back(host);
    if (host == "docker.io") out.insert(out.end(), std::begin(k_hub_keys), std::end(k_hub_keys));
    return out;
}

Result<Credentials> from_helper(const std::string& helper, const std::string& host) {
    BERTH_ASSIGN_OR_RETURN(const CommandResult run, ask_helper(helper, "get", login_key(host)));
    if (run.exit_code != 0) {
        // What all helpers say for "no such login"; it is none of an error.
        if (run.output.find("credentials not found") != std::string::npos ||
            run.errors.find("credentials not found") != std::string::npos)
            return Credentials{};
        return fail(ErrorCode::failed, concat("docker-credential-", helper, " ended with ", run.exit_code,
                                              ": ", trim(run.errors.empty() ? run.output : run.errors)));
    }
    const auto json = parse_json(run.output);
    if (!json)
        return fail(ErrorCode::failed,
                    concat("docker-credential-", helper, " answered with something that is not JSON"));
    Credentials out;
    out.user = text_of(*json, "Username");
    out.password = text_of(*json, "Secret");
    if (out.user == "<token>") out = {{}, {}, out.password};
    return out;
}

std::string own_helper(const Json& helpers, const std::vector<std::string>& keys) {
    for (const auto& key : keys)
        if (auto helper = text_of(helpers, key.c_str()); !helper.empty()) return helper;
    return {};
}

Result<Credentials> from_auths(const Json& auths, const std::vector<std::string>& keys,
                               const std::string& file) {
    if (auths.as_object() == nullptr) return Credentials{};
    for (const auto& key : keys) {
        for (const auto& member : *auths.as_object()) {
            if (member.key != key && plain_key(member.key) != key) continue;
            Credentials out;
            out.identity_token = text_of(member.value, "identitytoken");
            out.user = text_of(member.value, "username");
            out.password = text_of(member.value, "password");
            if (const auto packed = text_of(member.value, "auth"); !packed.empty()) {
                const auto text = base64_decode(packed);
                const auto colon = text ? text->find(':') : std::string::npos;
                if (colon == std::string::npos)
                    return fail(ErrorCode::invalid_input,
                                concat("'", file, "': the login for ", member.key, " is damaged"));
                out.user = text->substr(0, colon);
                out.password = text->substr(colon + 1);
                while (out.password.ends_with('\0'))
                    out.password.pop_back(); // old Dockers padded so
            }
            if (!out.empty()) return out;
        }
    }
    return Credentials{};
}

} // namespace

std::string login_file() {
    if (const auto docker = environment("DOCKER_CONFIG"); !docker.empty())
        return join_path(docker, "config.json");
    const auto home = environment("HOME");
    return home.empty() ? "" : join_path(home, ".docker/config.json");
}

std::string login_key(const std::string& host) {
    return host == "docker.io" ? k_hub_keys[0] : host;
}

std::string helper_for(const Json& config, const std::string& host, const std::string& repository) {
    if (const Json* helpers = config.find("credHelpers"))
        if (auto own = own_helper(*helpers, keys_of(host, repository)); !own.empty()) return own;
    return text_of(config, "credsStore");
}

Result<CommandResult> ask_helper(const std::string& helper, const char* action, const std::string& input) {
    // Only a name: "docker-credential-" + name is what runs, never a path of the file's choosing.
    if (helper.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
        std::string::npos)
        return fail(ErrorCode::invalid_input,
                    concat("'", helper, "' is not the name of a credential helper"));
    Command command;
    command.program = "docker-credential-" + helper;
    command.args = {action};
    command.input = input;
    command.timeout = k_helper_timeout;
    auto run = run_command(command);
    if (!run) return fail(std::move(run).error().context("credential helper"));
    return std::move(*run);
}

Result<Credentials> find_credentials(const std::string& host, const std::string& repository) {
    const auto keys = keys_of(host, repository);
    for (const auto& file : config_files()) {
        BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(file, k_max_config));
        if (!text || trim(*text).empty()) continue;
        auto config = parse_json(*text);
        if (!config) return fail(std::move(config).error().context(concat("read '", file, "'")));
        if (const Json* helpers = config->find("credHelpers");
            helpers != nullptr && !own_helper(*helpers, keys).empty())
            return from_helper(own_helper(*helpers, keys), host);
        if (const Json* auths = config->find("auths")) {
            BERTH_ASSIGN_OR_RETURN(Credentials found, from_auths(*auths, keys, file));
            if (!found.empty()) return found;
        }
        if (const auto store = text_of(*config, "credsStore"); !store.empty()) {
            BERTH_ASSIGN_OR_RETURN(Credentials found, from_helper(store, host));
            if (!found.empty()) return found;
        }
    }
    return Credentials{};
}

std::vector<Challenge> parse_challenges(std::string_view line) {
    std::vector<Challenge> out;
    const auto skip = [&](std::string_view what) {
        line.remove_prefix(std::min(line.find_first_not_of(what), line.size()));
    };
    for (skip(" \t,"); !line.empty(); skip(" \t,")) {
        const auto end = std::min(line.find_first_of(" \t,="), line.size());
        const std::string word = to_lower(line.substr(0, end));
        line.remove_prefix(end);
        skip(" \t");
        if (!line.starts_with('=')) { // a scheme
            out.push_back({word, {}});
            if (word.empty()) break;
            continue;
        }
        line.remove_prefix(1);
        skip(" \t");
        std::string value;
        if (line.starts_with('"')) {
            std::size_t at = 1;
            for (; at < line.size() && line[at] != '"'; ++at) {
                if (line[at] == '\\' && at + 1 < line.size()) ++at;
                value += line[at];
            }
            line.remove_prefix(std::min(at + 1, line.size()));
        } else {
            const auto stop = std::min(line.find_first_of(" \t,"), line.size());
            value = line.substr(0, stop);
            line.remove_prefix(stop);
        }
        if (!out.empty()) out.back().parameters[word] = std::move(value);
    }
    return out;
}

std::string basic_authorization(const Credentials& credentials) {
    return concat("Basic ", base64_encode(concat(credentials.user, ":", credentials.password)));
}

Result<HttpResponse> ask_for_token(HttpClient& http, const Challenge& challenge,
                                   const Credentials& credentials, const std::string& scope) {
    const auto parameter = [&](const char* name) {
        const auto found = challenge.parameters.find(name);
        return found != challenge.parameters.end() ? found->second : std::string();
    };
    const std::string realm = parameter("realm");
    const std::string service = parameter("service");
    if (realm.empty())
        return fail(ErrorCode::failed, "registry asks for a token but does not say where to get one");
    HttpRequest request;
    request.max_body = k_max_token;
    if (!credentials.identity_token.empty()) {
        request.method = "POST";
        request.url = realm;
        request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
        request.body =
            concat("grant_type=refresh_token&refresh_token=", url_encode(credentials.identity_token),
                   "&service=", url_encode(service), "&scope=", url_encode(scope), "&client_id=berth");
    } else {
        request.url =
            concat(realm, realm.find('?') == std::string::npos ? "?" : "&", "service=", url_encode(service));
        for (const auto& one : split(scope, ' ')) // a mount names two repositories
            if (!one.empty()) request.url += concat("&scope=", url_encode(one));
        if (!credentials.user.empty()) {
            request.url += concat("&account=", url_encode(credentials.user));
            request.authorization = basic_authorization(credentials);
        }
    }
    return http.send(request);
}

Result<std::string> read_token(const HttpResponse& response, const std::string& realm) {
    if (response.status == 401 || response.status == 403)
        return fail(Error(ErrorCode::failed, concat(host_of_url(realm), " refuses the login"))
                        .hint("wrong user name or password, or a token that has run out: log in again"));
    if (response.status != 200)
        return fail(ErrorCode::failed,
                    concat("token request to ", host_of_url(realm), " was answered with ", response.status));
    auto json = parse_json(response.body);
    if (!json) return fail(std::move(json).error().context(concat("token of ", host_of_url(realm))));
    auto token = text_of(*json, "token");
    if (token.empty()) token = text_of(*json, "access_token");
    // It goes into a header line of ours.
    if (token.empty() || token.find_first_of("\r\n") != std::string::npos)
        return fail(ErrorCode::failed, concat(host_of_url(realm), " gave no usable token"));
    return token;
}

} // namespace berth::registry
