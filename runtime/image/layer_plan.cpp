#include "runtime/image/layer_plan.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/side_by_side.hpp"
#include "runtime/image/layer_lock.hpp"

#include <algorithm>
#include <mutex>
#include <optional>

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
    // Of a layer that is wanted here: what others have made of it meanwhile, or what is being made of it by us, under its lock.
    struct Making {
        std::optional<LayerLock> lock;
        std::unique_ptr<LayerIngest> ingest;
        bool there = false;
    };
    std::vector<Making> makings(chains.size());
    std::mutex mutex;        // guards what follows, and makings
    std::size_t to_keep = 0; // index into missing: layers are kept bottom first
    const auto keep_in_order = [&]() -> Status {
        for (; to_keep < missing.size(); ++to_keep) {
            const auto i = missing[to_keep];
            auto& making = makings[i];
            if (!making.there && making.ingest == nullptr) return {};
            if (making.ingest != nullptr) {
                BERTH_TRY(making.ingest->keep(i == 0 ? "" : chains[i - 1]));
                making.ingest.reset();
                context.progress->finish(sources[i].label,
                                         doing == "Downloading" ? "Pull complete" : "Loaded", true);
            }
            making.lock.reset();
        }
        return {};
    };
    // Locks are taken from the bottom up, and whoever waits for one holds only lower ones, which wait for nobody above.
    const auto make_layer = [&](std::size_t i) -> Status {
        BERTH_ASSIGN_OR_RETURN(auto lock, LayerLock::acquire(context, chains[i]));
        BERTH_ASSIGN_OR_RETURN(const bool there, lease_layer(context, chains[i]));
        std::unique_ptr<LayerIngest> ingest;
        if (there) {
            context.progress->finish(sources[i].label, "Already exists", true);
        } else {
            BERTH_ASSIGN_OR_RETURN(ingest, ingest_layer(context, sources[i], diff_ids[i], doing));
        }
        const std::lock_guard guard(mutex);
        makings[i].there = there;
        makings[i].ingest = std::move(ingest);
        makings[i].lock.emplace(std::move(lock));
        return keep_in_order();
    };
    return side_by_side(missing.size(), k_parallel, [&](std::size_t at) -> Status {
        auto made = make_layer(missing[at]);
        if (!made) context.progress->finish(sources[missing[at]].label, "Error", false);
        return made;
    });
}

} // namespace berth::image
