// stages.hpp - the graph of build stages: what each stands on and which others it copies from, which of them
// the target needs, and the global ARGs that FROM lines see. Pure.
#pragma once

#include "runtime/build/expand.hpp"
#include "runtime/build/instructions.hpp"
#include "runtime/image/platform.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace berth::build {

using image::host_platform;
using image::parse_platform;
using image::Platform;

struct StageBase {
    enum class Kind : std::uint8_t { scratch, stage, image, context } kind = Kind::image;
    std::size_t stage = 0;
    std::string name; // of the image, or of the named context as context_name() has it
};

struct Stage {
    std::size_t index = 0;
    std::string name;  // empty: it has none
    std::string label; // its name, or "stage-0"
    const Instruction* from = nullptr;
    StageBase base;
    Platform platform;          // what its base is for, and its steps run as
    bool platform_said = false; // by FROM --platform here or below
    bool replaced = false;      // by a named context: what the Dockerfile says of it does not count
    std::vector<const Instruction*> steps;
    std::set<std::size_t> uses; // stages that must be built before it
};

struct StageGraph {
    std::map<std::string, std::string> global_args; // ARG before FROM, automatic ones
    std::vector<Stage> stages;
    std::size_t target = 0;
    std::set<std::size_t> needed;
    // A stage before `before` by name (the latest) or index.
    [[nodiscard]] std::optional<std::size_t> find_stage(const std::string& name, std::size_t before) const;
};

struct GraphInput {
    std::string target;
    std::map<std::string, std::string> args;
    std::set<std::string> contexts; // named contexts, which win over images and stages of that name
    Platform platform;
    bool images_may_be_empty = false; // FROM of an empty name is no error: the checks want to see it
};
// The graph points into `file`, which must outlive it.
[[nodiscard]] Result<StageGraph> make_graph(const Dockerfile& file, const GraphInput& input);

// "type=bind,from=build,..." -> the stage or image that a mount reads from; empty: none.
[[nodiscard]] std::string mount_source(const std::string& mount);

} // namespace berth::build
