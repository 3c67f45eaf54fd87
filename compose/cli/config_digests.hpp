// config_digests.hpp - `config --resolve-image-digests` and `--lock-image-digests`: what the tags of a
// project stand for right now, written into its model or into a file that overrides it.
#pragma once

#include "compose/model/project.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/json.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::cli {

// Service name to "docker.io/library/nginx:1@sha256:...", for the services that name an image. The store
// answers first, then the registry; several references are asked for at once. Error: one that nobody knows,
// at its place in the file.
[[nodiscard]] Result<std::map<std::string, std::string>>
pinned_images(const Context& context, const compose::Project& project,
              const std::vector<std::string>& services);
void pin_images(Json& model, const std::map<std::string, std::string>& pinned);
// A model with nothing but the images of the services. `json`: in the dialect of `config --format json`.
[[nodiscard]] Json lock_file(const Json& model, const std::map<std::string, std::string>& pinned, bool json);

} // namespace berth::cli
