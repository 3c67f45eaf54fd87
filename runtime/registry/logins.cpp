#include "runtime/registry/logins.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <climits>
#include <cstdlib>

namespace berth::registry {

namespace {

constexpr std::size_t k_max_config = 1u << 20;

struct LoginFile {
    std::string path; // without links: what a link of the user's points to is replaced, not the link
    Json json = Json::object();
};

Result<LoginFile> open_login_file() {
    LoginFile out;
    out.path = login_file();
    if (out.path.empty())
        return fail(Error(ErrorCode::failed, "no place for logins: HOME is not set")
                        .hint("set HOME or DOCKER_CONFIG"));
    char real[PATH_MAX];
    if (::realpath(out.path.c_str(), real) != nullptr) out.path = real;
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file_if_exists(out.path, k_max_config));
    if (!text || trim(*text).empty()) return out;
    auto json = parse_json(*text);
    if (!json) return fail(std::move(json).error().context(concat("read '", out.path, "'")));
    if (json->as_object() == nullptr)
        return fail(ErrorCode::invalid_input, concat("'", out.path, "' is no JSON object"));
    out.json = std::move(*json);
    return out;
}

Status save(const LoginFile& file) {
    BERTH_TRY(make_dirs(file.path.substr(0, file.path.rfind('/')), 0700));
    return write_atomic(file.path, file.json.to_text(2) + "\n", 0600);
}

Status helper_failed(const std::string& helper, const CommandResult& run) {
    return fail(ErrorCode::failed, concat("docker-credential-", helper, " ended with ", run.exit_code, ": ",
                                          trim(run.errors.empty() ? run.output : run.errors)));
}

bool remove_member(Json& object, const std::string& key) {
    auto* members = object.as_object();
    return members != nullptr &&
           std::erase_if(*members, [&](const auto& member) { return member.key == key; }) > 0;
}

} // namespace

Result<std::string> store_login(const std::string& host, const Credentials& credentials) {
    BERTH_ASSIGN_OR_RETURN(LoginFile file, open_login_file());
    const std::string key = login_key(host), helper = helper_for(file.json, host, "");
    Json entry = Json::object();
    if (!helper.empty()) {
        const bool token = !credentials.identity_token.empty();
        Json input = Json::object();
        input.set("ServerURL", key);
        input.set("Username", token ? "<token>" : credentials.user);
        input.set("Secret", token ? credentials.identity_token : credentials.password);
        BERTH_ASSIGN_OR_RETURN(const CommandResult run, ask_helper(helper, "store", input.to_text()));
        if (run.exit_code != 0) BERTH_TRY(helper_failed(helper, run));
    } else {
        entry.set("auth", base64_encode(concat(credentials.user, ":", credentials.password)));
        if (!credentials.identity_token.empty()) entry.set("identitytoken", credentials.identity_token);
    }
    // An empty entry says that the helper has something: docker looks for it there.
    if (file.json.find("auths") == nullptr) file.json.set("auths", Json::object());
    file.json.find("auths")->set(key, std::move(entry));
    BERTH_TRY(save(file));
    return helper.empty() ? file.path : std::string();
}

Result<bool> erase_login(const std::string& host) {
    BERTH_ASSIGN_OR_RETURN(LoginFile file, open_login_file());
    const std::string key = login_key(host), helper = helper_for(file.json, host, "");
    Json* auths = file.json.find("auths");
    const bool found = auths != nullptr && remove_member(*auths, key);
    if (!helper.empty()) {
        BERTH_ASSIGN_OR_RETURN(const CommandResult run, ask_helper(helper, "erase", key));
        if (run.exit_code != 0 && found) BERTH_TRY(helper_failed(helper, run));
    }
    if (found) BERTH_TRY(save(file));
    return found;
}

} // namespace berth::registry
