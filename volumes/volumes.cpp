#include "volumes/volumes.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "volumes/local_driver.hpp"
#include "volumes/store.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>

namespace berth::volumes {

namespace {

std::string differences(const Volume& there, const Volume& wanted) {
    if (there.driver != wanted.driver) return concat("its driver is ", there.driver, ", not ", wanted.driver);
    for (const auto& [name, value] : wanted.options) {
        const auto found = there.options.find(name);
        if (found == there.options.end())
            return concat("it has no option ", name, " ('", value, "' is asked for)");
        if (found->second != value)
            return concat("its option ", name, " is '", found->second, "', not '", value, "'");
    }
    for (const auto& [name, value] : there.options)
        if (wanted.options.count(name) == 0) return concat("it has the option ", name, " ('", value, "')");
    return {};
}

// mount(2) of nfs wants numbers; docker resolves the name, too.
Result<std::string> resolve_addr(const std::string& option) {
    constexpr std::string_view prefix = "addr=";
    if (!std::string_view(option).starts_with(prefix)) return option;
    const std::string host = option.substr(prefix.size());
    addrinfo* list = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, nullptr, &list); code != 0)
        return fail(ErrorCode::failed,
                    concat("find the address of the server '", host, "': ", ::gai_strerror(code)));
    char text[NI_MAXHOST] = {};
    const int code =
        ::getnameinfo(list->ai_addr, list->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    ::freeaddrinfo(list);
    if (code != 0)
        return fail(ErrorCode::failed,
                    concat("read the address of the server '", host, "': ", ::gai_strerror(code)));
    return concat(prefix, text);
}

Result<std::string> base_folder(const Context& context, const Volume& volume, const LocalVolume& local) {
    if (local.kind == LocalKind::plain) return Store(context).data(volume.name);
    if (local.kind == LocalKind::filesystem)
        return fail(Error(ErrorCode::unsupported, concat("the volume '", volume.name, "' (", local.type,
                                                         ") has no folder on this host"))
                        .hint("its file system is mounted inside the containers only"));
    if (is_directory(local.device)) return clean_path(local.device);
    return fail(Error(ErrorCode::not_found, concat("the volume '", volume.name, "' is a bind of '",
                                                   local.device, "', which is no folder of this host"))
                    .hint("create the folder"));
}

} // namespace

namespace {

// A record that a power cut or somebody's editor has damaged: what is asked for is what it said, and the data are
// not its fault.
Result<Volume> renew_record(const Context& context, const Store& store, Volume volume) {
    context.progress->warn(
        concat("the record of the volume '", volume.name, "' was damaged: written anew, its data stay"));
    BERTH_TRY(make_dir(store.data(volume.name), 0755));
    BERTH_TRY(store.update(volume));
    return volume;
}

Result<Volume> create_volume(const Context& context, Volume volume, bool pending, bool* is_new) {
    if (volume.name.empty()) {
        volume.name = make_id();
        volume.anonymous = true;
    }
    BERTH_TRY(check_name(volume.name, "volume"));
    if (volume.driver.empty()) volume.driver = "local";
    BERTH_ASSIGN_OR_RETURN([[maybe_unused]] const LocalVolume local, parse_local(volume));
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    auto there = store.find(volume.name);
    if (!there && there.error().code() != ErrorCode::invalid_input) return fail(std::move(there).error());
    if (there && *there) {
        const std::string difference = differences(**there, volume);
        if (difference.empty()) return std::move(**there);
        return fail(Error(ErrorCode::already_exists,
                          concat("a volume with the name '", volume.name, "' exists already: ", difference))
                        .hint("remove it first (its data goes with it), or choose another name"));
    }
    volume.created_at = to_rfc3339(wall_now());
    volume.filled = false;
    if (is_directory(store.folder(volume.name))) return renew_record(context, store, std::move(volume));
    BERTH_TRY(store.add(volume, pending));
    if (is_new != nullptr) *is_new = true;
    return volume;
}

} // namespace

Result<Volume> create(const Context& context, Volume volume, bool* is_new) {
    return create_volume(context, std::move(volume), false, is_new);
}

Result<Volume> create_pending(const Context& context) {
    Volume volume;
    volume.anonymous = true;
    return create_volume(context, std::move(volume), true, nullptr);
}

Status settle(const Context& context, const std::string& name) {
    return remove_file(Store(context).pending(name));
}

Status unsettle(const Context& context, const std::string& name) {
    const Store store(context);
    if (!is_directory(store.folder(name))) return {};
    return write_atomic(store.pending(name), to_json(own_process_id()).to_text());
}

Status remove_abandoned(const Context& context) {
    const Store store(context);
    if (!is_directory(context.paths.volumes())) return {};
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    store.sweep();
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(context.paths.volumes()));
    ErrorList failed;
    for (const auto& name : names) {
        const auto text = read_file_if_exists(store.pending(name), 4096);
        if (!text || !*text) continue;
        const auto maker = parse_record<ProcessId>(**text, store.pending(name));
        if (!maker || !is_alive(*maker)) failed.push(store.erase(name));
    }
    return std::move(failed).take();
}

