#include "compose/plan/lower_mounts.hpp"

#include "runtime/base/parse.hpp"

namespace berth::compose {

namespace {

Error unsupported(const std::string& what, const SourcePos& at) {
    return Error(ErrorCode::unsupported, concat(what, " is not supported")).at(at);
}

std::string octal(std::int64_t mode) {
    std::string digits;
    for (; mode > 0; mode /= 8)
        digits.insert(digits.begin(), static_cast<char>('0' + mode % 8));
    return digits.empty() ? "0" : digits;
}

Status lower_bind(const ServiceMount& mount, MountRequest& out) {
    out.kind = runtime::MountKind::bind;
    out.source = mount.source;
    out.create_host_path = mount.create_host_path;
    out.propagation = mount.bind_propagation;
    if (mount.bind_recursive == "disabled")
        out.recursive = false;
    else if (!mount.bind_recursive.empty() && mount.bind_recursive != "enabled" &&
             mount.bind_recursive != "readonly")
        return fail(unsupported(concat("bind.recursive: ", mount.bind_recursive), mount.at));
    return {};
}

void lower_volume_mount(const Project& project, const ServiceMount& mount, MountRequest& out) {
    out.kind = runtime::MountKind::volume;
    out.nocopy = mount.nocopy;
    out.subpath = mount.subpath;
    const auto found = project.volumes.find(mount.source);
    if (found == project.volumes.end()) {
        out.source = mount.source;
        return;
    }
    const auto volume = lower_volume(project, found->second);
    out.source = volume.name;
    out.must_exist = found->second.external;
    out.volume_driver = volume.driver;
    out.volume_options = volume.options;
    out.volume_labels = volume.labels;
}

Result<MountRequest> lower_mount(const Project& project, const ServiceMount& mount) {
    MountRequest out;
    out.target = mount.target;
    out.read_only = mount.read_only;
    out.at = mount.at;
    switch (mount.type) {
    case MountType::bind:
        out.mode = mount.read_only ? "ro" : "rw";
        BERTH_TRY(lower_bind(mount, out));
        break;
    case MountType::volume:
        if (!mount.source.empty()) out.mode = mount.read_only ? "ro" : "rw";
        lower_volume_mount(project, mount, out);
        break;
    case MountType::tmpfs:
        out.kind = runtime::MountKind::tmpfs;
        if (mount.tmpfs_size > 0) out.options.push_back(concat("size=", mount.tmpfs_size));
        if (mount.tmpfs_mode > 0) out.options.push_back(concat("mode=", octal(mount.tmpfs_mode)));
        break;
    case MountType::image:
        out.kind = runtime::MountKind::image;
        out.source = mount.source;
        out.subpath = mount.subpath;
        break;
    case MountType::npipe:
        return fail(unsupported("a volume of type npipe", mount.at));
    case MountType::cluster:
        return fail(unsupported("a volume of type cluster", mount.at));
    }
    return out;
}

// "/run" or "/run:size=64m,mode=755".
MountRequest lower_tmpfs(const std::string& text, const SourcePos& at) {
    MountRequest out;
    out.kind = runtime::MountKind::tmpfs;
    out.at = at;
    const auto colon = text.find(':');
    out.target = text.substr(0, colon);
    out.mode = "";
    if (colon != std::string::npos)
        for (auto& option : split(text.substr(colon + 1), ','))
            if (!option.empty()) out.options.push_back(std::move(option));
    return out;
}

struct FileKind {
    const char* what;      // "secret"
    const char* directory; // of targets without a slash in front
};

Result<unsigned> parse_owner(const std::string& text, const char* field, const FileReference& reference) {
    if (text.empty()) return 0U;
    const auto value = parse_integer(text, 0, 0xffffffffLL - 1);
    if (!value)
        return fail(Error(ErrorCode::invalid_input,
                          concat(field, " '", text, "' of '", reference.source, "' is not a number"))
                        .at(reference.at));
    return static_cast<unsigned>(*value);
}

Status lower_file(const Project& project, const std::map<std::string, ProjectFile>& files,
                  const FileReference& reference, const FileKind& kind, ContainerRequest& request) {
    const auto found = files.find(reference.source);
    if (found == files.end())
        return fail(Error(ErrorCode::invalid_input,
                          concat(kind.what, " '", reference.source, "' is not in the project"))
                        .at(reference.at));
    const auto& file = found->second;
    if (file.external)
        return fail(unsupported(concat("an external ", kind.what), file.at)
                        .hint("give it by file, environment or content: only a cluster keeps external ones"));
    auto target = reference.target.empty() ? reference.source : reference.target;
    if (target.front() != '/') target = concat(kind.directory, target);

    // Owner and mode of a file that is mounted are the host's; asked for, they take a copy.
    const bool as_it_is = reference.uid.empty() && reference.gid.empty() && !reference.mode;
    if (!file.file.empty() && as_it_is) {
        MountRequest mount;
        mount.kind = runtime::MountKind::bind;
        mount.source = file.file;
        mount.target = target;
        mount.read_only = true;
        mount.at = reference.at;
        request.mounts.push_back(std::move(mount));
        return {};
    }
    FileRequest out{target,      {}, file.file, 0, 0, static_cast<unsigned>(reference.mode.value_or(0444)),
                    reference.at};
    BERTH_ASSIGN_OR_RETURN(out.uid, parse_owner(reference.uid, "uid", reference));
    BERTH_ASSIGN_OR_RETURN(out.gid, parse_owner(reference.gid, "gid", reference));
    if (file.content) {
        out.content = *file.content;
    } else if (!file.environment.empty()) {
        const auto value = project.environment.find(file.environment);
        if (value == project.environment.end())
            return fail(
                Error(ErrorCode::invalid_input, concat("environment variable '", file.environment, "' of ",
                                                       kind.what, " '", reference.source, "' is not set"))
                    .at(file.at));
        out.content = value->second;
    }
    request.files.push_back(std::move(out));
    return {};
}

} // namespace

Status lower_mounts(const Project& project, const Service& service, ContainerRequest& request) {
    for (const auto& mount : service.volumes) {
        BERTH_ASSIGN_OR_RETURN(auto lowered, lower_mount(project, mount));
        request.mounts.push_back(std::move(lowered));
    }
    for (const auto& text : service.tmpfs)
        request.mounts.push_back(lower_tmpfs(text, service.at));
    return {};
}

Status lower_files(const Project& project, const Service& service, ContainerRequest& request) {
    for (const auto& reference : service.configs)
        BERTH_TRY(lower_file(project, project.configs, reference, {"config", "/"}, request));
    for (const auto& reference : service.secrets)
        BERTH_TRY(lower_file(project, project.secrets, reference, {"secret", "/run/secrets/"}, request));
    return {};
}

} // namespace berth::compose
