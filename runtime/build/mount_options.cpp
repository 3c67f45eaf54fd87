#include "runtime/build/mount_options.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <charconv>
#include <set>

namespace berth::build {

namespace {

constexpr const char* k_ssh_target = "/run/buildkit/ssh_agent.0";

const std::vector<std::string> k_keys = {
    "type",     "target", "dst",     "destination", "source",   "src",  "from", "rw",  "readwrite", "ro",
    "readonly", "id",     "sharing", "env",         "required", "size", "mode", "uid", "gid"};

Failure wrong(const SourcePos& at, std::string message, std::string hint = {}) {
    Error error(ErrorCode::invalid_input, std::move(message));
    error.at(at);
    if (!hint.empty()) error.hint(std::move(hint));
    return fail(std::move(error));
}

Result<bool> flag_value(const std::string& value, bool given, const SourcePos& at) {
    if (!given) return true;
    auto parsed = parse_bool(value);
    if (!parsed) return fail(std::move(parsed).error().at(at));
    return parsed;
}

Status set_key(RunMount& mount, std::optional<bool>& read_only, const std::string& key,
               const std::string& value, bool given) {
    const auto number = [&](std::optional<std::int64_t>& target, int base) -> Status {
        std::int64_t parsed = 0;
        const auto* end = value.data() + value.size();
        const auto result = std::from_chars(value.data(), end, parsed, base);
        if (value.empty() || result.ptr != end || result.ec != std::errc() || parsed < 0 ||
            parsed > 0xfffffffe)
            return wrong(mount.at, concat("'", value, "' is no value for ", key));
        target = parsed;
        return {};
    };
    if (key == "target" || key == "dst" || key == "destination") {
        mount.target = value;
    } else if (key == "source" || key == "src") {
        mount.source = value;
    } else if (key == "from") {
        mount.from = value;
    } else if (key == "id") {
        mount.id = value;
    } else if (key == "env") {
        mount.env = value;
    } else if (key == "sharing") {
        mount.sharing = to_lower(value);
        if (mount.sharing != "shared" && mount.sharing != "private" && mount.sharing != "locked")
            return wrong(mount.at, concat("'", value, "' is no kind of sharing"),
                         "one of shared, private, locked");
    } else if (key == "rw" || key == "readwrite") {
        BERTH_ASSIGN_OR_RETURN(const bool writable, flag_value(value, given, mount.at));
        read_only = !writable;
    } else if (key == "ro" || key == "readonly") {
        BERTH_ASSIGN_OR_RETURN(read_only, flag_value(value, given, mount.at));
    } else if (key == "required") {
        BERTH_ASSIGN_OR_RETURN(mount.required, flag_value(value, given, mount.at));
    } else if (key == "size") {
        auto size = parse_bytes(value);
        if (!size) return fail(std::move(size).error().at(mount.at));
        mount.size = *size;
    } else if (key == "mode") {
        return number(mount.mode, 8);
    } else if (key == "uid") {
        return number(mount.uid, 10);
    } else if (key == "gid") {
        return number(mount.gid, 10);
    } else {
        const auto near = nearest_word(key, k_keys);
        return wrong(mount.at, concat("--mount has no key '", key, "'"),
                     near.empty() ? "" : concat("did you mean ", near, "?"));
    }
    return {};
}

Status set_kind(RunMount& mount, const std::string& type) {
    if (type == "bind")
        mount.kind = RunMount::Kind::bind;
    else if (type == "cache")
        mount.kind = RunMount::Kind::cache;
    else if (type == "tmpfs")
        mount.kind = RunMount::Kind::tmpfs;
    else if (type == "secret")
        mount.kind = RunMount::Kind::secret;
    else if (type == "ssh")
        mount.kind = RunMount::Kind::ssh;
    else
        return wrong(mount.at, concat("'", type, "' is no type of mount"),
                     "one of bind, cache, tmpfs, secret, ssh");
    return {};
}

using Kind = RunMount::Kind;

// Keys that say nothing for the type they stand beside.
Status check_keys(const RunMount& mount, const std::set<std::string>& given) {
    const bool secret = mount.kind == Kind::secret;
    const bool makes_file = secret || mount.kind == Kind::ssh || mount.kind == Kind::cache;
    const auto meant = [&](const std::string& key) {
        if (key == "mode" || key == "uid" || key == "gid") return makes_file;
        if (key == "size") return mount.kind == Kind::tmpfs;
        if (key == "sharing") return mount.kind == Kind::cache;
        if (key == "from") return mount.kind == Kind::bind || mount.kind == Kind::cache;
        if (key == "env") return secret;
        return true;
    };
    for (const auto& key : given)
        if (!meant(key)) return wrong(mount.at, concat("'", key, "' means nothing for this type of mount"));
    if (secret && given.contains("id") && (given.contains("source") || given.contains("src")))
        return wrong(mount.at, "a secret has an id or a source, and not both");
    return {};
}

} // namespace

Result<RunMount> parse_run_mount(std::string text, const SourcePos& at, const std::string& working_dir) {
    RunMount mount;
    mount.at = at;
    mount.text = std::move(text);
    std::optional<bool> read_only;
    std::set<std::string> given;
    for (const auto& field : split(mount.text, ',')) {
        const auto equals = field.find('=');
        const auto key = to_lower(trim(field.substr(0, equals)));
        const auto value = equals == std::string::npos ? std::string() : field.substr(equals + 1);
        if (key == "type")
            BERTH_TRY(set_kind(mount, to_lower(value)));
        else
            BERTH_TRY(set_key(mount, read_only, key, value, equals != std::string::npos));
        given.insert(key);
    }
    BERTH_TRY(check_keys(mount, given));
    mount.read_only = read_only.value_or(mount.kind == Kind::bind);
    if (mount.kind == Kind::secret) {
        if (mount.id.empty())
            mount.id = std::string(base_name(mount.target.empty() ? mount.source : mount.target));
        if (mount.id.empty()) return wrong(mount.at, "a secret needs an id");
        if (mount.target.empty() && mount.env.empty()) mount.target = "/run/secrets/" + mount.id;
        if (mount.target.empty()) return mount;
    }
    if (mount.kind == Kind::ssh) {
        if (mount.id.empty()) mount.id = "default";
        if (mount.target.empty()) mount.target = k_ssh_target;
    }
    // Others know it by what is written, wherever that is; without a target it is the working folder.
    if (mount.kind == Kind::cache && mount.id.empty()) mount.id = clean_path(mount.target);
    const bool known = !working_dir.empty() || mount.target.starts_with('/');
    mount.target = absolute_path(mount.target, known ? working_dir : "/");
    if (known && mount.target == "/") return wrong(mount.at, "nothing can be mounted on /");
    return mount;
}

} // namespace berth::build
