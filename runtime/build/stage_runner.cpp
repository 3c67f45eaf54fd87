#include "runtime/build/stage_runner.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/outcome.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/image_store.hpp"

#include <algorithm>
#include <chrono>

namespace berth::build {

namespace {

constexpr const char* k_default_path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::size_t k_shown = 160; // bytes of an instruction in a progress line

// Whether it has a progress line: whatever may make a layer.
bool is_step(const Instruction& instruction) {
    const auto* value = std::get_if<Value>(&instruction.body);
    return std::holds_alternative<Run>(instruction.body) || std::holds_alternative<Copy>(instruction.body) ||
           (value != nullptr && value->kind == Value::Kind::workdir);
}

std::string shown(const Instruction& instruction) {
    auto text = instruction.name + " " + instruction.text;
    for (char& c : text)
        if (c == '\n' || c == '\t') c = ' ';
    if (text.size() <= k_shown) return text;
    auto end = k_shown;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end; // not in the middle of a character
    return text.substr(0, end) + "...";
}

std::size_t count_steps(const std::vector<const Instruction*>& steps) {
    return static_cast<std::size_t>(
        std::count_if(steps.begin(), steps.end(), [](const auto* one) { return is_step(*one); }));
}

} // namespace

StageRunner::StageRunner(Input input)
    : in_(std::move(input)), env_{in_.context,
                                  in_.request,
                                  in_.file,
                                  in_.graph,
                                  in_.main_context,
                                  in_.cache,
                                  in_.platform,
                                  in_.epoch,
                                  in_.scratch,
                                  stop_,
                                  [this](const std::string& name, std::size_t before) {
                                      return find_root(name, before);
                                  },
                                  [this](const std::string& name) {
                                      const std::lock_guard lock(mutex_);
                                      used_args_.insert(name);
                                  },
                                  in_.note_step},
      contexts_given_(in_.contexts) {
    for (const auto& instruction : in_.file.instructions) {
        if (std::holds_alternative<From>(instruction.body)) break;
        if (const auto* arg = std::get_if<Arg>(&instruction.body))
            for (const auto& item : arg->items)
                used_args_.insert(item.name);
    }
}

StageRunner::~StageRunner() {
    stop_ = true;
    for (auto& [index, future] : stages_)
        future.wait();
}

std::set<std::string> StageRunner::used_args() {
    const std::lock_guard lock(mutex_);
    return used_args_;
}

Result<StageState> StageRunner::run() {
    for (const auto index : in_.graph.needed)
        start(index);
    auto outcome = stage(in_.graph.target);
    // All threads end before the outcome is told: one of them has the error that stopped the others.
    for (const auto index : in_.graph.needed)
        (void)stage(index);
    const std::lock_guard lock(mutex_);
    if (in_.context.is_cancelled()) return fail(ErrorCode::interrupted, "the build was interrupted");
    if (first_error_) return fail(*first_error_);
    return outcome;
}

void StageRunner::start(std::size_t index) {
    const std::lock_guard lock(mutex_);
    if (stages_.contains(index)) return;
    stages_[index] = std::async(std::launch::async, [this, index]() -> Outcome {
                         auto outcome = run_stage(index);
                         if (!outcome) {
                             const std::lock_guard guard(mutex_);
                             if (!first_error_ && !stop_) first_error_ = outcome.error();
                             stop_ = true;
                         }
                         return outcome;
                     }).share();
}

StageRunner::Outcome StageRunner::stage(std::size_t index) {
    start(index);
    std::shared_future<Outcome> future;
    {
        const std::lock_guard lock(mutex_);
        future = stages_.at(index);
    }
    return future.get();
}

std::string StageRunner::key_of(const Stage& stage, const std::string& text, std::size_t number,
                                std::size_t total) const {
    std::string label = in_.request.name;
    // With one stage that has no name, its number would be noise.
    if (in_.graph.stages.size() > 1 || !stage.name.empty()) label += (label.empty() ? "" : " ") + stage.label;
    return concat("[", label, label.empty() ? "" : " ", number, "/", total, "] ", text);
}

Result<StageState> StageRunner::run_stage(std::size_t index) {
    const auto& stage = in_.graph.stages[index];
    const auto own_steps = count_steps(stage.steps);
    const auto from_key = key_of(stage, shown(*stage.from), 1, own_steps + 1);
    in_.context.progress->update(from_key, "", 0, 0);
    ++steps_;
    auto base = open_base(stage);
    if (!base) {
        in_.context.progress->finish(from_key, outcome_of(base), false);
        auto error = std::move(base).error();
        if (!error.at().known()) error.at(std::get<From>(stage.from->body).image.at);
        return fail(std::move(error));
    }
    ++cached_;
    in_.context.progress->finish(from_key, "DONE", true);
    StageState state = std::move(*base);
    std::vector<Instruction> triggers;
    BERTH_TRY(expand_triggers(stage, state, triggers));
    std::vector<const Instruction*> steps;
    for (const auto& trigger : triggers)
        steps.push_back(&trigger);
    steps.insert(steps.end(), stage.steps.begin(), stage.steps.end());
    std::size_t number = 1;
    BERTH_TRY(run_steps(stage, state, steps, number, count_steps(steps) + 1));
    return state;
}

Status StageRunner::run_steps(const Stage& stage, StageState& state,
                              const std::vector<const Instruction*>& steps, std::size_t& number,
                              std::size_t total) {
    for (const auto* instruction : steps) {
        if (env_.cancelled()) return fail(ErrorCode::interrupted, "the build was stopped");
        BERTH_TRY(run_one(stage, state, *instruction, number, total));
    }
    return {};
}

Status StageRunner::run_one(const Stage& stage, StageState& state, const Instruction& instruction,
                            std::size_t& number, std::size_t total) {
    Step step{env_, state, instruction, stage.index, {}};
    if (!is_step(instruction)) return apply_metadata(step);
    step.key = key_of(stage, shown(instruction), ++number, total);
    auto& progress = *in_.context.progress;
    progress.update(step.key, "", 0, 0);
    ++steps_;
    auto outcome = std::holds_alternative<Run>(instruction.body)    ? run_step(step)
                   : std::holds_alternative<Copy>(instruction.body) ? copy_step(step)
                                                                    : workdir_step(step);
    if (!outcome) {
        progress.finish(step.key, outcome_of(outcome), false);
        auto error = std::move(outcome).error();
        if (!error.at().known()) error.at(instruction.at);
        return fail(std::move(error));
    }
    if (outcome->cached) ++cached_;
    progress.finish(step.key, outcome->cached ? "CACHED" : "DONE", true);
    return {};
}

Status StageRunner::expand_triggers(const Stage& stage, StageState& state, std::vector<Instruction>& out) {
    const auto triggers = std::exchange(state.config.config.on_build, {});
    for (const auto& text : triggers) {
        auto trigger = parse_trigger(text, stage.base.name, in_.file.escape);
        if (!trigger) return fail(std::move(trigger).error().note("its base image says so", stage.from->at));
        out.push_back(std::move(*trigger));
    }
    return {};
}

Result<image::Image> StageRunner::find_image(const std::string& name, const Platform& platform, bool strict) {
    const auto key = concat(name, "\n", platform.to_string());
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = images_.find(key); known != images_.end()) return known->second;
    }
    const auto fits = [&](const image::Image& image) {
        const auto& config = image.config;
        return (config.os.empty() || config.os == platform.os) &&
               (config.architecture.empty() || config.architecture == platform.architecture);
    };
    const auto& pull = in_.request.pull_image;
    Result<image::Image> found = fail(ErrorCode::not_found, "");
    if (in_.request.pull && pull) {
        found = pull(name, platform);
    } else {
        BERTH_ASSIGN_OR_RETURN(auto local, image::find_image(in_.context, name));
        if (local && (!strict || fits(*local)))
            found = std::move(*local);
        else if (pull)
            found = pull(name, platform);
        else
            found = image::get_image(in_.context, name); // for its error
    }
    if (!found) return found;
    if (!fits(*found))
        in_.context.progress->warn(concat("image ", name, " is for ", found->config.os, "/",
                                          found->config.architecture, ", not for ", platform.to_string()));
    BERTH_TRY(image::lease_image(in_.context, *found)); // a prune beside this build leaves its layers to it
    const std::lock_guard lock(mutex_);
    return images_.emplace(key, std::move(*found))
        .first->second; // one look a build: all stages see the same image
}

