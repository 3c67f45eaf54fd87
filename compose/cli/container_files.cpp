#include "compose/cli/container_files.hpp"

#include "compose/cli/project.hpp"
#include "compose/plan/container_view.hpp"
#include "compose/plan/copy_files.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/output_file.hpp"
#include "runtime/container/running_root.hpp"
#include "runtime/container/users.hpp"
#include "runtime/image/archive.hpp"

#include <unistd.h>

namespace berth::cli {

namespace {

Result<Fd> own_root(const Context& context, const runtime::Container& container) {
    if (container.state.status == runtime::Status::running ||
        container.state.status == runtime::Status::paused)
        return runtime::open_running_root(container);
    if (!container.spec.rootfs.empty()) return open_directory(container.spec.rootfs);
    std::vector<std::string> layers{join_path(context.paths.container(container.spec.id), "upper")};
    layers.insert(layers.end(), container.spec.layers.begin(), container.spec.layers.end());
    return image::open_root(layers);
}

// A path of this machine, whole, with the "/" or "/." at its end that says what is meant.
std::string local_path(const std::string& path) {
    auto out = absolute_path(path, current_folder());
    if (path == "." || path.ends_with("/."))
        out += out == "/" ? "." : "/.";
    else if (path.ends_with('/') && out != "/")
        out += '/';
    return out;
}

Status check_destination(const std::string& path) {
    const std::string parent(dir_name(clean_path(path)));
    if (is_directory(path) || is_directory(parent)) return {};
    return fail(ErrorCode::invalid_input,
                concat("invalid output path: directory \"", parent, "\" does not exist"));
}

// What -a means to a container with a user: his is what is copied in.
Result<std::optional<std::pair<std::uint32_t, std::uint32_t>>> owner_inside(int root,
                                                                            const std::string& user) {
    std::optional<std::pair<std::uint32_t, std::uint32_t>> out;
    if (user.empty()) return out;
    BERTH_ASSIGN_OR_RETURN(const auto files, runtime::read_user_files(root));
    BERTH_ASSIGN_OR_RETURN(const auto resolved, runtime::resolve_user(files, user, {}));
    out.emplace(resolved.uid, resolved.gid);
    return out;
}

} // namespace

Status export_container(const Context& context, const runtime::Container& container,
                        const std::string& output) {
    BERTH_ASSIGN_OR_RETURN(const auto root, own_root(context, container));
    BERTH_ASSIGN_OR_RETURN(auto file, OutputFile::open(output));
    BERTH_TRY(image::export_tree(root.get(), file.fd()));
    return file.commit();
}

void declare_copy(Flags& flags, CopyFlags& into) {
    flags.toggle("-a,--archive", into.archive, "Archive mode (copy all uid/gid information)");
    flags.toggle("-L,--follow-link", into.follow_link, "Always follow symbol link in SRC_PATH");
    flags.arguments(into.words, 2, 2);
}

CopyWord parse_copy_word(const std::string& word) {
    const auto colon = word.find(':');
    if (word.starts_with('/') || word.starts_with('.') || colon == std::string::npos) return {"", word};
    return {word.substr(0, colon), word.substr(colon + 1)};
}

Result<CopyJob> parse_copy(const std::vector<std::string>& words, std::string_view kind) {
    if (words[0].empty()) return fail(ErrorCode::failed, "source can not be empty");
    if (words[1].empty()) return fail(ErrorCode::failed, "destination can not be empty");
    CopyJob out{parse_copy_word(words[0]), parse_copy_word(words[1])};
    if (!out.from.container.empty() && !out.to.container.empty())
        return fail(ErrorCode::failed, concat("copying between ", kind, "s is not supported"));
    if (out.container().empty())
        return fail(
            Error(ErrorCode::failed, concat("must specify at least one ", kind, " source"))
                .hint(concat("write ", kind == "container" ? "CONTAINER" : "SERVICE", ":PATH on one side")));
    return out;
}

Result<std::int64_t> run_copy(const Context& context, const runtime::Container& container, const CopyJob& job,
                              const CopyFlags& flags) {
    const auto inside = concat("container ", container.spec.name);
    const bool in = job.into_container();
    const auto& outside = in ? job.from.path : job.to.path;
    const bool stream = outside == "-";
    if (!in && stream && ui::is_terminal(STDOUT_FILENO))
        return fail(Error(ErrorCode::usage, "cowardly refusing to write an archive to a terminal")
                        .hint("redirect the output"));
    if (!in && !stream) BERTH_TRY(check_destination(local_path(outside)));
    BERTH_ASSIGN_OR_RETURN(const auto view, compose::open_container_view(context, container.spec.id));
    BERTH_ASSIGN_OR_RETURN(const Fd here, open_directory("/"));
    const auto& there = in ? job.to.path : job.from.path;
    const compose::CopySide container_side{view.root.get(), there.starts_with('/') ? there : "/" + there,
                                           inside};
    const compose::CopySide local_side{here.get(), stream ? "" : local_path(outside), ""};
    compose::CopyOptions options;
    options.follow_link = flags.follow_link;
    if (!in) {
        if (stream) {
            BERTH_TRY(compose::copy_to_tar(container_side, flags.follow_link, STDOUT_FILENO));
            return 0;
        }
        options.owner.emplace(::geteuid(), ::getegid()); // nobody here knows the container's users
        return compose::copy_files(container_side, local_side, options);
    }
    if (container.spec.read_only) {
        // Told before anything is read; a volume that can be written to is another matter.
        bool in_volume = false;
        for (const auto& mount : container.spec.mounts)
            in_volume = in_volume ||
                        (clean_path(container_side.path) + "/").starts_with(clean_path(mount.target) + "/");
        if (!in_volume) return fail(ErrorCode::invalid_input, "container rootfs is marked read-only");
    }
    if (flags.archive) {
        BERTH_ASSIGN_OR_RETURN(options.owner, owner_inside(view.root.get(), container.spec.user));
    }
    if (!stream) return compose::copy_files(local_side, container_side, options);
    BERTH_TRY(compose::copy_from_tar(STDIN_FILENO, container_side, options));
    return 0;
}

} // namespace berth::cli
