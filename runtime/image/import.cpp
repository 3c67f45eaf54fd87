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

Result<ImageConfig> base_config(const std::vector<std::string>& changes, const std::string& message) {
    ImageConfig config;
    config.created = to_rfc3339(wall_now());
    const Platform host = host_platform();
    config.architecture = host.architecture;
    config.variant = host.variant;
    config.os = "linux";
    BERTH_TRY(apply_changes(config.config, changes));
    HistoryEntry history;
    history.created = config.created;
    history.comment = message.empty() ? "imported" : message;
    config.history.push_back(std::move(history));
    return config;
}

Result<Image> finish_import(const Context& context, LayerIngest& layer, ImageConfig config,
                            const std::string& reference) {
    BERTH_ASSIGN_OR_RETURN(const LayerRecord record, layer.keep(""));
    config.rootfs.diff_ids = {record.diff_id};
    return add_image(context, config, reference);
}

// Before the work: a wrong name or change must not cost a minute first.
Status check_reference(const std::string& reference) {
    if (reference.empty()) return {};
    BERTH_TRY(parse_reference(reference));
    return {};
}

} // namespace

Result<Image> import_archive(const Context& context, int fd, const std::string& reference,
                             const std::vector<std::string>& changes, const std::string& message) {
    BERTH_TRY(check_reference(reference));
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, base_config(changes, message));
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const auto layer, LayerIngest::start(context, LayerInput::file));
    FdSource source(fd);
    BERTH_TRY(pump(source, *layer));
    BERTH_TRY(layer->finish());
    if (layer->unpacked().entries == 0) return fail(ErrorCode::invalid_input, "the archive is empty");
    return finish_import(context, *layer, std::move(config), reference);
}

Result<Image> import_directory(const Context& context, const std::string& directory,
                               const std::string& reference, const std::vector<std::string>& changes,
                               const std::string& message) {
    BERTH_TRY(check_reference(reference));
    BERTH_ASSIGN_OR_RETURN(ImageConfig config, base_config(changes, message));
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const Fd tree, open_file(directory, O_RDONLY | O_DIRECTORY));
    BERTH_ASSIGN_OR_RETURN(const auto layer, LayerIngest::start(context, LayerInput::own_tar));
    TarWriter writer(*layer);
    TreeTarOptions options;
    options.one_file_system = true; // a debootstrap's proc and sys may still be mounted
    BERTH_TRY(write_tree(tree.get(), writer, options));
    BERTH_TRY(writer.finish());
    BERTH_TRY(layer->finish());
    return finish_import(context, *layer, std::move(config), reference);
}

Status export_tree(int root, int out_fd) {
    FdSink out(out_fd, "the archive");
    TarWriter writer(out);
    BERTH_TRY(write_tree(root, writer, {}));
    return writer.finish();
}

} // namespace berth::image
