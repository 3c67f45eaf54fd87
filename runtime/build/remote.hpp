// remote.hpp - what ADD fetches: a file over HTTP, or a git repository. Private to runtime/build.
#pragma once

#include "runtime/build/engine.hpp"

#include <memory>

namespace berth::build {

struct RemoteSource {
    std::string name;      // of the file in a destination folder
    std::string digest;    // of the content, or the commit
    std::string path;      // of the downloaded file, or of the checkout
    std::string subfolder; // of the checkout
    bool folder = false;
    std::int64_t mtime = -1;
    std::shared_ptr<TempDir> holder;
};
[[nodiscard]] Result<RemoteSource> fetch_remote(const Step& step, const std::string& url,
                                                const std::string& checksum, bool keep_git_dir);
[[nodiscard]] Status place_remote(const Step& step, const RemoteSource& remote, int root,
                                  const std::string& destination, const CopyOptions& options,
                                  const std::optional<bool>& unpack);

} // namespace berth::build
