// context_source.hpp - where a build's files come from: a folder, a tar on a descriptor, a git repository, an
// address that answers with a tar or a Dockerfile; and named contexts. Folders are used in place, through a
// descriptor; the rest is brought into a folder of the build's own.
#pragma once

#include "runtime/base/file.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/build/ignore.hpp"
#include "runtime/build/named_context.hpp"

#include <memory>
#include <optional>

namespace berth::build {

struct BuildContext {
    Fd root; // O_PATH; an empty folder where only a Dockerfile was given
    IgnoreRules ignore;
    std::string what = "the build context";
    std::optional<std::string> dockerfile; // what an address answered with instead of a tar
};

// `scratch`: a folder of the build's own for what must be unpacked.
[[nodiscard]] Result<BuildContext> open_context(const Context& context, const BuildRequest& request,
                                                const std::string& scratch);
// One that is files: a folder (relative to `base`), a git repository, or a single file from an address.
[[nodiscard]] Result<BuildContext> open_named_context(const Context& context, const std::string& name,
                                                      const NamedContext& value, const std::string& base,
                                                      const std::string& scratch);
// The Dockerfile's text, and the ignore file that goes with it (NAME.dockerignore wins) into `source`.
[[nodiscard]] Result<std::shared_ptr<const SourceFile>> read_dockerfile(const Context& context,
                                                                        const BuildRequest& request,
                                                                        BuildContext& source,
                                                                        const std::string& scratch);

} // namespace berth::build
