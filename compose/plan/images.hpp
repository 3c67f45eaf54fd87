// images.hpp - a service's image, or one that `berth run` names, present in the store: found, built or
// pulled.
#pragma once

#include "compose/model/project.hpp"
#include "compose/plan/build_options.hpp"
#include "runtime/build/builder.hpp"
#include "runtime/image/store.hpp"

#include <string>

namespace berth::compose {

// Present and, when one is given, for that platform: returned as it is, unless `pull` is "always". "never": otherwise an
// error. Else pulled.
[[nodiscard]] Result<image::Image> ensure_image(const Context& context, const std::string& reference,
                                                const std::string& pull, const std::string& platform);
// make_network, drop_network and pull_image of a build, wired to our rooms; also for `berth build`.
void wire_build(const Context& context, build::BuildRequest& request);

[[nodiscard]] Result<build::BuildRequest> lower_build(const Project& project, const Service& service,
                                                      const ServiceBuildOptions& options);
// What EnsureImage does. The error names the image and the line of the service, and says what to do.
[[nodiscard]] Result<image::Image> ensure_service_image(const Context& context, const Project& project,
                                                        const Service& service, bool build, bool pull,
                                                        const ServiceBuildOptions& options);

} // namespace berth::compose
