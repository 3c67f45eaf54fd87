// assemble.hpp - files to one raw model: each document is interpolated, its includes are loaded, its services
// extended, and it is merged over what came before. Included models are loaded the same way, with their own
// folder and env file.
#pragma once

#include "compose/load/discover.hpp"

namespace berth::compose::load {

struct LoadedFile {
    ComposeInput input;
    std::vector<SourceNode> documents; // mappings only
};
// Errors (unreadable, no YAML, empty, no mapping) go to the diagnostics; `asked_at` is who named the file.
[[nodiscard]] LoadedFile read_compose_file(LoadContext& context, const ComposeInput& input,
                                           const SourcePos& asked_at = {});

struct ModelScope {
    std::string folder; // relative paths of these files start here
    const Environment* environment = nullptr;
    std::vector<std::string>
        including; // absolute paths of the files that led here: an include cycle is an error
};
[[nodiscard]] SourceNode assemble(LoadContext& context, std::vector<LoadedFile> files,
                                  const ModelScope& scope);

// Replaces `include:` of a document by what it names.
void apply_includes(LoadContext& context, SourceNode& document, const ModelScope& scope);
// Replaces every `extends:` of a document by the service it names, merged under the extending one.
void apply_extends(LoadContext& context, SourceNode& document, const std::string& path,
                   const ModelScope& scope);

} // namespace berth::compose::load