Result<image::Image> StageRunner::layout_image(const std::string& name, const NamedContext& context) {
    const std::lock_guard lock(layout_mutex_);
    if (const auto known = layouts_.find(name); known != layouts_.end()) return known->second;
    auto loaded = image::load_layout_image(
        in_.context,
        absolute_path(context.value, in_.request.context_dir.empty() ? "/" : in_.request.context_dir),
        context.tag, context.digest, in_.platform);
    if (!loaded) return fail(std::move(loaded).error().context(concat("build context '", name, "'")));
    return layouts_.emplace(name, std::move(*loaded)).first->second;
}

Result<StageState> StageRunner::state_of(const image::Image& image) const {
    StageState state;
    state.config = image.config;
    state.chain = image::chain_id(image.config.rootfs.diff_ids);
    state.created = image.config.created;
    BERTH_ASSIGN_OR_RETURN(state.layers, image::lower_dirs(in_.context, image));
    return state;
}

Result<StageState> StageRunner::state_of_image(const std::string& name, const Stage& stage) {
    const bool strict = stage.platform_said || !in_.request.platform.empty();
    BERTH_ASSIGN_OR_RETURN(const image::Image image, find_image(name, stage.platform, strict));
    return state_of(image);
}

Result<std::optional<StageState>> StageRunner::state_of_context(const std::string& name, const Stage& stage) {
    const auto& context = contexts_given_.at(name);
    std::optional<StageState> out;
    if (context.kind == NamedContext::Kind::image) {
        BERTH_ASSIGN_OR_RETURN(out, state_of_image(context.value, stage));
    } else if (context.kind == NamedContext::Kind::layout) {
        BERTH_ASSIGN_OR_RETURN(const auto image, layout_image(name, context));
        BERTH_ASSIGN_OR_RETURN(out, state_of(image));
    }
    return out;
}

