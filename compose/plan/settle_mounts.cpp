#include "compose/plan/settle_mounts.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>
#include <fcntl.h>

namespace berth::compose {

namespace {

template <class T> Result<T> with_place(Result<T> result, const SourcePos& at) {
    if (result || !at.known() || result.error().at().known()) return result;
    auto error = std::move(result).error();
    error.at(at);
    return fail(std::move(error));
}

class MountSettler {
  public:
    MountSettler(const Context& context, ContainerRequest& request, const std::optional<image::Image>& image,
                 Rollback& undo)
        : context_(context), request_(request), image_(image), undo_(undo) {}

    Status run() {
        for (const auto& mount : request_.mounts) {
            BERTH_ASSIGN_OR_RETURN(auto settled, with_place(settle(mount), mount.at));
            add(std::move(settled));
        }
        for (const auto& from : request_.volumes_from)
            BERTH_TRY(take_from(from));
        if (image_)
            for (const auto& [target, nothing] : image_->config.config.volumes)
                BERTH_TRY(add_image_volume(target));
        for (std::size_t i = 0; i < request_.files.size(); ++i)
            BERTH_TRY(add_file(request_.files[i], i));
        return {};
    }

  private:
    void add(runtime::Mount mount) { request_.spec.mounts.push_back(std::move(mount)); }
    [[nodiscard]] bool is_taken(const std::string& target) const {
        const auto clean = clean_path(target);
        const auto& mounts = request_.spec.mounts;
        return std::any_of(mounts.begin(), mounts.end(),
                           [&](const runtime::Mount& mount) { return clean_path(mount.target) == clean; });
    }

    Result<runtime::Mount> settle(const MountRequest& mount) {
        runtime::Mount out;
        out.kind = mount.kind;
        out.target = mount.target;
        out.read_only = mount.read_only;
        out.recursive = mount.recursive;
        out.propagation = mount.propagation;
        out.options = mount.options;
        out.mode = mount.mode;
        switch (mount.kind) {
        case runtime::MountKind::bind:
            BERTH_TRY(volumes::prepare_bind_source(mount.source, mount.create_host_path));
            out.source = mount.source;
            break;
        case runtime::MountKind::volume:
            BERTH_TRY(settle_volume(mount, out));
            break;
        case runtime::MountKind::image:
            BERTH_TRY(settle_image(mount, out));
            break;
        case runtime::MountKind::tmpfs:
            break;
        }
        return out;
    }

    Status settle_volume(const MountRequest& mount, runtime::Mount& out) {
        BERTH_ASSIGN_OR_RETURN(const auto volume,
                               mount.source.empty() ? anonymous(mount.target) : named(mount));
        out.name = volume.name;
        out.anonymous = mount.source.empty();
        BERTH_ASSIGN_OR_RETURN(const auto source, volumes::mount_source(context_, volume, mount.subpath));
        if (source.type == "tmpfs") {
            // Driver option type: tmpfs. Another one for each container, as Docker's local driver has it.
            out.kind = runtime::MountKind::tmpfs;
            out.options.insert(out.options.end(), source.options.begin(), source.options.end());
            return {};
        }
        if (source.type != "bind")
            return fail(
                Error(ErrorCode::unsupported, concat("volume '", volume.name, "' is a file system of type ",
                                                     source.type, ", which cannot be mounted"))
                    .hint("mount it on the host and bind it"));
        if (!mount.nocopy && mount.subpath.empty()) BERTH_TRY(fill(volume, mount.target));
        out.source = source.source;
        return {};
    }

    Result<volumes::Volume> named(const MountRequest& mount) {
        // A damaged record is no reason to fail: create() writes it anew.
        auto known = volumes::find(context_, mount.source);
        if (known && *known) return std::move(**known);
        if (known && mount.must_exist)
            return fail(
                Error(ErrorCode::not_found, concat("external volume '", mount.source, "' is not there"))
                    .hint(concat("create it with: berth volume create ", mount.source)));
        volumes::Volume wanted;
        wanted.name = mount.source;
        if (!mount.volume_driver.empty()) wanted.driver = mount.volume_driver;
        wanted.options = mount.volume_options;
        wanted.labels = mount.volume_labels;
        return volumes::create(context_, std::move(wanted));
    }

    Result<volumes::Volume> anonymous(const std::string& target) {
        if (const auto old = request_.inherited_volumes.find(clean_path(target));
            old != request_.inherited_volumes.end()) {
            auto known = volumes::find(context_, old->second);
            if (known && *known) return std::move(**known);
            if (!known) {
                volumes::Volume wanted;
                wanted.name = old->second;
                wanted.anonymous = true;
                return volumes::create(context_, std::move(wanted));
            }
        }
        BERTH_ASSIGN_OR_RETURN(auto made, volumes::create_pending(context_));
        undo_.add(
            [this_context = &context_, name = made.name] { (void)volumes::remove(*this_context, name); });
        return made;
    }

