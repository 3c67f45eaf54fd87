// RUN --mount: bind, cache, tmpfs and secret mounts of one step. Their content is never part of the layer;
// bind sources are part of the key, the others only by their parameters.
#include "runtime/build/engine.hpp"
#include "runtime/build/mount_options.hpp"
#include "runtime/build/overlay.hpp"
#include "runtime/build/owned_folders.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/base/sha256.hpp"

#include <algorithm>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::build {

namespace {

Failure wrong(const SourcePos& at, std::string message, std::string hint = {}) {
    Error error(ErrorCode::invalid_input, std::move(message));
    error.at(at);
    if (!hint.empty()) error.hint(std::move(hint));
    return fail(std::move(error));
}

Result<RunMount> parse_mount(const Step& step, const Text& text) {
    BERTH_ASSIGN_OR_RETURN(auto expanded, step.expand(text));
    const auto& folder = step.state.config.config.working_dir;
    return parse_run_mount(std::move(expanded), text.at, folder.empty() ? "/" : folder);
}

// The folder or file that a bind or cache mount begins with, selected and with its root.
struct MountSource {
    Fd root;
    std::string chain; // of a stage or an image
    SourceRoot source;
    Selected selected;
};
Result<MountSource> open_source(const Step& step, const RunMount& mount) {
    MountSource out;
    auto root = step.env.find_root(mount.from, step.stage);
    if (!root) {
        auto error = std::move(root).error();
        if (!error.at().known()) error.at(mount.at);
        return fail(std::move(error));
    }
    if (root->context != nullptr) {
        BERTH_ASSIGN_OR_RETURN(out.root, duplicate(root->context->root.get()));
        out.source.ignore = &root->context->ignore;
    } else {
        BERTH_ASSIGN_OR_RETURN(out.root, open_readable_root(root->layers, step.env.scratch + "/empty"));
        out.source.keep_owner = true;
        out.chain = root->chain;
    }
    out.source.fd = out.root.get();
    out.source.what = root->what;
    // What stands in the path is a name, never a pattern.
    std::string literal;
    for (const char c : mount.source) {
        if (has_wildcard(std::string_view(&c, 1)))
            return wrong(mount.at, concat("source '", mount.source, "' of a mount cannot be a pattern"));
        literal += c;
    }
    auto selected = select_source(out.source, literal.empty() ? "/" : literal, {});
    if (!selected) return fail(std::move(selected).error().at(mount.at));
    out.selected = std::move(selected->front());
    return out;
}

// A copy of what the mount begins with, as "data" in a folder of its own.
Result<TempDir> copy_source(const Step& step, const RunMount& mount, const MountSource& from) {
    BERTH_ASSIGN_OR_RETURN(auto folder, TempDir::make(step.env.scratch, "bind-"));
    BERTH_ASSIGN_OR_RETURN(const Fd target, open_directory(folder.path()));
    CopyOptions options;
    options.keep_top = true; // the step sees that folder itself
    auto copied = copy_selected(from.source, from.selected, target.get(), "/data", options);
    if (!copied) return fail(std::move(copied).error().at(mount.at));
    return folder;
}

// The mount gets a copy: what a step sees of a context must not be the user's own folder, and an image's
// layers are not for binding. One that is only read serves all steps of the build that ask for the same.
Status prepare_bind(const Step& step, const RunMount& mount, PreparedMounts& out) {
    BERTH_ASSIGN_OR_RETURN(const MountSource from, open_source(step, mount));
    const auto shared = join_path(
        step.env.scratch, "shared-" + sha256_hex(concat(mount.from, "\n", from.chain, "\n", mount.source)));
    runtime::Mount made;
    made.target = mount.target;
    made.read_only = mount.read_only;
    made.source = shared + "/data";
    if (!mount.read_only || !is_directory(shared)) {
        BERTH_ASSIGN_OR_RETURN(auto folder, copy_source(step, mount, from));
        if (mount.read_only && ::rename(folder.path().c_str(), shared.c_str()) == 0) {
            (void)folder.release(); // goes with the build
        } else {
            made.source = folder.path() + "/data"; // another stage was first, or it is this step's alone
            out.folders.push_back(std::move(folder));
        }
    }
    out.mounts.push_back(std::move(made));
    return {};
}

Status fill_cache(const Step& step, const RunMount& mount, const std::string& data) {
    const auto staged = data + ".new";
    BERTH_TRY(remove_tree(staged));
    if (mount.from.empty()) {
        BERTH_TRY(make_dir(staged, 0755));
    } else {
        BERTH_ASSIGN_OR_RETURN(const MountSource from, open_source(step, mount));
        if (!from.selected.directory) return wrong(mount.at, "the source of a cache mount must be a folder");
        BERTH_ASSIGN_OR_RETURN(const Fd parent, open_directory(std::string(dir_name(staged))));
        auto copied =
            copy_selected(from.source, from.selected, parent.get(), "/" + std::string(base_name(staged)), {});
        if (!copied) return fail(std::move(copied).error().at(mount.at));
    }
    if (::chmod(staged.c_str(), static_cast<mode_t>(mount.mode.value_or(0755)) & 07777) != 0 ||
        ::chown(staged.c_str(), static_cast<uid_t>(mount.uid.value_or(0)),
                static_cast<gid_t>(mount.gid.value_or(0))) != 0)
        return fail_errno(concat("set up the cache folder '", staged, "'"));
    if (::rename(staged.c_str(), data.c_str()) != 0)
        return fail_errno(concat("put the cache folder '", data, "' in place"));
    return {};
}

Status prepare_cache(const Step& step, const RunMount& mount, PreparedMounts& out) {
    auto space = step.env.request.args.find("BUILDKIT_CACHE_MOUNT_NS");
    // Owner and mode are part of which cache it is, as in BuildKit: two steps that ask for different ones
    // would otherwise get whatever the first of them made.
    const auto part = [](const std::optional<std::int64_t>& value) {
        return value ? concat("\n", *value) : std::string("\n");
    };
    auto identity = concat(space == step.env.request.args.end() ? "" : space->second, "\n", mount.id, "\n",
                           mount.from, "\n", mount.source);
    if (mount.mode || mount.uid || mount.gid)
        identity += part(mount.mode) + part(mount.uid) + part(mount.gid);
    const auto name = sha256_hex(identity);
    const auto folders = step.env.context.paths.build() + "/mounts";
    BERTH_TRY(make_dirs(folders));
    auto folder = join_path(folders, name);
    const auto take = [&](const std::string& path) -> Status {
        BERTH_TRY(make_dir(path, 0700));
        // Held while it is filled, also by those who share it afterwards.
        BERTH_ASSIGN_OR_RETURN(const FileLock filling, FileLock::acquire(path + "/filling"));
        if (!is_directory(path + "/data")) BERTH_TRY(fill_cache(step, mount, path + "/data"));
        return {};
    };
    if (mount.sharing == "locked") {
        BERTH_TRY(make_dir(folder, 0700));
        BERTH_ASSIGN_OR_RETURN(auto lock, FileLock::acquire(folder + "/lock"));
        out.locks.push_back(std::move(lock));
    } else if (mount.sharing == "private") {
        const auto base = folder;
        for (int copy = 0;; ++copy) {
            folder = concat(base, "-", copy);
            BERTH_TRY(make_dir(folder, 0700));
            BERTH_ASSIGN_OR_RETURN(auto lock, FileLock::try_acquire(folder + "/lock"));
            if (!lock) continue; // somebody works with this one
            out.locks.push_back(std::move(*lock));
            break;
        }
    } else {
        BERTH_TRY(make_dir(folder, 0700));
        BERTH_ASSIGN_OR_RETURN(auto lock, FileLock::acquire(folder + "/lock", true));
        out.locks.push_back(std::move(lock));
    }
    BERTH_TRY(take(folder));
    runtime::Mount made;
    made.source = folder + "/data";
    made.target = mount.target;
    made.read_only = mount.read_only;
    out.mounts.push_back(std::move(made));
    return {};
}

Status prepare_secret(const Step& step, const RunMount& mount, PreparedMounts& out) {
    const auto& secrets = step.env.request.secrets;
    const auto given = secrets.find(mount.id);
    if (given == secrets.end()) {
        if (!mount.required) return {};
        return wrong(mount.at, concat("secret '", mount.id, "' is required and was not given"),
                     concat("pass --secret id=", mount.id, ",src=FILE"));
    }
    Result<std::string> content = given->second.text;
    if (!given->second.file.empty()) content = read_file(given->second.file, 512u << 10);
    if (!content)
        return fail(
            std::move(content).error().context(concat("read the secret '", mount.id, "'")).at(mount.at));
    if (!mount.env.empty()) out.env.push_back(concat(mount.env, "=", *content));
    if (mount.target.empty()) return {};
    // On the exec root, which is memory: a secret is never written to the disk.
    BERTH_ASSIGN_OR_RETURN(auto folder, make_secret_folder(step.env.context));
    const auto path = folder.path() + "/secret";
    BERTH_TRY(write_atomic(path, *content, 0400));
    if (::chmod(path.c_str(), static_cast<mode_t>(mount.mode.value_or(0400)) & 07777) != 0 ||
        ::chown(path.c_str(), static_cast<uid_t>(mount.uid.value_or(0)),
                static_cast<gid_t>(mount.gid.value_or(0))) != 0)
        return fail_errno(concat("set the owner of the secret '", mount.id, "'"));
    runtime::Mount made;
    made.source = path;
    made.target = mount.target;
    made.read_only = true;
    out.mounts.push_back(std::move(made));
    out.folders.push_back(std::move(folder));
    return {};
}

Status prepare_ssh(const Step& step, const RunMount& mount, PreparedMounts& out) {
    const auto& given = step.env.request.ssh;
    const auto agent = given.find(mount.id);
    if (agent == given.end()) {
        if (!mount.required) return {};
        return wrong(mount.at, concat("ssh '", mount.id, "' is required and was not given"),
                     concat("pass --ssh ", mount.id));
    }
    BERTH_ASSIGN_OR_RETURN(auto folder, make_ssh_folder(step.env.context));
    auto proxy =
        SshProxy::start(std::move(folder), agent->second, static_cast<mode_t>(mount.mode.value_or(0600)),
                        static_cast<uid_t>(mount.uid.value_or(0)), static_cast<gid_t>(mount.gid.value_or(0)));
    if (!proxy) return fail(std::move(proxy).error().at(mount.at));
    runtime::Mount made;
    made.source = (*proxy)->path();
    made.target = mount.target;
    out.mounts.push_back(std::move(made));
    if (out.ssh.empty()) out.env.push_back(concat("SSH_AUTH_SOCK=", mount.target));
    out.ssh.push_back(std::move(*proxy));
    return {};
}

} // namespace

