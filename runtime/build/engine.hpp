// engine.hpp - what the steps of one build share: the request, the sources that steps read from, the cache,
// and the state of a stage as it grows. Private to runtime/build.
#pragma once

#include "runtime/build/builder.hpp"
#include "runtime/build/cache.hpp"
#include "runtime/build/context_source.hpp"
#include "runtime/build/expand.hpp"
#include "runtime/build/instructions.hpp"
#include "runtime/build/ssh_proxy.hpp"
#include "runtime/build/stages.hpp"
#include "runtime/build/tree.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <set>

namespace berth::build {

struct StageState {
    image::ImageConfig config;
    std::vector<std::string> layers;         // folders, topmost first
    std::string chain;                       // chain id of all layers; empty: scratch
    std::map<std::string, std::string> args; // declared and with a value
    std::vector<std::string> arg_order;
    bool own_command = false; // CMD was set here, so ENTRYPOINT leaves it
    std::string created;      // of the newest layer
};

// A root that COPY --from or a mount reads: a stage, an image, or a named context.
struct NamedRoot {
    std::string what;
    std::vector<std::string> layers; // of a stage or an image
    std::string chain;               // likewise: identifies the content
    const BuildContext* context = nullptr;
};

struct BuildEnv {
    const Context& context;
    const BuildRequest& request;
    const Dockerfile& file;
    const StageGraph& graph;
    const BuildContext& main_context;
    const StepCache& cache;
    Platform platform;
    std::int64_t epoch = -1;
    std::string scratch; // the build's own folder, on the layers' file system
    const std::atomic<bool>& stop;
    // "" is the build context. Waits for a stage that is still being built.
    std::function<Result<NamedRoot>(const std::string& name, std::size_t before_stage)> find_root;
    std::function<void(const std::string& argument)> note_used; // a build argument that was declared
    // A step that was made or found, under each of its keys.
    std::function<void(std::size_t stage, const std::string& key, const StepRecord& record)> note_step;

    [[nodiscard]] bool cancelled() const { return stop.load() || context.is_cancelled(); }
};

struct Step {
    const BuildEnv& env;
    StageState& state;
    const Instruction& instruction;
    std::size_t stage = 0;
    std::string key; // of its progress line

    [[nodiscard]] Expander expander(std::vector<std::string>* unset = nullptr) const;
    // Errors point into the Dockerfile.
    [[nodiscard]] Result<std::string> expand(const Text& text) const;
    [[nodiscard]] Result<std::vector<std::string>> expand_words(const Text& text) const;
    [[nodiscard]] Failure wrong(const SourcePos& at, std::string message, std::string hint = {}) const;
};

struct StepOutcome {
    bool cached = false;
    bool empty = true; // no layer
};

// ---- instructions without files (metadata.cpp) ----
[[nodiscard]] Status apply_metadata(Step& step);
[[nodiscard]] std::vector<std::string> shell_of(const image::RunConfig& config);
[[nodiscard]] std::string command_text(const CommandLine& command); // as written, for history
void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value);
[[nodiscard]] std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view name);
void add_history(StageState& state, const std::string& created_by, const std::string& created,
                 bool empty_layer);

// ---- steps that make layers ----
[[nodiscard]] Result<StepOutcome> run_step(Step& step);
[[nodiscard]] Result<StepOutcome> copy_step(Step& step);
[[nodiscard]] Result<StepOutcome> workdir_step(Step& step);
// FROM a folder context.
[[nodiscard]] Result<StepOutcome> import_step(Step& step, const BuildContext& source);

// Looks the keys up, or makes the layer under the first key's lock: `make` fills `upper`, an empty folder
// that it may also replace by another one (a container's), and answers false when what it used changed
// meanwhile (not to be cached).
struct LayerMaker {
    std::string upper;
    std::string work;
    bool cacheable = true;
    std::optional<LinkFolders> link;
    std::function<void()> release; // called once the layer has been taken
};
[[nodiscard]] Result<StepOutcome> cached_layer(Step& step, const std::string& key,
                                               const std::string& second_key, const std::string& created_by,
                                               const std::function<Status(LayerMaker&)>& make);
[[nodiscard]] std::string now_text(const BuildEnv& env);
// "user[:group]" by the names of the image. A number alone is the group's number too; a name brings its own
// group.
[[nodiscard]] Result<CopyOwner> resolve_owner(int root, const std::string& text);

// Containers of RUN steps whose build was killed.
void sweep_containers(const Context& context, const BuildRequest& request);

// ---- RUN --mount ----
struct PreparedMounts {
    std::vector<runtime::Mount> mounts;
    std::vector<std::string> env;     // of secrets
    std::vector<FileLock> locks;      // of cache mounts
    std::vector<std::string> targets; // mount points, which must leave no trace
    std::vector<TempDir> folders;
    std::vector<std::shared_ptr<SshProxy>> ssh; // they live as long as the step
};
// What of the mounts belongs into the step's key.
[[nodiscard]] Status key_of_mounts(Step& step, const Run& run, KeyBuilder& key);
[[nodiscard]] Result<PreparedMounts> prepare_mounts(Step& step, const Run& run);
// Removes what mounting left in the upper folder: empty mount points that the layers below lack.
[[nodiscard]] Status clean_mount_points(const std::string& upper, const std::vector<std::string>& layers,
                                        const std::vector<std::string>& targets);

} // namespace berth::build