Lookup<Volume> find(const Context& context, const std::string& name) {
    return Store(context).find(name);
}

Result<Volume> get(const Context& context, const std::string& name) {
    const Store store(context);
    BERTH_ASSIGN_OR_RETURN(auto found, store.find(name));
    if (found) return std::move(*found);
    Error error(ErrorCode::not_found, concat("there is no volume '", name, "'"));
    std::vector<std::string> names;
    if (const auto all = store.list())
        for (const auto& volume : *all)
            names.push_back(volume.name);
    if (const auto near = nearest_word(name, names); !near.empty())
        error.hint(concat("did you mean '", near, "'?"));
    return fail(std::move(error));
}

Result<std::vector<Volume>> list(const Context& context) {
    return Store(context).list();
}

Status remove(const Context& context, const std::string& name) {
    const Store store(context);
    BERTH_TRY(check_name(name, "volume"));
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, store.lock_all());
    // By its folder, not its record: a broken record must not make a volume immortal.
    if (!path_exists(store.folder(name))) {
        BERTH_ASSIGN_OR_RETURN([[maybe_unused]] const Volume missing, get(context, name));
    }
    return store.erase(name);
}

Result<std::string> data_path(const Context& context, const Volume& volume, const std::string& subpath) {
    BERTH_ASSIGN_OR_RETURN(const LocalVolume local, parse_local(volume));
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_folder(context, volume, local));
    if (subpath.empty()) return base;
    BERTH_ASSIGN_OR_RETURN(const Fd root, open_directory(base));
    auto inside = open_in_root(root.get(), subpath, O_PATH);
    if (!inside)
        return fail(
            Error(ErrorCode::not_found, concat("the volume '", volume.name, "' has no '", subpath, "'"))
                .sys_errno(inside.error().sys_errno())
                .hint("a subpath must exist before the container starts"));
    // The path that the descriptor was opened by, without links; the kernel knows it.
    BERTH_ASSIGN_OR_RETURN(const std::string path, read_link(concat("/proc/self/fd/", inside->get())));
    return path;
}

std::string mountpoint(const Context& context, const Volume& volume) {
    const auto local = parse_local(volume);
    if (local && local->kind == LocalKind::bind) return clean_path(local->device);
    return Store(context).data(volume.name);
}

Result<MountSource> mount_source(const Context& context, const Volume& volume, const std::string& subpath) {
    BERTH_ASSIGN_OR_RETURN(const LocalVolume local, parse_local(volume));
    MountSource out;
    if (local.kind != LocalKind::filesystem) {
        BERTH_ASSIGN_OR_RETURN(out.source, data_path(context, volume, subpath));
        return out;
    }
    if (!subpath.empty())
        return fail(ErrorCode::unsupported, concat("mount '", subpath, "' of the volume '", volume.name,
                                                   "': it is a file system of its own (", local.type, ")"));
    out.type = local.type;
    out.source = local.device;
    for (const auto& option : local.options) {
        BERTH_ASSIGN_OR_RETURN(std::string resolved, resolve_addr(option));
        out.options.push_back(std::move(resolved));
    }
    return out;
}

Status prepare_bind_source(const std::string& source, bool create_missing) {
    if (source.empty() || source.front() != '/')
        return fail(ErrorCode::invalid_input,
                    concat("the source '", source, "' of a bind mount is no absolute path"));
    struct stat info {};
    if (::stat(source.c_str(), &info) == 0) return {};
    if (errno != ENOENT) return fail_errno(concat("look at the bind mount's source '", source, "'"));
    if (!create_missing)
        return fail(
            Error(ErrorCode::not_found, concat("the bind mount's source '", source, "' does not exist"))
                .hint("create it, or set create_host_path: true"));
    return make_dirs(source, 0755);
}

Result<std::string> write_content_file(const std::string& directory, const std::string& name,
                                       const std::string& content, unsigned uid, unsigned gid,
                                       unsigned mode) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
        name.find('\0') != std::string::npos)
        return fail(ErrorCode::invalid_input, concat("'", name, "' is not a file name"));
    BERTH_TRY(make_dirs(directory));
    const std::string path = join_path(directory, name);
    const std::string temporary = concat(path, ".", make_id().substr(0, 12), ".tmp");
    const auto written = [&]() -> Status {
        BERTH_ASSIGN_OR_RETURN(const Fd file,
                               open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
        BERTH_TRY(write_all(file.get(), content, concat("'", path, "'")));
        if (::fchown(file.get(), uid, gid) != 0)
            return fail_errno(concat("give '", path, "' to ", uid, ":", gid));
        if (::fchmod(file.get(), mode & 07777) != 0)
            return fail_errno(concat("set the mode of '", path, "'"));
        if (::rename(temporary.c_str(), path.c_str()) != 0)
            return fail_errno(concat("put '", path, "' in place"));
        return {};
    }();
    if (written) return path;
    ::unlink(temporary.c_str());
    return fail(written.error());
}

} // namespace berth::volumes
