// layout.hpp - where things lie under paths.images(), and the two locks. Nothing outside of runtime/image
// knows this. README.md has the tree ("On disk").
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/reference.hpp"

#include <string>
#include <string_view>

namespace berth::image {

[[nodiscard]] std::string_view hex_of(std::string_view digest); // "sha256:ab.." -> "ab.."

[[nodiscard]] std::string configs_dir(const Context& context);
[[nodiscard]] std::string layers_dir(const Context& context);
[[nodiscard]] std::string references_dir(const Context& context);
[[nodiscard]] std::string staging_root(const Context& context);
[[nodiscard]] std::string config_dir(const Context& context, std::string_view id);
[[nodiscard]] std::string layer_dir(const Context& context, std::string_view chain);
// With `digest` set and `tag` empty: the entry of the digest.
[[nodiscard]] std::string reference_path(const Context& context, const Reference& reference);

// Creates the folders where missing and takes the store's lock.
[[nodiscard]] Result<FileLock> lock_store(const Context& context, bool shared);
[[nodiscard]] Status ensure_store(const Context& context);

// A folder in tmp/ that is deleted with the object, or by the next clean_staging() when the process was
// killed.
class Staging {
  public:
    [[nodiscard]] static Result<Staging> make(const Context& context);
    [[nodiscard]] const std::string& path() const { return folder_.path(); }
    // Moves `name` of it to a final path. false: somebody else was first, and what is there stays.
    [[nodiscard]] Result<bool> publish(const std::string& name, const std::string& final_path);
    // Keeps folder and lock until the process ends.
    [[nodiscard]] std::string leave_to_process() &&;

  private:
    Staging(TempDir folder, Fd lock) : folder_(std::move(folder)), lock_(std::move(lock)) {}
    TempDir folder_;
    Fd lock_;
};
// Deletes what killed processes left in tmp/. Cheap when there is nothing. store_is_ours: the caller holds
// the store's lock exclusively, so that single files are left-overs too.
void clean_staging(const Context& context, bool store_is_ours = false);

} // namespace berth::image
