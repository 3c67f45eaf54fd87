// stage_runner.hpp - runs the stages that the target needs, each in a thread of its own that waits for the
// stages it copies from. The first failure stops the others. Private to runtime/build.
#pragma once

#include "runtime/build/engine.hpp"

#include <future>
#include <mutex>

namespace berth::build {

class StageRunner {
  public:
    struct Input {
        const Context& context;
        const BuildRequest& request;
        const Dockerfile& file;
        const StageGraph& graph;
        const BuildContext& main_context;
        const StepCache& cache;
        const std::map<std::string, NamedContext>& contexts; // by context_name()
        Platform platform;
        std::int64_t epoch;
        std::string scratch;
        std::function<void(std::size_t, const std::string&, const StepRecord&)> note_step;
    };
    explicit StageRunner(Input input);
    StageRunner(const StageRunner&) = delete;
    StageRunner& operator=(const StageRunner&) = delete;
    ~StageRunner();

    // The target stage. Blocks; gives up when the context is cancelled.
    [[nodiscard]] Result<StageState> run();
    [[nodiscard]] int steps() const { return steps_.load(); }
    [[nodiscard]] int cached() const { return cached_.load(); }
    [[nodiscard]] std::set<std::string> used_args();

  private:
    using Outcome = Result<StageState>;
    // Starts the stage when nobody has; waits for it.
    [[nodiscard]] Outcome stage(std::size_t index);
    void start(std::size_t index);
    [[nodiscard]] Outcome run_stage(std::size_t index);
    [[nodiscard]] Status run_steps(const Stage& stage, StageState& state,
                                   const std::vector<const Instruction*>& steps, std::size_t& number,
                                   std::size_t total);
    [[nodiscard]] Status run_one(const Stage& stage, StageState& state, const Instruction& instruction,
                                 std::size_t& number, std::size_t total);
    [[nodiscard]] Result<StageState> open_base(const Stage& stage);
    [[nodiscard]] Result<StageState> state_of(const image::Image& image) const;
    [[nodiscard]] Result<StageState> state_of_image(const std::string& name, const Stage& stage);
    // Nothing: the context is files.
    [[nodiscard]] Result<std::optional<StageState>> state_of_context(const std::string& name,
                                                                     const Stage& stage);
    [[nodiscard]] Result<NamedRoot> find_root(const std::string& name, std::size_t before);
    [[nodiscard]] Result<const BuildContext*> named_context(const std::string& name);
    // strict: one that is here for another platform does not count.
    [[nodiscard]] Result<image::Image> find_image(const std::string& name, const Platform& platform,
                                                  bool strict);
    [[nodiscard]] Result<image::Image> layout_image(const std::string& name, const NamedContext& context);
    [[nodiscard]] Status expand_triggers(const Stage& stage, StageState& state,
                                         std::vector<Instruction>& out);
    [[nodiscard]] std::string key_of(const Stage& stage, const std::string& text, std::size_t number,
                                     std::size_t total) const;

    Input in_;
    std::atomic<bool> stop_ = false;
    std::atomic<int> steps_ = 0;
    std::atomic<int> cached_ = 0;
    BuildEnv env_;
    std::mutex mutex_;
    std::map<std::size_t, std::shared_future<Outcome>> stages_;
    std::map<std::string, BuildContext> contexts_;
    const std::map<std::string, NamedContext>& contexts_given_;
    std::map<std::string, image::Image> images_; // by name and platform
    std::mutex layout_mutex_;                    // a layout is read once, and nobody else waits for that
    std::map<std::string, image::Image> layouts_;
    std::set<std::string> used_args_;
    std::optional<Error> first_error_;
};

} // namespace berth::build