    Status fill(const volumes::Volume& volume, const std::string& target) {
        if (volume.filled || request_.spec.layers.empty()) return {};
        if (!root_) {
            BERTH_ASSIGN_OR_RETURN(root_, image::open_root(request_.spec.layers));
        }
        return volumes::copy_up(context_, volume, root_.get(), target);
    }

    Status settle_image(const MountRequest& mount, runtime::Mount& out) {
        BERTH_ASSIGN_OR_RETURN(const auto image, image::get_image(context_, mount.source));
        BERTH_ASSIGN_OR_RETURN(const auto layers, image::lower_dirs(context_, image));
        if (layers.size() != 1)
            return fail(
                Error(ErrorCode::unsupported, concat("image '", mount.source, "' cannot be mounted: it has ",
                                                     layers.size(), " layers, and only one is supported")));
        out.source = layers.front();
        out.read_only = true;
        if (!mount.subpath.empty()) {
            // The image is a stranger's: its links must not lead out of it.
            BERTH_ASSIGN_OR_RETURN(const auto root, open_directory(layers.front()));
            BERTH_ASSIGN_OR_RETURN(const auto inside, open_in_root(root.get(), mount.subpath, O_PATH));
            BERTH_ASSIGN_OR_RETURN(out.source, read_link(concat("/proc/self/fd/", inside.get())));
        }
        return {};
    }

    // Volumes and binds of another container, where this one has nothing of its own.
    Status take_from(const std::string& text) {
        const auto colon = text.find(':');
        const auto mode = colon == std::string::npos ? std::string() : text.substr(colon + 1);
        if (!mode.empty() && mode != "ro" && mode != "rw" && mode != "z" && mode != "Z")
            return fail(ErrorCode::invalid_input, concat("volumes_from mode '", mode, "' is not ro or rw"));
        BERTH_ASSIGN_OR_RETURN(const auto other, runtime::get_container(context_, text.substr(0, colon)));
        for (auto mount : other.spec.mounts) {
            const bool wanted =
                mount.kind == runtime::MountKind::volume || mount.kind == runtime::MountKind::bind;
            if (!wanted || is_taken(mount.target)) continue;
            if (mode == "ro") mount.read_only = true;
            mount.anonymous = false; // it goes with the container that made it
            add(std::move(mount));
        }
        return {};
    }

    Status add_image_volume(const std::string& target) {
        if (is_taken(target)) return {};
        MountRequest mount;
        mount.target = target;
        BERTH_ASSIGN_OR_RETURN(auto settled, settle(mount));
        add(std::move(settled));
        return {};
    }

    Status add_file(const FileRequest& file, std::size_t index) {
        std::string content = file.content;
        if (!file.host_file.empty()) {
            BERTH_ASSIGN_OR_RETURN(content, with_place(read_file(file.host_file), file.at));
        }
        const auto directory = content_dir(context_, request_.spec.id);
        if (index == 0) {
            BERTH_TRY(make_dirs(directory));
            undo_.add([directory] { (void)remove_tree(directory); });
        }
        runtime::Mount mount;
        mount.kind = runtime::MountKind::bind;
        mount.target = file.target;
        mount.read_only = true;
        BERTH_ASSIGN_OR_RETURN(mount.source, volumes::write_content_file(directory, concat(index), content,
                                                                         file.uid, file.gid, file.mode));
        add(std::move(mount));
        return {};
    }

    const Context& context_;
    ContainerRequest& request_;
    const std::optional<image::Image>& image_;
    Rollback& undo_;
    Fd root_; // the image's merged content, opened when first needed
};

} // namespace

Status settle_mounts(const Context& context, ContainerRequest& request,
                     const std::optional<image::Image>& image, Rollback& undo) {
    return MountSettler(context, request, image, undo).run();
}

std::string content_dir(const Context& context, const std::string& id) {
    return concat(context.paths.content(), "/", id);
}

Result<FileLock> lock_content(const Context& context) {
    BERTH_TRY(make_dirs(context.paths.content()));
    return FileLock::acquire(context.paths.content() + "/.lock", true);
}

Status sweep_content(const Context& context) {
    if (!is_directory(context.paths.content())) return {};
    BERTH_ASSIGN_OR_RETURN(const auto idle, FileLock::try_acquire(context.paths.content() + "/.lock"));
    if (!idle) return {};
    BERTH_ASSIGN_OR_RETURN(const auto ids, list_dir(context.paths.content()));
    ErrorList failed;
    for (const auto& id : ids)
        if (!id.starts_with(".") && !path_exists(context.paths.container(id)))
            failed.push(remove_tree(content_dir(context, id)));
    return std::move(failed).take();
}

} // namespace berth::compose
