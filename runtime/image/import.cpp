// A root file system as a one-layer image, from a tar or from a folder.
#include "runtime/base/clock.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/changes.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/platform.hpp"
#include "runtime/image/tree_tar.hpp"

#include <fcntl.h>

namespace berth::image {

namespace {

// Before the work: a wrong name or change must not cost a minute first.
Result<ImageConfig> base_config(const ImportOptions& options) {
    if (!options.reference.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto reference, parse_reference(options.reference));
        if (!reference.digest.empty())
            return fail(Error(ErrorCode::invalid_input,
                              concat("'", options.reference, "' is a digest, which nobody can choose"))
                            .hint("give the image a tag"));
    }
    ImageConfig config;
    config.created = to_rfc3339(wall_now());
    BERTH_ASSIGN_OR_RETURN(const Platform platform, parse_platform(options.platform));
    config.architecture = platform.architecture;
    config.variant = platform.variant;
    config.os = platform.os;
    BERTH_TRY(apply_changes(config.config, options.changes));
    HistoryEntry history;
    history.created = config.created;
    history.comment = options.message.empty() ? "imported" : options.message;
    config.history.push_back(std::move(history));
    return config;
}

Result<Image> finish_import(const Context& context, LayerIngest& layer, ImageConfig config,
                            const std::string& reference) {
    BERTH_ASSIGN_OR_RETURN(const LayerRecord record, layer.keep(""));
    config.rootfs.diff_ids = {record.diff_id};
    return add_image(context, config, reference);
}

} // namespace

Result<Image> import_archive(const Context& context, int fd, const ImportOptions& options) {
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, base_config(options));
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const auto layer, LayerIngest::start(context, LayerInput::file));
    FdSource source(fd);
    BERTH_TRY(pump(source, *layer));
    BERTH_TRY(layer->finish());
    // The archive becomes the layer as it is, and docker and podman refuse such an entry.
    if (const auto& name = layer->unpacked().first_old_gnu_sparse; !name.empty())
        return fail(
            Error(ErrorCode::unsupported,
                  concat("'", name.substr(0, 200),
                         "' is stored as a sparse file of the old GNU kind, which other engines cannot read"))
                .hint("make the archive without --sparse, or with --format=pax"));
    if (layer->unpacked().entries == 0) return fail(ErrorCode::invalid_input, "the archive is empty");
    return finish_import(context, *layer, std::move(config), options.reference);
}

Result<Image> import_directory(const Context& context, const std::string& directory,
                               const ImportOptions& import) {
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, base_config(import));
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const Fd tree, open_file(directory, O_RDONLY | O_DIRECTORY));
    BERTH_ASSIGN_OR_RETURN(const auto layer, LayerIngest::start(context, LayerInput::own_tar));
    TarWriter writer(*layer);
    TreeTarOptions options;
    options.one_file_system = true; // a debootstrap's proc and sys may still be mounted
    BERTH_TRY(write_tree(tree.get(), writer, options));
    BERTH_TRY(writer.finish());
    BERTH_TRY(layer->finish());
    return finish_import(context, *layer, std::move(config), import.reference);
}

Status export_tree(int root, int out_fd) {
    FdSink out(out_fd, "the archive");
    TarWriter writer(out);
    BERTH_TRY(write_tree(root, writer, {}));
    return writer.finish();
}

} // namespace berth::image
