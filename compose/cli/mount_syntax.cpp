#include "compose/cli/mount_syntax.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::cli {

namespace {

Failure bad_volume(std::string_view text, std::string_view what) {
    return fail(Error(ErrorCode::usage, concat("'", text, "' is not a volume: ", what))
                    .hint("write SOURCE:TARGET[:ro], where SOURCE is a volume's name or a path and TARGET an "
                          "absolute path in the container"));
}

bool is_propagation(std::string_view word) {
    static constexpr std::array<std::string_view, 6> words{"private", "rprivate", "shared",
                                                           "rshared", "slave",    "rslave"};
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_path(std::string_view source) {
    return !source.empty() && (source[0] == '/' || source[0] == '.' || source[0] == '~');
}

Status set_source(compose::MountRequest& mount, const std::string& source, std::string_view whole,
                  std::string_view folder) {
    if (mount.kind == runtime::MountKind::bind) {
        mount.source = absolute_path(source, folder);
        return {};
    }
    mount.source = source;
    if (mount.kind == runtime::MountKind::volume && !source.empty() && !is_valid_name(source))
        return bad_volume(whole,
                          concat("'", source, "' is not a volume's name (letters, digits, '_', '.', '-')"));
    return {};
}

Status check_target(const compose::MountRequest& mount, std::string_view whole) {
    if (mount.target.empty() || mount.target[0] != '/')
        return bad_volume(whole, concat("target '", mount.target, "' is not an absolute path"));
    if (clean_path(mount.target) == "/") return bad_volume(whole, "the target can't be '/'");
    return {};
}

} // namespace

Result<compose::MountRequest> parse_volume_flag(std::string_view text, std::string_view folder) {
    compose::MountRequest mount;
    const auto parts = split(text, ':');
    if (parts.size() > 3 ||
        std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); }))
        return bad_volume(text, "it has empty or too many parts");
    if (parts.size() == 1) { // an anonymous volume
        mount.target = parts[0];
        mount.mode = "";
    } else {
        mount.mode = parts.size() == 3 ? parts[2] : "";
        mount.kind = is_path(parts[0]) ? runtime::MountKind::bind : runtime::MountKind::volume;
        mount.create_host_path = true;
        mount.target = parts[1];
        BERTH_TRY(set_source(mount, parts[0], text, folder));
    }
    for (const auto& option : parts.size() == 3 ? split(parts[2], ',') : std::vector<std::string>{}) {
        if (option == "ro" || option == "readonly")
            mount.read_only = true;
        else if (option == "nocopy")
            mount.nocopy = true;
        else if (is_propagation(option))
            mount.propagation = option;
        // z and Z ask for SELinux labels, which a kernel without SELinux has no use for: docker passes over
        // them too.
        else if (option != "rw" && option != "z" && option != "Z")
            return bad_volume(text, concat("unknown option '", option, "'"));
    }
    BERTH_TRY(check_target(mount, text));
    return mount;
}

