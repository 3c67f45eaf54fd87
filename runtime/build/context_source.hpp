// context_source.hpp - where a build's files come from: a folder, a tar on a descriptor, a git repository;
// and named contexts. Folders are used in place, through a descriptor; the rest is brought into a folder of
// the build's own.
#pragma once

#include "runtime/base/file.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/build/ignore.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace berth::build {

struct BuildContext {
    Fd root; // O_PATH; invalid: there is none (only a Dockerfile was given)
    IgnoreRules ignore;
    std::string what = "the build context";
};

// "https://host/repo.git#ref:dir", "git@host:repo", "git://": what git fetches rather than a file.
struct GitAddress {
    std::string repository, ref, directory;
};
[[nodiscard]] std::optional<GitAddress> parse_git_address(const std::string& text);
// A checkout (without .git unless asked for) of one commit in `folder`; its commit id comes back.
[[nodiscard]] Result<std::string> fetch_git(const GitAddress& address, const std::string& folder,
                                            bool keep_git_dir);
[[nodiscard]] bool is_url(std::string_view text);

// `scratch`: a folder of the build's own for what must be unpacked.
[[nodiscard]] Result<BuildContext> open_context(const Context& context, const BuildRequest& request,
                                                const std::string& scratch);
// A named context that is a folder or a git address.
[[nodiscard]] Result<BuildContext> open_named_context(const std::string& name, const std::string& value,
                                                      const std::string& base, const std::string& scratch);
// The Dockerfile's text, and the ignore file that goes with it (NAME.dockerignore wins) into `context`.
[[nodiscard]] Result<std::shared_ptr<const SourceFile>> read_dockerfile(const BuildRequest& request,
                                                                        BuildContext& context);

} // namespace berth::build
