// stack_bundle.hpp - a tar among the compose files: `compose bundle` wrote a stack's model, the files that it
// needs and its images into it. Read in place, a member at a time: the tar may be larger than memory, and may
// be anybody's.
#pragma once

#include "compose/model/project.hpp"
#include "runtime/base/context.hpp"
#include "runtime/image/archive_files.hpp"

#include <memory>
#include <string>
#include <vector>

namespace berth::cli {

inline constexpr const char* k_bundle_head = "bundle.json"; // says that it is one, and of which version
inline constexpr const char* k_bundle_model = "compose.yaml";
inline constexpr std::int64_t k_bundle_version = 1;
inline constexpr std::size_t k_most_bundled_files = 64u << 20; // bytes of all configs and secrets

struct BundleHead {
    std::int64_t version = 0;
    std::string platform; // "linux/amd64"
};
template <class V> void describe(V& v, BundleHead& h) {
    v.field("version", h.version);
    v.field("platform", h.platform);
}

// "configs/KEY", "secrets/KEY": where their content lies in the tar, and what `file:` says, as
// "./configs/KEY".
[[nodiscard]] std::string bundled_file(std::string_view section, const std::string& key);

class StackBundle {
  public:
    // The model of the bundle at `path`, which this object stands for from then on; nothing when that file
    // is no tar.
    [[nodiscard]] Lookup<std::string> model_of(const Context& context, const std::string& path);
    // Configs and secrets whose content is in the bundle get it from there, not from the project's folder.
    [[nodiscard]] Status give_files(compose::Project& project) const;
    // Names (or ids) of images that the store does not have, or has another image for.
    [[nodiscard]] Result<std::vector<std::string>> missing_images(const Context& context) const;
    // Loads the archive's images unless all are there.
    [[nodiscard]] Status load_images(const Context& context) const;

  private:
    std::string path_;
    BundleHead head_;
    std::unique_ptr<image::ArchiveFiles> files_;
};

} // namespace berth::cli
