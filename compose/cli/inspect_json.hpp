// inspect_json.hpp - docker-shaped JSON of containers, networks, volumes and images, for the inspect
// commands.
#pragma once

#include "network/model.hpp"
#include "runtime/base/context.hpp"
#include "runtime/container/store.hpp"
#include "runtime/image/store.hpp"
#include "volumes/model.hpp"

#include <string>

namespace berth::cli {

[[nodiscard]] Result<Json> inspect_container(const Context& context, const runtime::Container& container);
[[nodiscard]] Result<Json> inspect_network(const Context& context, const network::Network& network);
[[nodiscard]] Json inspect_volume(const Context& context, const volumes::Volume& volume);
[[nodiscard]] Result<Json> inspect_image(const Context& context, const image::Image& image);

// NetworkSettings.Ports: {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "90/tcp": null}.
[[nodiscard]] Json ports_json(const Context& context, const runtime::Container& container);

} // namespace berth::cli
