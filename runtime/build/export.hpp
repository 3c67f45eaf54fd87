// export.hpp - what becomes of a build's result: the image store, a registry, an archive, a folder. Private
// to runtime/build.
#pragma once

#include "runtime/build/engine.hpp"

namespace berth::build {

// Checks the outputs before anything is built, and completes them: names of an output are tags.
[[nodiscard]] Status check_outputs(BuildRequest& request);
// Whether one of the outputs is the image store.
[[nodiscard]] bool wants_store(const BuildRequest& request);

struct ExportInput {
    const Context& context;
    const BuildRequest& request;
    const StageState& state;
    std::string config_json; // the image configuration's bytes
    std::string scratch;
    std::int64_t epoch = -1;
};
// Every output but the image store, which has the image by now; `result` gets the manifest's digest.
[[nodiscard]] Status export_outputs(const ExportInput& input, BuildResult& result);

} // namespace berth::build
