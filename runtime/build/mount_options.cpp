#include "runtime/build/mount_options.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <charconv>

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

Status set_key(RunMount& mount, const std::string& key, const std::string& value, bool given) {
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
        if (value != "shared" && value != "private" && value != "locked")
            return wrong(mount.at, concat("'", value, "' is no kind of sharing"),
                         "one of shared, private, locked");
        mount.sharing = value;
    } else if (key == "rw" || key == "readwrite") {
        BERTH_ASSIGN_OR_RETURN(mount.read_write, flag_value(value, given, mount.at));
    } else if (key == "ro" || key == "readonly") {
        BERTH_ASSIGN_OR_RETURN(mount.read_only, flag_value(value, given, mount.at));
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

} // namespace

Result<RunMount> parse_run_mount(std::string text, const SourcePos& at, const std::string& working_dir) {
    RunMount mount;
    mount.at = at;
    mount.text = std::move(text);
    for (const auto& field : split(mount.text, ',')) {
        const auto equals = field.find('=');
        const auto key = to_lower(trim(field.substr(0, equals)));
        const auto value = equals == std::string::npos ? std::string() : field.substr(equals + 1);
        if (key == "type")
            BERTH_TRY(set_kind(mount, to_lower(value)));
        else
            BERTH_TRY(set_key(mount, key, value, equals != std::string::npos));
    }
    if (mount.kind == RunMount::Kind::secret) {
        if (mount.id.empty())
            mount.id = std::string(base_name(mount.target.empty() ? mount.source : mount.target));
        if (mount.id.empty()) return wrong(mount.at, "a secret needs an id");
        if (mount.target.empty() && mount.env.empty()) mount.target = "/run/secrets/" + mount.id;
        if (mount.target.empty()) return mount;
    }
    if (mount.kind == RunMount::Kind::ssh) {
        if (mount.id.empty()) mount.id = "default";
        if (mount.target.empty()) mount.target = k_ssh_target;
    }
    if (mount.target.empty()) return wrong(mount.at, "a mount needs a target", "add target=/PATH");
    mount.target = absolute_path(mount.target, working_dir.empty() ? "/" : working_dir);
    if (mount.target == "/") return wrong(mount.at, "nothing can be mounted on /");
    if (mount.kind == RunMount::Kind::cache && mount.id.empty()) mount.id = mount.target;
    return mount;
}

} // namespace berth::build