namespace {

Failure bad_mount(std::string_view text, std::string_view what) {
    return fail(Error(ErrorCode::usage, concat("'", text, "' is not a mount: ", what))
                    .hint("for example --mount type=bind,source=/srv/data,target=/data,readonly"));
}

Result<bool> mount_bool(const std::string& value, bool has_value, std::string_view whole) {
    if (!has_value) return true;
    auto parsed = parse_bool(value);
    if (!parsed) return bad_mount(whole, concat("'", value, "' is neither true nor false"));
    return *parsed;
}

Status mount_type(compose::MountRequest& mount, const std::string& value, std::string_view whole) {
    const auto kind = enum_from_name<runtime::MountKind>(value);
    if (!kind)
        return bad_mount(whole,
                         concat("unknown type '", value, "': bind, volume, tmpfs and image are known"));
    mount.kind = *kind;
    return {};
}

Status volume_option(compose::MountRequest& mount, const std::string& key, const std::string& value,
                     std::string_view whole) {
    if (key == "volume-driver") {
        mount.volume_driver = value;
        return {};
    }
    const auto equals = value.find('=');
    auto& target = key == "volume-opt" ? mount.volume_options : mount.volume_labels;
    if (key == "volume-opt" && equals == std::string::npos)
        return bad_mount(whole, "volume-opt wants key=value");
    target[value.substr(0, equals)] = equals == std::string::npos ? "" : value.substr(equals + 1);
    return {};
}

Status mount_field(compose::MountRequest& mount, const std::string& key, const std::string& value,
                   bool has_value, std::string_view whole, std::string& source) {
    if (key == "type") return mount_type(mount, value, whole);
    if (key == "source" || key == "src") {
        source = value;
    } else if (key == "target" || key == "dst" || key == "destination") {
        mount.target = value;
    } else if (key == "readonly" || key == "ro") {
        BERTH_ASSIGN_OR_RETURN(mount.read_only, mount_bool(value, has_value, whole));
    } else if (key == "bind-propagation") {
        if (!is_propagation(value)) return bad_mount(whole, concat("unknown propagation '", value, "'"));
        mount.propagation = value;
    } else if (key == "bind-recursive") {
        if (value != "enabled" && value != "disabled")
            return bad_mount(whole, "bind-recursive is enabled or disabled");
        mount.recursive = value == "enabled";
    } else if (key == "bind-nonrecursive") {
        BERTH_ASSIGN_OR_RETURN(const auto flat, mount_bool(value, has_value, whole));
        mount.recursive = !flat;
    } else if (key == "bind-create-src") {
        BERTH_ASSIGN_OR_RETURN(mount.create_host_path, mount_bool(value, has_value, whole));
    } else if (key == "volume-nocopy") {
        BERTH_ASSIGN_OR_RETURN(mount.nocopy, mount_bool(value, has_value, whole));
    } else if (key == "volume-subpath" || key == "image-subpath") {
        mount.subpath = value;
    } else if (key == "volume-opt" || key == "volume-label" || key == "volume-driver") {
        return volume_option(mount, key, value, whole);
    } else if (key == "tmpfs-size") {
        BERTH_ASSIGN_OR_RETURN(const auto size, parse_bytes(value));
        mount.options.push_back(concat("size=", size));
    } else if (key == "tmpfs-mode") {
        if (value.empty() || value.find_first_not_of("01234567") != std::string::npos)
            return bad_mount(whole, concat("'", value, "' is not a mode"));
        mount.options.push_back(concat("mode=", value));
    } else if (key != "consistency") { // a matter of Docker Desktop's virtual machine
        return bad_mount(whole, concat("unknown option '", key, "'"));
    }
    return {};
}

} // namespace

Result<compose::MountRequest> parse_mount_flag(std::string_view text, std::string_view folder) {
    compose::MountRequest mount;
    std::string source;
    for (const auto& part : split(text, ',')) {
        const auto equals = part.find('=');
        const auto key = to_lower(trim(std::string_view(part).substr(0, equals)));
        const bool has_value = equals != std::string::npos;
        BERTH_TRY(mount_field(mount, key, has_value ? part.substr(equals + 1) : "", has_value, text, source));
    }
    if (mount.kind == runtime::MountKind::bind && source.empty())
        return bad_mount(text, "a bind mount needs source=");
    if (mount.kind == runtime::MountKind::image && source.empty())
        return bad_mount(text, "an image mount needs source=");
    if (mount.kind == runtime::MountKind::tmpfs && !source.empty())
        return bad_mount(text, "a tmpfs has no source");
    BERTH_TRY(set_source(mount, source, text, folder));
    if (mount.target.empty()) return bad_mount(text, "target= is missing");
    BERTH_TRY(check_target(mount, text));
    return mount;
}

Result<compose::MountRequest> parse_tmpfs_flag(std::string_view text) {
    compose::MountRequest mount;
    mount.kind = runtime::MountKind::tmpfs;
    mount.mode = "";
    const auto colon = text.find(':');
    mount.target = text.substr(0, colon);
    const auto options =
        colon != std::string_view::npos ? split(text.substr(colon + 1), ',') : std::vector<std::string>{};
    for (const auto& option : options) {
        if (option == "ro")
            mount.read_only = true;
        else if (option != "rw" && !option.empty())
            mount.options.push_back(option);
    }
    BERTH_TRY(check_target(mount, text));
    return mount;
}

} // namespace berth::cli
