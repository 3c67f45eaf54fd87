// An overlay's upper folder as a layer. Where the folder may be moved, its canonical tar is only digested, never
// written.
#include "runtime/image/layer_store.hpp"
#include "runtime/image/store.hpp"
#include "runtime/image/tree_tar.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::image {

Result<NewLayer> commit_layer(const Context& context, const std::string& upper_dir,
                              const std::string& parent_chain, std::int64_t epoch) {
    if (!parent_chain.empty() && !is_digest(parent_chain))
        return fail(ErrorCode::invalid_input, concat("'", parent_chain, "' is not a chain id"));
    LayerRecord record;
    record.parent = parent_chain;
    {
        BERTH_ASSIGN_OR_RETURN(const Fd tree, open_file(upper_dir, O_RDONLY | O_DIRECTORY));
        DigestSink digest(nullptr);
        TarWriter writer(digest);
        TreeTarOptions options;
        options.whiteouts = true;
        options.epoch = epoch;
        options.set_times = epoch >= 0;
        BERTH_ASSIGN_OR_RETURN(const TreeTarResult walked, write_tree(tree.get(), writer, options));
        BERTH_TRY(writer.finish());
        record.size = walked.size;
        record.entries = walked.entries;
        record.tar_size = digest.size();
        record.diff_id = digest.digest();
    }
    record.chain_id = chain_on(parent_chain, record.diff_id);
    BERTH_ASSIGN_OR_RETURN(Staging staging, Staging::make(context));
    const std::string folder = staging.path() + "/layer";
    BERTH_TRY(make_dir(folder, 0700));
    if (::rename(upper_dir.c_str(), (folder + "/diff").c_str()) != 0)
        return fail_errno(concat("move '", upper_dir, "' into the image store"));
    BERTH_TRY(publish_layer(context, staging, "layer", record));
    return new_layer(context, record);
}

Lookup<NewLayer> copy_layer(const Context& context, const std::string& upper_dir,
                            const std::string& parent_chain,
                            const std::function<bool(const std::string& path)>& skip) {
    clean_staging(context);
    BERTH_ASSIGN_OR_RETURN(const Fd tree, open_file(upper_dir, O_RDONLY | O_DIRECTORY));
    BERTH_ASSIGN_OR_RETURN(const auto ingest, LayerIngest::start(context, LayerInput::own_tar));
    TarWriter writer(*ingest);
    TreeTarOptions options;
    options.whiteouts = true;
    options.skip = skip;
    BERTH_TRY(write_tree(tree.get(), writer, options));
    BERTH_TRY(writer.finish());
    BERTH_TRY(ingest->finish());
    if (ingest->unpacked().entries == 0) return std::nullopt;
    BERTH_ASSIGN_OR_RETURN(const LayerRecord record, ingest->keep(parent_chain));
    return new_layer(context, record);
}

} // namespace berth::image