Status key_of_mounts(Step& step, const Run& run, KeyBuilder& key) {
    for (const auto& text : run.mounts) {
        BERTH_ASSIGN_OR_RETURN(const RunMount mount, parse_mount(step, text));
        key.add("mount", mount.text);
        if (mount.kind != RunMount::Kind::bind) continue;
        auto root = step.env.find_root(mount.from, step.stage);
        if (!root) {
            auto error = std::move(root).error();
            if (!error.at().known()) error.at(mount.at);
            return fail(std::move(error));
        }
        if (root->context == nullptr) {
            key.add("from", root->chain);
            continue;
        }
        BERTH_ASSIGN_OR_RETURN(const MountSource source, open_source(step, mount));
        BERTH_ASSIGN_OR_RETURN(const std::string digest, hash_selected(source.source, {source.selected}));
        key.add("content", digest);
    }
    return {};
}

Result<PreparedMounts> prepare_mounts(Step& step, const Run& run) {
    PreparedMounts out;
    std::vector<RunMount> mounts;
    for (const auto& text : run.mounts) {
        BERTH_ASSIGN_OR_RETURN(mounts.emplace_back(), parse_mount(step, text));
    }
    // Locks are taken in one order everywhere, so that two steps never wait for each other.
    std::stable_sort(mounts.begin(), mounts.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::set<std::string> seen;
    for (const auto& mount : mounts) {
        if (!mount.target.empty() && !seen.insert(mount.target).second)
            return wrong(mount.at, concat("two mounts have the target '", mount.target, "'"));
        switch (mount.kind) {
        case RunMount::Kind::bind:
            BERTH_TRY(prepare_bind(step, mount, out));
            break;
        case RunMount::Kind::cache:
            BERTH_TRY(prepare_cache(step, mount, out));
            break;
        case RunMount::Kind::secret:
            BERTH_TRY(prepare_secret(step, mount, out));
            break;
        case RunMount::Kind::ssh:
            BERTH_TRY(prepare_ssh(step, mount, out));
            break;
        case RunMount::Kind::tmpfs: {
            runtime::Mount made;
            made.kind = runtime::MountKind::tmpfs;
            made.target = mount.target;
            made.options = {"exec", "dev"}; // as BuildKit: builds unpack and run tools there
            if (mount.size) made.options.push_back(concat("size=", *mount.size));
            out.mounts.push_back(std::move(made));
            break;
        }
        }
        if (!mount.target.empty()) out.targets.push_back(mount.target);
    }
    return out;
}

} // namespace berth::build
