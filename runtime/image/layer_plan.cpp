#include "runtime/image/layer_plan.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/side_by_side.hpp"

#include <algorithm>
#include <mutex>

namespace berth::image {

namespace {

// Decompressing and digesting are bound by the processor, and writing by the disk: two are enough to keep
// both busy.
constexpr std::size_t k_parallel = 2;
constexpr std::int64_t k_progress_step = 1 << 20;

// Tells the progress how far a layer is, and passes the bytes on.
class Reporter : public ByteSink {
  public:
    Reporter(const Context& context, const LayerSource& source, std::string_view doing, ByteSink& next)
        : context_(context), source_(source), doing_(doing), next_(next) {}
    Status write(std::string_view bytes) override {
        done_ += static_cast<std::int64_t>(bytes.size());
        if (done_ - reported_ >= k_progress_step) {
            reported_ = done_;
            context_.progress->update(source_.label, std::string(doing_), done_,
                                      std::max<std::int64_t>(source_.blob_size, 0));
        }
        return next_.write(bytes);
    }

  private:
    const Context& context_;
    const LayerSource& source_;
    std::string_view doing_;
    ByteSink& next_;
    std::int64_t done_ = 0;
    std::int64_t reported_ = 0;
};

Status verify(const LayerSource& source, const LayerIngest& ingest, const std::string& diff_id) {
    if (!source.blob_digest.empty() && source.blob_size >= 0 && ingest.blob_size() != source.blob_size)
        return fail(ErrorCode::invalid_input,
                    concat("layer ", source.blob_digest, " has ", ingest.blob_size(),
                           " bytes, its manifest says ", source.blob_size));
    if (!source.blob_digest.empty() && ingest.blob_digest() != source.blob_digest)
        return fail(ErrorCode::invalid_input, concat("layer ", source.blob_digest,
                                                     " is damaged: its digest is ", ingest.blob_digest()));
    if (ingest.diff_id() != diff_id)
        return fail(ErrorCode::invalid_input,
                    concat("layer ", source.label, " is not the one of the image's configuration (", diff_id,
                           ", found ", ingest.diff_id(), ")"));
    return {};
}

Result<std::unique_ptr<LayerIngest>> ingest_layer(const Context& context, const LayerSource& source,
                                                  const std::string& diff_id, std::string_view doing) {
    context.progress->update(source.label, std::string(doing), 0,
                             std::max<std::int64_t>(source.blob_size, 0));
    BERTH_ASSIGN_OR_RETURN(
        auto ingest,
        LayerIngest::start(context, source.blob_digest.empty() ? LayerInput::file : LayerInput::blob));
    Reporter reporter(context, source, doing, *ingest);
    BERTH_TRY(source.send(reporter));
    BERTH_TRY(ingest->finish());
    BERTH_TRY(verify(source, *ingest, diff_id));
    return ingest;
}

} // namespace

Status store_layers(const Context& context, const std::vector<std::string>& diff_ids,
                    const std::vector<LayerSource>& sources, std::string_view doing) {
    if (diff_ids.size() != sources.size())
        return fail(ErrorCode::invalid_input, concat("image has ", sources.size(),
                                                     " layers, its configuration lists ", diff_ids.size()));
    const auto chains = chain_ids(diff_ids);
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < chains.size(); ++i) {
        BERTH_ASSIGN_OR_RETURN(const bool there, lease_layer(context, chains[i]));
        if (there)
            context.progress->finish(sources[i].label, "Already exists", true);
        else
            missing.push_back(i);
    }
    std::vector<std::unique_ptr<LayerIngest>> ready(chains.size());
    std::mutex mutex;        // guards what follows, and ready
    std::size_t to_keep = 0; // index into missing: layers are kept bottom first
    const auto keep_in_order = [&]() -> Status {
        while (to_keep < missing.size() && ready[missing[to_keep]] != nullptr) {
            const auto i = missing[to_keep];
            BERTH_ASSIGN_OR_RETURN(const LayerRecord record, ready[i]->keep(i == 0 ? "" : chains[i - 1]));
            ready[i].reset();
            context.progress->finish(sources[i].label, doing == "Downloading" ? "Pull complete" : "Loaded",
                                     true);
            ++to_keep;
        }
        return {};
    };
    return side_by_side(missing.size(), k_parallel, [&](std::size_t at) -> Status {
        const auto i = missing[at];
        auto ingest = ingest_layer(context, sources[i], diff_ids[i], doing);
        Status status;
        if (ingest) {
            const std::lock_guard lock(mutex);
            ready[i] = std::move(*ingest);
            status = keep_in_order();
        } else {
            status = fail(std::move(ingest).error());
        }
        if (!status) context.progress->finish(sources[i].label, "Error", false);
        return status;
    });
}

} // namespace berth::image
