// What all steps that make layers share: cache look-up, the upper folder, taking it into the store; and
// WORKDIR.
#include "runtime/build/engine.hpp"
#include "runtime/build/overlay.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/log.hpp"
#include "runtime/container/users.hpp"
#include "runtime/image/layer_store.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

namespace berth::build {

namespace {

void adopt(Step& step, const StepRecord& record, const std::string& created_by) {
    auto& state = step.state;
    state.created = record.created;
    if (!record.empty) {
        state.layers.insert(state.layers.begin(), record.directory);
        state.chain = record.chain_id;
        state.config.rootfs.diff_ids.push_back(record.diff_id);
    }
    add_history(state, created_by, record.created, record.empty);
}

// Nothing in it and no attribute of its own: the step changed nothing.
Result<bool> is_untouched(const std::string& upper) {
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(upper));
    return names.empty();
}

// Whether a layer of COPY --link would look the same if it were made on top of these layers.
Result<bool> fits(const Step& step, const StepRecord& record) {
    if (!record.link) return false;
    BERTH_ASSIGN_OR_RETURN(const Fd below,
                           open_readable_root(step.state.layers, step.env.scratch + "/empty"));
    BERTH_ASSIGN_OR_RETURN(const Fd layer, open_directory(record.directory));
    const auto is_alike = [&](const std::string& path, bool may_be_missing) {
        const auto there = open_folder_below(below.get(), path), here = open_folder_below(layer.get(), path);
        if (!there) return may_be_missing;
        struct stat a {
        }, b{};
        return here && ::fstat(there->get(), &a) == 0 && ::fstat(here->get(), &b) == 0 &&
               a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
    };
    const auto& [taken, made_new] = *record.link;
    return std::all_of(taken.begin(), taken.end(), [&](const auto& path) { return is_alike(path, false); }) &&
           std::all_of(made_new.begin(), made_new.end(),
                       [&](const auto& path) { return is_alike(path, true); });
}

// COPY --link: the layer was made for other layers below; here it is on top of ours. Nothing: it has to be
// made anew.
std::optional<StepRecord> on_this_parent(const Step& step, StepRecord record) {
    if (record.empty || record.parent == step.state.chain) return record;
    if (const auto good = fits(step, record); !good || !*good) return std::nullopt;
    const auto moved = image::rebase_layer(step.env.context, record.chain_id, step.state.chain);
    if (!moved) {
        log::debug("build cache: {}", moved.error().to_string());
        return std::nullopt;
    }
    record.parent = step.state.chain;
    record.chain_id = moved->chain_id;
    record.directory = moved->directory;
    return record;
}

Result<StepRecord> make_layer(Step& step, const std::function<Status(LayerMaker&)>& make, bool& cacheable) {
    const auto& env = step.env;
    BERTH_ASSIGN_OR_RETURN(const TempDir folder, TempDir::make(env.scratch, "step-"));
    LayerMaker maker;
    maker.upper = folder.path() + "/upper";
    maker.work = folder.path() + "/work";
    BERTH_TRY(make_dir(maker.upper, 0755));
    BERTH_TRY(make_dir(maker.work, 0700));
    BERTH_TRY(make(maker));
    StepRecord record;
    record.parent = step.state.chain;
    record.created = now_text(env);
    record.instruction = step.instruction.name + " " + step.instruction.text;
    record.link = std::move(maker.link);
    cacheable = maker.cacheable;
    BERTH_ASSIGN_OR_RETURN(record.empty, is_untouched(maker.upper));
    if (!record.empty) {
        auto layer = image::commit_layer(env.context, maker.upper, step.state.chain, env.epoch);
        if (maker.release) maker.release();
        if (!layer) return fail(std::move(layer).error());
        record.diff_id = layer->diff_id;
        record.chain_id = layer->chain_id;
        record.directory = layer->directory;
        record.size = layer->size;
    } else if (maker.release) {
        maker.release();
    }
    return record;
}

} // namespace