Result<StageState> StageRunner::open_base(const Stage& stage) {
    StageState state;
    switch (stage.base.kind) {
    case StageBase::Kind::stage: {
        auto base = this->stage(stage.base.stage);
        if (!base) return fail(ErrorCode::interrupted, "the stage below was not built");
        state = std::move(*base);
        // Of an ENV and an ARG of one name it is the ENV that a stage passes on.
        const auto in_env = [&](const std::string& name) {
            return find_env(state.config.config.env, name).has_value();
        };
        std::erase_if(state.args, [&](const auto& arg) { return in_env(arg.first); });
        std::erase_if(state.arg_order, in_env);
        break;
    }
    case StageBase::Kind::image: {
        BERTH_ASSIGN_OR_RETURN(state, state_of_image(stage.base.name, stage));
        break;
    }
    case StageBase::Kind::context: {
        BERTH_ASSIGN_OR_RETURN(auto image, state_of_context(stage.base.name, stage));
        if (image) {
            state = std::move(*image);
            break;
        }
        BERTH_ASSIGN_OR_RETURN(const BuildContext* source, named_context(stage.base.name));
        Step step{env_, state, *stage.from, stage.index, {}};
        BERTH_ASSIGN_OR_RETURN(const StepOutcome outcome, import_step(step, *source));
        (void)outcome;
        break;
    }
    case StageBase::Kind::scratch:
        state.config.config.working_dir = "/";
        break;
    }
    auto& config = state.config;
    if (stage.base.kind != StageBase::Kind::stage && stage.base.kind != StageBase::Kind::image) {
        if (config.os.empty()) config.os = stage.platform.os;
        if (config.architecture.empty()) config.architecture = stage.platform.architecture;
        if (config.variant.empty()) config.variant = stage.platform.variant;
    }
    if (state.created.empty()) state.created = in_.epoch >= 0 ? now_text(env_) : "1970-01-01T00:00:00Z";
    if (!find_env(config.config.env, "PATH"))
        config.config.env.insert(config.config.env.begin(), k_default_path);
    state.own_command = false;
    return state;
}

Result<const BuildContext*> StageRunner::named_context(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (const auto known = contexts_.find(name); known != contexts_.end()) return &known->second;
    BERTH_ASSIGN_OR_RETURN(auto opened, open_named_context(in_.context, name, contexts_given_.at(name),
                                                           in_.request.context_dir, in_.scratch));
    return &contexts_.emplace(name, std::move(opened)).first->second;
}

Result<NamedRoot> StageRunner::find_root(const std::string& name, std::size_t before) {
    NamedRoot out;
    if (name.empty()) {
        out.what = in_.main_context.what;
        out.context = &in_.main_context;
        return out;
    }
    if (const auto index = in_.graph.find_stage(to_lower(name), before)) {
        out.what = concat("stage ", in_.graph.stages[*index].label);
        auto built = this->stage(*index);
        if (!built) return fail(ErrorCode::interrupted, concat(out.what, " was not built"));
        out.layers = built->layers;
        out.chain = built->chain;
        return out;
    }
    const auto& stage = in_.graph.stages[before];
    std::optional<StageState> state;
    if (const auto given = context_name(name); contexts_given_.contains(given)) {
        BERTH_ASSIGN_OR_RETURN(state, state_of_context(given, stage));
        if (!state) {
            BERTH_ASSIGN_OR_RETURN(out.context, named_context(given));
            out.what = out.context->what;
            return out;
        }
        out.what = concat("the build context ", name);
    } else {
        BERTH_ASSIGN_OR_RETURN(state, state_of_image(name, stage));
        out.what = concat("image ", name);
    }
    out.layers = std::move(state->layers);
    out.chain = std::move(state->chain);
    return out;
}

} // namespace berth::build
