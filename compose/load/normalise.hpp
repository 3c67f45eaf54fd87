// normalise.hpp - what the specification says without anybody writing it: default values, the default
// network, names on the host, implied dependencies, variables that come from the project's environment. Works
// on a checked model.
#pragma once

#include "compose/load/context.hpp"

namespace berth::compose::load {

void set_defaults(LoadContext& context, SourceNode& root); // before paths are resolved
void normalise(LoadContext& context, SourceNode& root);    // after
// `environment: [A]` takes A from the project; a part of `normalise`, and done without it too.
void resolve_environment(LoadContext& context, SourceNode& root);
// Services without an active profile move to `disabled`; `profiles` names the active ones.
struct Selection {
    SourceNode disabled;
    std::vector<std::string> profiles;
};
[[nodiscard]] Selection select_profiles(LoadContext& context, SourceNode& root);
// Leaves the targeted services and what they depend on; without targets, all.
void keep_targets(const LoadContext& context, SourceNode& root);
// env_file and label_file are read, and merged under `environment` and `labels`.
void read_service_files(LoadContext& context, SourceNode& service, const Path& path);

} // namespace berth::compose::load