Result<CopyOwner> resolve_owner(int root, const std::string& text) {
    const auto user = text.substr(0, text.find(':'));
    const bool number = !user.empty() && user.find_first_not_of("0123456789") == std::string::npos;
    BERTH_ASSIGN_OR_RETURN(const auto files, runtime::read_user_files(root));
    BERTH_ASSIGN_OR_RETURN(
        const auto resolved,
        runtime::resolve_user(files, number && user == text ? concat(user, ":", user) : text, {}));
    return CopyOwner{resolved.uid, resolved.gid};
}

std::string now_text(const BuildEnv& env) {
    if (env.epoch >= 0) { // whole seconds without a fraction, as BuildKit writes them
        const auto text = to_rfc3339({env.epoch, 0});
        return text.substr(0, text.find('.')) + "Z";
    }
    return to_rfc3339(wall_now());
}

Result<StepOutcome> cached_layer(Step& step, const std::string& key, const std::string& second_key,
                                 const std::string& created_by,
                                 const std::function<Status(LayerMaker&)>& make) {
    const auto& cache = step.env.cache;
    const auto& unwanted = step.env.request.no_cache_stages;
    const bool read = unwanted.empty() || !unwanted.contains(step.env.graph.stages[step.stage].name);
    const auto hit = [&]() -> Result<std::optional<StepRecord>> {
        if (!read) return std::optional<StepRecord>();
        if (auto record = cache.find(key)) return on_this_parent(step, std::move(*record));
        if (second_key.empty()) return std::optional<StepRecord>();
        auto record = cache.find(second_key);
        if (!record) return record;
        BERTH_TRY(cache.store(key, *record));
        return on_this_parent(step, std::move(*record));
    };
    const auto take = [&](const StepRecord& taken) {
        adopt(step, taken, created_by);
        step.env.note_step(step.stage, key, taken);
        if (!second_key.empty()) step.env.note_step(step.stage, second_key, taken);
    };
    BERTH_ASSIGN_OR_RETURN(auto record, hit());
    if (record) {
        take(*record);
        return StepOutcome{true, record->empty};
    }
    // Another build may be at this very step: then its layer is ours.
    BERTH_ASSIGN_OR_RETURN(const FileLock lock, cache.lock(second_key.empty() ? key : second_key));
    BERTH_ASSIGN_OR_RETURN(record, hit());
    if (record) {
        take(*record);
        return StepOutcome{true, record->empty};
    }
    bool cacheable = true;
    BERTH_ASSIGN_OR_RETURN(const StepRecord made, make_layer(step, make, cacheable));
    if (cacheable) {
        BERTH_TRY(cache.store(key, made));
        if (!second_key.empty()) BERTH_TRY(cache.store(second_key, made));
        take(made);
    } else {
        adopt(step, made, created_by);
    }
    return StepOutcome{false, made.empty};
}

Result<StepOutcome> workdir_step(Step& step) {
    const auto& value = std::get<Value>(step.instruction.body);
    auto& config = step.state.config.config;
    BERTH_ASSIGN_OR_RETURN(const std::string text, step.expand(value.text));
    if (text.empty()) { // as in Docker: nothing to go to, so the stage stays where it is
        add_history(step.state, "WORKDIR", step.state.created, true);
        return StepOutcome{true, true};
    }
    const auto path = absolute_path(text, config.working_dir.empty() ? "/" : config.working_dir);
    config.working_dir = path;
    KeyBuilder key;
    key.add("step", "WORKDIR").add("parent", step.state.chain).add("path", path).add("user", config.user);
    key.add("epoch", concat(step.env.epoch));
    return cached_layer(step, key.finish(), "", "WORKDIR " + path, [&](LayerMaker& maker) -> Status {
        BERTH_ASSIGN_OR_RETURN(const Fd root,
                               open_writable_root(step.state.layers, maker.upper, maker.work, false));
        if (open_in_root(root.get(), path, O_PATH | O_DIRECTORY | O_CLOEXEC)) return {};
        CopyOptions options; // the stage's user owns all that is missing on the way
        if (!config.user.empty()) {
            auto owner = resolve_owner(root.get(), config.user);
            if (!owner) return fail(std::move(owner).error().at(step.instruction.at));
            options.owner = *owner;
        }
        if (auto made = make_owned_folders(root.get(), path, options); !made)
            return fail(std::move(made).error().at(value.text.at));
        return {};
    });
}

} // namespace berth::build
